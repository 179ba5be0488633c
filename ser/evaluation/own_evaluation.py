"""Scoring a model on recordings with labels of their own."""

import sys
from typing import Any

import numpy as np
from datasets import Dataset

from ser.corpora.own_data import OWN, UNKNOWN_SPEAKER
from ser.corpora.own_splits import NO_SPEAKERS
from ser.corpora.provenance import environment
from ser.evaluation.scoring import ScoredClips, evaluation_report, score_clips
from ser.recognizer import EmotionRecognizer

SOUND_DIGITS = 16  # of the fingerprint of a recording that a training's record keeps
BANNER = "!" * 78


def evaluate_own_data(
    recognizer: EmotionRecognizer,
    clips: Dataset,
    record: dict[str, Any] | None,
    *,
    batch_size: int = 32,
    show_progress: bool = False,
) -> tuple[ScoredClips, dict[str, Any]]:
    """Score a model on recordings; says on stderr what the scores do not show.

    Args:
        recognizer: Knows the labels of the recordings.
        clips: As `ser.corpora.load_own_data` gives them. Where they are divided, the test part is scored.
        record: How the model was trained, if that is known.
        batch_size: As for `score_clips`.
        show_progress: As for `score_clips`.

    Returns:
        The clips with what was recognised, and the report.

    Raises:
        ValueError: If the model does not know a label.
    """
    splits = np.asarray(clips["split"])
    if (splits == "test").any():
        clips = clips.select(np.flatnonzero(splits == "test"))
    warnings = []
    known = set((record or {}).get("train_sounds", ()))
    if num_known := sum(sound[:SOUND_DIGITS] in known for sound in clips["sha256"]):
        warnings.append(
            f"The model was TRAINED on {num_known} of these {len(clips)} recordings: the scores are too high."
        )
    if clips.unique("actor") == [UNKNOWN_SPEAKER]:
        warnings.append(NO_SPEAKERS)
    for warning in warnings:
        print(f"{BANNER}\nWARNING: {warning}\n{BANNER}", file=sys.stderr)  # noqa: T201  # has to be seen
    classes = [label for label in recognizer.emotions if label in clips.features["emotion"].names]
    unknown = sorted(set(clips.features["emotion"].names) - set(classes))
    scored = score_clips(
        recognizer, clips, [*classes, *unknown], batch_size=batch_size, show_progress=show_progress
    )
    return scored, own_report(scored, " ".join(warnings) or None)


def own_report(scored: ScoredClips, warning: str | None) -> dict[str, Any]:
    """Score recordings of one's own, with what the scores do not show."""
    return {
        "title": f"Held-out recordings ({len(scored.labels)})",
        **evaluation_report(scored),
        "warning": warning,
        "corpus": {"name": OWN},
        **environment(),
    }
