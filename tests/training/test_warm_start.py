"""Training on other labels from a trained checkpoint."""

from pathlib import Path

import pytest
import torch
from own_recordings import write_label_folders
from random_checkpoint import save_random_checkpoint

from ser import EmotionRecognizer
from ser.configuration_whisper_lstm import WhisperLstmConfig
from ser.corpora import load_own_data
from ser.feature_extraction_whisper_lstm import WhisperLstmFeatureExtractor
from ser.modeling_whisper_lstm import WhisperLstmForAudioClassification
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.trainer import train_classifier
from ser.training.warm_start import start_from

LABELS = ("bored", "sad", "very angry")
SIZES = {
    "feature_size": 20, "encoder_width": 16, "encoder_layers": 2, "encoder_attention_heads": 2,
    "encoder_ffn_dim": 24, "used_layers": [1, 2], "projection_size": 6, "hidden_size": 5, "attention_size": 4,
    "ensemble_size": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return save_random_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def train(clips, checkpoint: Path, folder: Path, freeze: str, num_copies: int = 0):
    args = RecipeTrainingArguments(
        output_dir=str(folder), max_steps=3, save_steps=3, per_device_train_batch_size=8, disable_tqdm=True
    )
    recipe = RecipeArguments(
        init_from=str(checkpoint),
        freeze=freeze,
        num_augmented_copies=num_copies,
        num_proc=None,
        temperature=1.0,
        feature_cache_dir=str(folder / "features"),
    )
    trainer, recognizer = train_classifier(clips, None, recipe, args)
    assert len(trainer.train_dataset) == (1 + num_copies) * len(clips)
    return recognizer


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


def test_heads_on_an_encoder_go_on_learning_other_labels(tmp_path):
    torch.manual_seed(0)
    config = WhisperLstmConfig(
        id2label=dict(enumerate(("happy", "sad"))), label2id={"happy": 0, "sad": 1}, **SIZES
    )
    model = WhisperLstmForAudioClassification(config)
    model.set_statistics(torch.randn(32), torch.rand(32) + 0.5)
    model.save_pretrained(tmp_path / "accurate")
    WhisperLstmFeatureExtractor(feature_size=20).save_pretrained(tmp_path / "accurate")
    before = start_from(str(tmp_path / "accurate"), LABELS).model.state_dict()
    clips = load_own_data(write_label_folders(tmp_path / "clips", LABELS))
    trained = train(clips, tmp_path / "accurate", tmp_path, "front", num_copies=1)
    after = trained.model.state_dict()
    for name, weight in after.items():
        stays = name.startswith(("encoder.", "step_")) or name.split(".")[2] == "projection"
        assert torch.equal(weight, before[name]) == stays, name
    trained.save_pretrained(tmp_path / "saved")
    again = EmotionRecognizer.from_pretrained(tmp_path / "saved")
    assert again.emotions == LABELS
    clip = clips[0]["audio"]["path"]
    assert again.predict(clip) == pytest.approx(trained.predict(clip), abs=1e-3)


def test_an_unknown_part_to_freeze_is_named(checkpoint):
    with pytest.raises(ValueError, match="freeze must be one of nothing, front, body, got 'half'"):
        start_from(str(checkpoint), LABELS, "half")
