"""A teacher scores only speakers that it was not trained on; its scores, and votes, are what models learn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import List, Value
from train_together import TINY

from ser.training import teacher
from ser.training.recipe import ARCHITECTURES, RecipeArguments, RecipeTrainingArguments
from ser.training.trainer import train_classifier


def recipe_of(encoder: Path, cache_dir: Path, **settings) -> RecipeArguments:
    return RecipeArguments(
        teacher=str(encoder),
        architecture="tiny",
        ensemble_size=1,
        num_augmented_copies=1,
        num_proc=1,
        feature_cache_dir=str(cache_dir),
        **settings,
    )


def arguments(folder: Path, **settings) -> RecipeTrainingArguments:
    return RecipeTrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=8, bf16=False, disable_tqdm=True, **settings
    )


@pytest.fixture(autouse=True)
def short_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)
    monkeypatch.setitem(teacher.HEAD_TRAINING, "max_steps", 2)


def test_the_loss_is_the_divergence_from_the_teacher():
    scores = torch.log(torch.tensor([[[0.5, 0.25, 0.25]], [[0.2, 0.4, 0.4]]]))  # two networks
    target = torch.log(torch.tensor([[0.2, 0.4, 0.4]])) + 7.0  # scores may have any offset
    expected = 0.2 * np.log(0.2 / 0.5) + 0.8 * np.log(0.4 / 0.25)
    assert teacher.distillation_loss(scores[:1], target).item() == pytest.approx(expected, rel=1e-5)
    assert teacher.distillation_loss(scores, target).item() == pytest.approx(expected / 2, rel=1e-5)


def test_nobody_is_scored_by_heads_that_learned_from_them(clips, encoder, tmp_path, monkeypatch):
    trained_on, fold_of = [], teacher.speaker_folds(clips["actor"])

    def train(part, validation, recipe, training_args):
        trained_on.append(set(part["actor"]))
        assert recipe.model_name_or_path == str(encoder)
        return train_classifier(part, validation, recipe, training_args)

    recipe = recipe_of(encoder, tmp_path)
    scores = teacher.teacher_scores(clips, recipe, arguments(tmp_path), train)
    assert scores.shape == (len(clips), 8)
    assert np.isfinite(scores).all()
    speakers = np.asarray(clips["actor"])
    for fold, trained in zip(np.unique(fold_of), trained_on, strict=True):
        assert trained == set(speakers) - set(speakers[fold_of == fold])
    monkeypatch.setattr(teacher, "_scores", lambda *_: pytest.fail("scored again"))
    again = teacher.teacher_scores(clips, recipe, arguments(tmp_path), train)
    np.testing.assert_array_equal(again, scores)


def test_a_student_learns_the_scores_of_its_teacher(clips, encoder, tmp_path, monkeypatch):
    """The teacher calls every clip of a speaker one emotion, against all labels: so does the student."""
    wanted = np.where(np.asarray(clips["actor"]) == "ravdess:01", 4, 6)
    monkeypatch.setattr(
        "ser.training.trainer.teacher_scores", lambda *_: 20.0 * np.eye(8, dtype=np.float32)[wanted]
    )
    trainer, recognizer = train_classifier(
        clips,
        None,
        recipe_of(encoder, tmp_path, teacher_weight=1.0, num_copies_of_other_corpora=0, noise_prob=0.0),
        arguments(tmp_path, max_steps=60, learning_rate=2e-2, save_strategy="no"),
    )
    rows = trainer.train_dataset
    assert len(rows) == 2 * 12 + 6  # copies of the first corpus only
    assert [int(row["teacher_scores"].argmax()) for row in rows] == np.repeat(
        wanted, [2] * 12 + [1] * 6
    ).tolist()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses[-1] < 0.7 * losses[0]
    probabilities = recognizer.predict_probabilities([recognizer.load(audio) for audio in clips["audio"]])
    assert probabilities[:, [4, 6]].sum(axis=1).mean() > 0.7


@pytest.mark.parametrize("with_encoder", [False, True])
def test_a_model_learns_the_votes_of_listeners(clips, encoder, tmp_path, with_encoder):
    votes = [[0, 0, 0, 0, 0.5, 0, 0.5, 0] if corpus == "ravdess" else None for corpus in clips["corpus"]]
    recipe = recipe_of(encoder, tmp_path, noise_prob=0.0, temperature=1.0)
    recipe.teacher = None
    recipe.model_name_or_path = str(encoder) if with_encoder else None
    trainer, recognizer = train_classifier(
        clips.add_column("votes", votes, feature=List(Value("float32"))),
        None,
        recipe,
        arguments(tmp_path, max_steps=60, learning_rate=2e-2, save_strategy="no"),
    )
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["labels"].shape == (8, 8)
    of_ravdess = np.flatnonzero(np.asarray(clips["corpus"]) == "ravdess")
    voices = [recognizer.load(audio) for audio in clips.select(of_ravdess)["audio"]]
    assert recognizer.predict_probabilities(voices)[:, [4, 6]].sum(axis=1).mean() > 0.35  # 0.25 by chance


def test_what_cannot_be_taught_is_refused(clips, encoder, tmp_path):
    heads = recipe_of(encoder, tmp_path, model_name_or_path=str(encoder))
    with pytest.raises(ValueError, match="--teacher is for the MFCC-LSTM"):
        train_classifier(clips, None, heads, arguments(tmp_path))
    of_one_speaker, recipe = clips.select(range(6)), recipe_of(encoder, tmp_path)
    with pytest.raises(ValueError, match="two speakers or more"):
        teacher.teacher_scores(of_one_speaker, recipe, arguments(tmp_path), train_classifier)
