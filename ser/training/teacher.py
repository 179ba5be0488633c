"""Class scores of a teacher: heads on a speech encoder that were not trained on the speakers they score."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from datasets import Dataset
from safetensors.numpy import load_file, save_file
from torch import nn

from ser.feature_extraction_whisper_lstm import WhisperLstmFeatureExtractor
from ser.training.encoder_features import EncoderFeatures
from ser.training.encoder_heads import model_on_encoder
from ser.training.encoder_rows import StepCollator, StepRows
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments

FORMAT = 1  # raise it when a teacher of the same settings would give other scores
NUM_FOLDS = 4
HEADS: dict[str, Any] = {
    "num_augmented_copies": 3,
    "min_ravdess_share": 0.5,
    "temperature": 1.0,
}
"""The recipe of the heads, where it differs from the defaults."""

HEAD_TRAINING: dict[str, Any] = {"learning_rate": 1e-3, "warmup_steps": 0.2, "num_train_epochs": 2.0}


def distillation_loss(scores: torch.Tensor, teacher_scores: torch.Tensor) -> torch.Tensor:
    """Return the mean divergence of the probabilities from those of a teacher (Hinton et al., 2015).

    Args:
        scores: Of one network, `(B, num_classes)`, or of several, `(..., B, num_classes)`.
        teacher_scores: Of the teacher, `(B, num_classes)`.
    """
    log_probabilities = scores.float().log_softmax(dim=-1)
    target = teacher_scores.float().log_softmax(dim=-1).expand_as(log_probabilities)
    divergence = nn.functional.kl_div(log_probabilities, target, reduction="none", log_target=True)
    return divergence.sum(dim=-1).mean()


def speaker_folds(speakers: Sequence[str], num_folds: int = NUM_FOLDS) -> np.ndarray:
    """Assign each clip to a fold, `(num_clips,)`: all clips of a speaker to one, the speakers in turn.

    >>> speaker_folds(["a", "b", "a", "c"], num_folds=2).tolist()
    [0, 1, 0, 0]
    """
    _, number = np.unique(np.asarray(speakers), return_inverse=True)
    return number % num_folds


def teacher_scores(
    clips: Dataset,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    train: Callable[..., Any],
) -> np.ndarray:
    """Score each training clip with heads that were trained on the clips of other speakers.

    The heads are those of the accurate model. They are trained once a fold and scores are cached.

    Args:
        clips: Training clips, as for `ser.training.trainer.train_classifier`.
        recipe: `teacher` is the encoder.
        training_args: Its seed and precision are those of the heads, too.
        train: `train_classifier`.

    Returns:
        Scores at a temperature of 1, of shape `(num_clips, num_labels)`.

    Raises:
        OSError: If there is no such encoder.
        ValueError: If it is no Whisper encoder, the clips are of one speaker, or several processes train
            and none has computed the scores before.
    """
    if len(set(clips["actor"])) < 2:
        raise ValueError("--teacher needs clips of two speakers or more: it scores those it did not learn.")
    cache_dir = Path(recipe.feature_cache_dir or datasets.config.HF_DATASETS_CACHE)
    heads = RecipeArguments(
        model_name_or_path=recipe.teacher,
        encoder_layers=recipe.encoder_layers,
        augmentation_seed=recipe.augmentation_seed,
        feature_cache_dir=recipe.feature_cache_dir,
        **HEADS,
    )
    encoder = model_on_encoder(str(recipe.teacher), recipe.encoder_layers, num_labels=1)
    feature_extractor = WhisperLstmFeatureExtractor(feature_size=encoder.config.feature_size)
    features = EncoderFeatures(encoder, feature_extractor, cache_dir / "ser-encoder-steps")
    name = _key(clips, heads, training_args, features.fingerprint)
    file = cache_dir / "ser-teacher-scores" / f"{name}.safetensors"
    if file.exists():
        return load_file(file)["scores"]
    if training_args.world_size > 1:
        raise ValueError(
            "The scores of --teacher are not cached yet: start the training once in one process."
        )
    fold_of_clip = speaker_folds(clips["actor"])
    scores = np.empty((len(clips), len(clips.features["emotion"].names)), np.float32)
    for fold in np.unique(fold_of_clip):
        with tempfile.TemporaryDirectory() as folder:
            head_args = RecipeTrainingArguments(
                output_dir=folder,
                save_strategy="no",
                seed=training_args.seed,
                bf16=training_args.bf16,
                disable_tqdm=training_args.disable_tqdm,
                **HEAD_TRAINING,
            )
            _, recognizer = train(clips.select(np.flatnonzero(fold_of_clip != fold)), None, heads, head_args)
        held_out = np.flatnonzero(fold_of_clip == fold)
        scores[held_out] = _scores(recognizer.model.eval(), clips.select(held_out), features)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(f".{os.getpid()}.partial")
    save_file({"scores": scores}, temporary)
    temporary.replace(file)
    return scores


@torch.inference_mode()
def _scores(model: nn.Module, clips: Dataset, features: EncoderFeatures) -> np.ndarray:
    """Return the scores of clips as they are, in their order."""
    actors, corpora = np.asarray(clips["actor"]), np.asarray(clips["corpus"])
    scores = np.empty((len(clips), len(clips.features["emotion"].names)), np.float32)
    for corpus, actor in sorted(set(zip(corpora.tolist(), actors.tolist(), strict=True))):
        rows = np.flatnonzero((corpora == corpus) & (actors == actor))
        of_speaker = StepRows(clips.select(rows), features, [corpus])
        batch = StepCollator()([of_speaker[row] for row in range(len(of_speaker))])
        outputs = model(encoder_steps=batch["encoder_steps"], attention_mask=batch["attention_mask"])
        scores[rows] = outputs.logits.float().numpy()
    return scores


def _key(
    clips: Dataset, heads: RecipeArguments, training_args: RecipeTrainingArguments, fingerprint: str
) -> str:
    """Return a hash of all that decides the scores."""
    settings = asdict(heads) | HEAD_TRAINING | {"seed": training_args.seed, "bf16": training_args.bf16}
    for place in ("model_name_or_path", "feature_cache_dir", "num_proc"):
        del settings[place]
    digest = hashlib.sha256(json.dumps([FORMAT, fingerprint, settings], sort_keys=True).encode())
    for row in clips:
        digest.update(f"{row['corpus']} {row['actor']} {row['emotion']} ".encode())
        digest.update(
            hashlib.sha256(row["audio"]["bytes"] or Path(row["audio"]["path"]).read_bytes()).digest()
        )
    return digest.hexdigest()[:32]
