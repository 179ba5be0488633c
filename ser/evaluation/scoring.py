"""Scores of a recogniser on a labelled corpus, and the probabilities behind them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from tqdm import tqdm

from ser.audio import AudioError
from ser.evaluation.enrolment import enrol_speakers
from ser.evaluation.metrics import (
    NUM_RESAMPLES,
    accuracy,
    bootstrap_interval_over_actors,
    classification_scores,
    expected_calibration_error,
    per_class_scores,
    unweighted_average_recall,
)
from ser.evaluation.subgroups import group_scores, largest_gap
from ser.labels import CLASS_SETS, EMOTIONS, restrict_probabilities
from ser.recognizer import EmotionRecognizer

GROUPS = ("gender", "intensity", "statement", "actor")


@dataclass(frozen=True)
class ScoredClips:
    """Clips and the probabilities that a model gives them; every array has one entry a clip, in load order.

    Attributes:
        emotions: The classes scored on, the columns of `probabilities`.
        rows: Row numbers of the clips in the corpus.
        files: Paths of the clips below the folder that contains the whole corpus.
        labels: Index of the true emotion in `emotions`, int (num_clips,).
        probabilities: (num_clips, num_emotions), rows sum to one.
        groups: Columns to break scores down by; an entry is None where the corpus does not say.
        broken: Files that could not be used, with the reason; the arrays leave them out.
    """

    emotions: tuple[str, ...]
    rows: list[int]
    files: list[str]
    labels: np.ndarray
    probabilities: np.ndarray
    groups: dict[str, list[Any]]
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def predictions(self) -> np.ndarray:
        """Index of the likeliest emotion, int (num_clips,)."""
        return self.probabilities.argmax(axis=1)

    def narrowed(self, classes: Sequence[str]) -> "ScoredClips":
        """Return the same clips scored on fewer classes, without the clips of other classes.

        Args:
            classes: Some of `emotions`.
        """
        rows = [row for row, label in enumerate(self.labels) if self.emotions[label] in classes]
        return replace(
            self,
            emotions=tuple(classes),
            rows=[self.rows[row] for row in rows],
            files=[self.files[row] for row in rows],
            labels=np.array([list(classes).index(self.emotions[self.labels[row]]) for row in rows]),
            probabilities=restrict_probabilities(self.probabilities[rows], classes, self.emotions),
            groups={name: [values[row] for row in rows] for name, values in self.groups.items()},
        )


def score_clips(
    recognizer: EmotionRecognizer,
    clips: Dataset,
    classes: Sequence[str] = EMOTIONS,
    batch_size: int = 32,
    skip_broken: bool = False,
    show_progress: bool = False,
    num_enrolled: int = 0,
) -> ScoredClips:
    """Classify every clip of a corpus.

    Args:
        recognizer: Knows all of `classes`, in any order.
        clips: Rows with an undecoded `audio`, `emotion`, and the columns of `GROUPS`.
        classes: The emotions scored on, where a corpus lacks some: clips of others are left out, and see
            `restrict_probabilities`.
        batch_size: Clips held in memory at a time; the result does not depend on it.
        skip_broken: Leave out clips that cannot be used and list them in the result.
        show_progress: Draw a progress bar on stderr.
        num_enrolled: Clips of each speaker to enrol, which are not scored; see `enrol_speakers`.

    Raises:
        AudioError: If a clip cannot be used and `skip_broken` is not set; the message has its whole path.
        ValueError: If the model knows other emotions, no clip is left, or `batch_size` is below 1.
    """
    if unknown := [label for label in classes if label not in recognizer.emotions]:
        raise ValueError(
            f"The model knows {', '.join(recognizer.emotions)}; expected {', '.join(unknown)} too. "
            "Evaluate a model that was trained on these."
        )
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, got {batch_size}.")
    names = clips.features["emotion"].names
    audio = clips.select_columns("audio")
    files = _short_names([row["audio"]["path"] for row in audio])
    wanted = [row for row, label in enumerate(clips["emotion"]) if names[label] in classes]
    broken: dict[str, str] = {}
    kept: list[int] = []
    probabilities: list[np.ndarray] = []
    with tqdm(total=len(wanted), unit="clip", disable=not show_progress) as bar:
        for start in range(0, len(wanted), batch_size):
            waveforms = []
            for row in wanted[start : start + batch_size]:
                clip = audio[row]["audio"]
                try:
                    waveforms.append(recognizer.load(clip))
                except AudioError as error:
                    if not skip_broken:
                        raise AudioError(f"{clip['path']}: {error}") from error
                    broken[files[row]] = str(error)
                else:
                    kept.append(row)
            if waveforms:
                probabilities.append(recognizer.predict_probabilities(waveforms))
            bar.update(min(batch_size, len(wanted) - start))
    if not kept:
        raise ValueError(f"None of the {len(wanted)} clips could be scored.")
    speakers = _speakers(clips.select(kept)["actor"], kept)
    scores, is_scored = enrol_speakers(np.concatenate(probabilities), speakers, num_enrolled)
    kept = np.array(kept)[is_scored].tolist()
    used = clips.select(kept)
    return ScoredClips(
        emotions=tuple(classes),
        rows=kept,
        files=[files[row] for row in kept],
        labels=np.array([list(classes).index(names[label]) for label in used["emotion"]]),
        probabilities=restrict_probabilities(scores[is_scored], classes, recognizer.emotions),
        groups={name: list(used[name]) for name in GROUPS} | {"actor": _speakers(used["actor"], kept)},
        broken=broken,
    )


def _short_names(paths: Sequence[str | None]) -> list[str]:
    """Return paths below the common folder of all; the row number of clips without a path."""
    folders = [Path(path).parent for path in paths if path]
    same_kind = len({folder.is_absolute() for folder in folders}) == 1
    folder = os.path.commonpath(folders) if folders and same_kind else ""
    return [
        os.path.relpath(path, folder or ".") if path else f"row {row}"
        for row, path in enumerate(paths, start=1)
    ]


def _speakers(actors: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    """Return the speaker of each clip; a clip of an unknown speaker counts as a speaker of its own."""
    return [f"clip {row + 1}" if actor == "" else actor for actor, row in zip(actors, rows, strict=True)]


def evaluation_report(scored: ScoredClips, num_resamples: int = NUM_RESAMPLES) -> dict[str, Any]:
    """Return all scores as one dictionary for JSON; fractions from 0 to 1.

    Args:
        scored: The result of `score_clips`.
        num_resamples: Bootstrap resamples of each interval.

    Returns:
        `classes` and `chance`; the scores of `classification_scores` and the calibration error;
        `uar_interval` and `accuracy_interval` over actors; `per_class`; `per_gender`, `per_intensity`,
        `per_statement` and `per_actor` where the corpus defines them, and `gaps` with the largest gap of each
        (see `ser.evaluation.subgroups`); `per_class_set` with the scores on the conventional sets of classes
        that these classes contain; and `broken_clips` with the reasons.
    """
    labels, predictions = scored.labels, scored.predictions
    columns = {
        name: (labels, predictions, scored.groups["actor"], values, num_resamples)
        for name, values in scored.groups.items()
    }
    gaps = {name: largest_gap(*arguments) for name, arguments in columns.items()}
    return {
        "num_clips": len(labels),
        "classes": list(scored.emotions),
        "chance": 1 / len(scored.emotions),
        **classification_scores(labels, predictions),
        **_intervals(scored, num_resamples),
        "expected_calibration_error": expected_calibration_error(scored.probabilities, labels),
        "per_class": per_class_scores(labels, predictions, scored.emotions),
        **{f"per_{name}": group_scores(*arguments) for name, arguments in columns.items()},
        "gaps": {name: gap for name, gap in gaps.items() if gap},
        "per_class_set": {
            name: _short_report(scored.narrowed(classes), num_resamples)
            for name, classes in CLASS_SETS.items()
            if set(classes) <= {scored.emotions[label] for label in labels}
        },
        "broken_clips": scored.broken,
    }


def _short_report(scored: ScoredClips, num_resamples: int) -> dict[str, Any]:
    return {
        "num_clips": len(scored.labels),
        "classes": list(scored.emotions),
        "uar": unweighted_average_recall(scored.labels, scored.predictions),
        "accuracy": accuracy(scored.labels, scored.predictions),
        "expected_calibration_error": expected_calibration_error(scored.probabilities, scored.labels),
        **_intervals(scored, num_resamples),
    }


def _intervals(scored: ScoredClips, num_resamples: int) -> dict[str, Any]:
    actors = scored.groups["actor"]
    return {
        f"{name}_interval": {
            **bootstrap_interval_over_actors(
                scored.labels, scored.predictions, actors, metric, num_resamples
            ),
            "num_actors": len(set(actors)),
            "num_resamples": num_resamples,
        }
        for name, metric in (("uar", unweighted_average_recall), ("accuracy", accuracy))
    }
