"""The record that `train.py` leaves in a checkpoint: its recipe, and the speakers it was trained on."""

import json
import os
from pathlib import Path
from typing import Any

from transformers.utils.hub import cached_file

from ser.corpora.speakers import parse_speaker

RECORD_NAME = "training_provenance.json"

# Settings that do not belong to the recipe: place, speed, random start and calibration.
NOT_OF_THE_RECIPE = ("num_proc", "feature_cache_dir", "seed", "temperature", "not_sure_below")

NOT_OF_AN_ENCODER = (
    "architecture",
    "views",
    "target_level_db",
    "high_pass_hz",
    "dynamic_range_db",
    "band_range_db",
    "noise_prob",
    "balanced_loss",
)
"""Settings of the MFCC-LSTM, which a training on a Whisper encoder does not use."""

NOT_OF_ONE_CORPUS = ("corpus_power", "min_ravdess_share", "num_copies_of_other_corpora")
"""Settings that a training on one corpus does not use."""


def read_training_record(
    folder_or_hub_id: str | os.PathLike[str], revision: str | None = None
) -> dict[str, Any] | None:
    """Return the record of a checkpoint, or None if it has none.

    Args:
        folder_or_hub_id: A folder with a checkpoint, or the name of a model on the Hugging Face Hub.
        revision: Branch, tag or commit of a model on the Hub.

    Raises:
        ValueError: If the record cannot be read.
    """
    try:
        file = cached_file(os.fspath(folder_or_hub_id), RECORD_NAME, revision=revision)
    except OSError:  # the checkpoint lacks the file
        return None
    if file is None:
        return None
    try:
        record = json.loads(Path(file).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is not JSON: {error}. Remove it, or train the model again.") from error
    if not isinstance(record, dict):
        raise ValueError(f"{file} holds a {type(record).__name__}, not an object. Train the model again.")
    return record


def training_speakers(record: dict[str, Any] | None) -> set[str] | None:
    """Return the speakers a model was trained or validated on, or None if the record does not say.

    Example:
        >>> sorted(training_speakers({"train_actors": [1, "emodb:3"], "validation_actors": ["ravdess:02"]}))
        ['emodb:03', 'ravdess:01', 'ravdess:02']
    """
    if record is None or "train_actors" not in record:
        return None
    names = [*record["train_actors"], *record.get("validation_actors", [])]
    return {parse_speaker(name) for name in names}


def changed_settings(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Describe the settings in which two recipes differ; empty if they are equal.

    Args:
        before: `recipe` and `training_arguments` of a training's record or of a fold's result.
        now: The same of another training. Settings that one of them lacks count as equal.
    """
    first, second = (each["recipe"] | each["training_arguments"] for each in (before, now))
    known = (first.keys() & second.keys()) - set(NOT_OF_THE_RECIPE)
    if first.get("model_name_or_path"):
        known -= set(NOT_OF_AN_ENCODER)
    if len(before.get("train_corpora", ())) == 1:
        known -= set(NOT_OF_ONE_CORPUS)
    return ", ".join(
        f"{name} {first[name]}, now {second[name]}" for name in sorted(known) if first[name] != second[name]
    )
