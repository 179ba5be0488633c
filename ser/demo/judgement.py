"""The one judgement of a recording that the page, the saved files and the endpoints show."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ser.demo.timeline import Stretch, shares_of_time, stretches
from ser.recognizer import Analysis, EmotionRecognizer
from ser.recognizer.analysis import SINGLE_PASS_SECONDS
from ser.recognizer.confidence import Confidence, confidence_of


@dataclass(frozen=True)
class Judgement:
    """One recording with its answer.

    Attributes:
        name: Name of the recording.
        emotions: The emotions of the model, in its order.
        analysis: What the model found.
        confidence: The confidence of the strongest emotion.
        parts: What happened when; empty for a recording of up to five seconds.
    """

    name: str
    emotions: tuple[str, ...]
    analysis: Analysis
    confidence: Confidence
    parts: list[Stretch]

    @property
    def is_long(self) -> bool:
        """Whether it holds several sentences, so that shares of the time say more than one emotion."""
        return self.analysis.duration_seconds > SINGLE_PASS_SECONDS

    @property
    def shares(self) -> dict[str, float]:
        """Share of each label in the time with sound."""
        return shares_of_time(self.parts)

    @property
    def strongest(self) -> str:
        """The likeliest emotion."""
        return max(self.analysis.probabilities, key=self.analysis.probabilities.__getitem__)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the sound as JSON has it: saved by the page, returned by `/analyse`."""
        return {
            "recording": self.name,
            "duration_seconds": round(self.analysis.duration_seconds, 3),
            "emotion": self.strongest,
            "is_sure": self.confidence.is_sure,
            "share_of_such_answers_right": self.confidence.share_right,
            "confidence": str(self.confidence),
            "is_out_of_distribution": self.analysis.is_out_of_distribution,
            "probabilities": self.analysis.probabilities,
            "shares_of_time": self.shares,
            "stretches": [vars(part) for part in self.parts],
            "windows": [vars(window) for window in self.analysis.windows],
            "hints": [vars(hint) for hint in self.analysis.hints],
        }


def judge(
    recognizer: EmotionRecognizer,
    recording: str | os.PathLike[str],
    on_progress: Callable[[float], object] = lambda _: None,
) -> Judgement:
    """Analyse a recording.

    Args:
        recognizer: The model.
        recording: Path of a sound or video file.
        on_progress: Called with the share that is done, 0 to 1.

    Raises:
        SilenceError: If the recording is silent.
        AudioError: If it cannot be used for another reason.
    """
    analysis = recognizer.analyse(recording, on_progress)
    return Judgement(
        Path(recording).name,
        recognizer.emotions,
        analysis,
        confidence_of(
            analysis.probabilities,
            recognizer.not_sure_below,
            recognizer.confidence_steps,
            analysis.is_out_of_distribution,
        ),
        stretches(analysis.windows, recognizer.not_sure_below),
    )
