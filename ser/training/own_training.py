"""Training on your own recordings: division, training, calibration, scores and records."""

import csv
import hashlib
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import Trainer

from ser.corpora.own_data import OWN, UNKNOWN_SPEAKER, column_options, labels_of, load_own_data
from ser.corpora.own_splits import Split, split_clips
from ser.evaluation.calibration import (
    apply_temperature,
    choose_operating_point,
    fit_confidence_steps,
    fit_temperature,
)
from ser.evaluation.files import write_evaluation
from ser.evaluation.own_evaluation import SOUND_DIGITS, own_report
from ser.evaluation.scoring import score_clips
from ser.recognizer.torch_kind import TorchRecognizer
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.trainer import train_classifier

RECORDINGS_NAME = "recordings.csv"
MIN_CALIBRATION_CLIPS = 20  # fewer are not enough to calibrate on
MAX_REPEATS = 10
WANTED_ACCURACY = 0.7  # of the answers above `not_sure_below`


@dataclass
class OwnDataArguments:
    """Options for your own recordings, in place of a corpus."""

    data: str | None = field(
        default=None,
        metadata={
            "help": "Your own recordings: a folder with a folder for each label or with metadata.csv, a "
            "table (.csv, .tsv, .jsonl, .parquet) with path, label and optionally speaker, split, weight, "
            "or a data set on the Hub."
        },
    )
    audio_column: str | None = field(default=None, metadata={"help": "Column of the recordings in --data."})
    label_column: str | None = field(default=None, metadata={"help": "Column of the labels in --data."})
    speaker_column: str | None = field(
        default=None,
        metadata={
            "help": "Column in --data of speakers, sessions or calls, which training and test must not share."
        },
    )
    group_by_folder: bool = field(
        default=False, metadata={"help": "Take the folder of a recording in --data as its speaker."}
    )
    skip_unreadable: bool = field(
        default=False, metadata={"help": "Leave out recordings of --data that cannot be used."}
    )
    validation_share: float = field(
        default=0.15, metadata={"help": "Share of --data held out to calibrate the probabilities."}
    )
    test_share: float = field(default=0.2, metadata={"help": "Share of --data held out for the test."})


def read_and_split(own: OwnDataArguments, seed: int) -> Split:
    """Read the recordings and divide them; prints a warning if the scores will be too high.

    Raises:
        ValueError: As `load_own_data` and `split_clips`.
    """
    clips = load_own_data(own.data or "", **column_options(own), skip_unreadable=own.skip_unreadable)
    split = split_clips(clips, validation_share=own.validation_share, test_share=own.test_share, seed=seed)
    if split.warning:
        print(f"Warning: {split.warning}", file=sys.stderr)  # noqa: T201  # for the user
    return split


def train_on_split(
    split: Split,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    resume_from_checkpoint: str | bool | None = None,
) -> tuple[Trainer, TorchRecognizer]:
    """Train on the training part and calibrate on the validation part.

    Raises:
        ValueError: As `train_classifier`.
        OSError: As `train_classifier`.
    """
    recipe = replace(recipe, temperature=1.0, not_sure_below=0.0)
    trainer, recognizer = train_classifier(
        repeated_by_weight(split.train), None, recipe, training_args, resume_from_checkpoint
    )
    if split.validation is not None and len(split.validation) >= MIN_CALIBRATION_CLIPS:
        scored = score_clips(recognizer, split.validation, recognizer.emotions)
        calibrate(recognizer, scored.probabilities, scored.labels)
    return trainer, recognizer


def calibrate(recognizer: TorchRecognizer, probabilities: np.ndarray, labels: np.ndarray) -> None:
    """Set the temperature, the confidence steps and the "not sure" threshold.

    Args:
        recognizer: The trained model, with temperature 1.
        probabilities: Of clips that it was not trained on, shape `(num_clips, num_labels)`.
        labels: The true labels, shape `(num_clips,)`.
    """
    config = recognizer.model.config
    config.temperature = fit_temperature(probabilities, labels)
    tempered = apply_temperature(probabilities, config.temperature)
    config.confidence_steps = recognizer.confidence_steps = fit_confidence_steps(tempered, labels)
    try:
        threshold = choose_operating_point(tempered, labels, WANTED_ACCURACY).threshold
    except ValueError:  # no threshold reaches it: nearly every answer is "not sure"
        threshold = float(np.quantile(tempered.max(axis=1), 0.9))
    config.not_sure_below = recognizer.not_sure_below = threshold


def own_provenance(own: OwnDataArguments, split: Split) -> dict[str, Any]:
    """Return a record of the training data: counts and fingerprints, without names of speakers or files."""
    names = split.train.features["emotion"].names
    sounds = sorted(split.train["sha256"])
    return {
        "corpus": "recordings of their own",
        "corpora": [OWN],
        "corpus_fingerprint": hashlib.sha256("".join(sounds).encode()).hexdigest(),
        "labels": names,
        "num_recordings": {name: len(part) for name, part in split.parts.items()},
        "num_speakers": {
            name: len(set(part["actor"]) - {UNKNOWN_SPEAKER}) for name, part in split.parts.items()
        },
        "split_warning": split.warning,
        "train_sounds": [sound[:SOUND_DIGITS] for sound in sounds],
        "split_options": {"validation_share": own.validation_share, "test_share": own.test_share},
    }


def repeated_by_weight(clips: Dataset) -> Dataset:
    """Repeat each clip in proportion to its weight, from once to `MAX_REPEATS` times."""
    weights = np.asarray(clips["weight"])
    repeats = np.clip(np.round(weights / weights.min()), 1, MAX_REPEATS).astype(int)
    return clips if (repeats == 1).all() else clips.select(np.repeat(np.arange(len(clips)), repeats))


def write_own_results(split: Split, recognizer: TorchRecognizer, output_dir: Path) -> None:
    """Write the scores of the test part to `evaluation`, and a table of all recordings with their part.

    Args:
        split: The recordings.
        recognizer: The trained model.
        output_dir: Output folder of the training.
    """
    write_recordings(split, output_dir / RECORDINGS_NAME)
    if split.test is None:
        return
    scored = score_clips(recognizer, split.test, recognizer.emotions)
    report = own_report(scored, split.warning)
    write_evaluation(output_dir / "evaluation", scored, report, report["title"])
    print(  # noqa: T201  # for the user
        f"Held-out recordings: UAR {100 * report['uar']:.1f} %, accuracy {100 * report['accuracy']:.1f} % on "
        f"{len(scored.labels)} recordings; {output_dir / 'evaluation'} has the details."
    )


def write_recordings(split: Split, file: Path) -> None:
    """Write a table of all recordings with their part, which `--data` can read."""
    has_speakers = any(set(part["actor"]) != {UNKNOWN_SPEAKER} for part in split.parts.values())
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "label", *(["speaker"] if has_speakers else []), "split", "sha256"])
        for name, part in split.parts.items():
            rows = zip(part["audio"], labels_of(part), part["actor"], part["sha256"], strict=True)
            for audio, label, speaker, sha256 in rows:
                writer.writerow([audio["path"], label, *([speaker] if has_speakers else []), name, sha256])
