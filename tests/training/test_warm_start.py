"""Training on other labels from a trained checkpoint."""

from pathlib import Path

import pytest
import torch
from own_recordings import write_label_folders
from random_checkpoint import save_random_checkpoint

from ser import EmotionRecognizer
from ser.corpora import load_own_data
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.trainer import train_classifier
from ser.training.warm_start import start_from

LABELS = ("bored", "sad", "very angry")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return save_random_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def train(clips, checkpoint: Path, folder: Path, freeze: str):
    args = RecipeTrainingArguments(
        output_dir=str(folder), max_steps=3, save_steps=3, per_device_train_batch_size=8, disable_tqdm=True
    )
    recipe = RecipeArguments(
        init_from=str(checkpoint), freeze=freeze, num_augmented_copies=0, num_proc=None, temperature=1.0,
        feature_cache_dir=str(folder / "features"),
    )  # fmt: skip
    return train_classifier(clips, None, recipe, args)[1]


def test_a_new_classifier_keeps_the_rows_of_labels_known_by_name(checkpoint):
    old = EmotionRecognizer.from_pretrained(checkpoint)
    new = start_from(str(checkpoint), LABELS).model
    assert new.config.num_labels == 3
    assert new.config.id2label == dict(enumerate(LABELS))
    assert new.config.temperature == 1.0
    for before, after in zip(old.model.members, new.members, strict=True):
        assert after.classifier.weight.shape[0] == 3
        row = old.emotions.index("sad")
        assert torch.equal(after.classifier.weight[1], before.classifier.weight[row])
        assert torch.equal(
            after.lstm_layers[0].forward_lstm.weight_hh_l0, before.lstm_layers[0].forward_lstm.weight_hh_l0
        )


@pytest.mark.parametrize(
    ("freeze", "stays"),
    [("nothing", ()), ("front", ("convolutions.",)), ("body", ("convolutions.", "lstm_layers.", "pooling."))],
)
def test_frozen_layers_stay_and_the_others_learn(checkpoint, tmp_path, freeze, stays):
    clips = load_own_data(write_label_folders(tmp_path / "clips", LABELS))
    before = start_from(str(checkpoint), LABELS).model.state_dict()
    trained = train(clips, checkpoint, tmp_path, freeze)
    for name, weight in trained.model.state_dict().items():
        if "num_batches" in name:
            continue
        layer = name.split(".", 2)[2]
        if layer.startswith("classifier.weight"):
            assert not torch.equal(weight, before[name])
        elif layer.startswith(stays):
            assert torch.equal(weight, before[name]), name
        else:
            assert not torch.equal(weight, before[name]), name
    trained.save_pretrained(tmp_path / "saved")
    again = EmotionRecognizer.from_pretrained(tmp_path / "saved")
    clip = clips[0]["audio"]["path"]
    assert again.emotions == LABELS
    assert again.predict(clip) == pytest.approx(trained.predict(clip), abs=1e-6)
    assert (
        again.feature_extractor.mean == EmotionRecognizer.from_pretrained(checkpoint).feature_extractor.mean
    )


def test_an_unknown_part_to_freeze_is_named(checkpoint):
    with pytest.raises(ValueError, match="freeze must be one of nothing, front, body, got 'half'"):
        start_from(str(checkpoint), LABELS, "half")
