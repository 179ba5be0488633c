"""The one judgement of a recording that the page, the saved files and the endpoints show."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ser.audio import MAX_DURATION_SECONDS
from ser.recognizer import Analysis, EmotionRecognizer
from ser.recognizer.analysis import SINGLE_PASS_SECONDS
from ser.recognizer.confidence import Confidence
from ser.segments.formats import segments_content
from ser.segments.segment import Segment
from ser.segments.summary import shares_of_speech

ANALYSIS_SHARE = 0.8  # of the time that a long recording takes; the rest goes to its segments


@dataclass(frozen=True)
class Judgement:
    """One recording with its answer.

    Attributes:
        name: Name of the recording.
        emotions: The emotions of the model, in its order.
        analysis: The analysis by the model.
        confidence: The confidence of the strongest emotion.
        segments: Who felt what, when; a recording of up to ten seconds is one segment.
    """

    name: str
    emotions: tuple[str, ...]
    analysis: Analysis
    confidence: Confidence
    segments: list[Segment]

    @property
    def is_long(self) -> bool:
        """Whether it holds several sentences, so that its segments say more than one emotion."""
        return self.analysis.duration_seconds > SINGLE_PASS_SECONDS

    @property
    def shares(self) -> dict[str, float]:
        """Share of each label in the speech."""
        return shares_of_speech(self.segments)

    @property
    def strongest(self) -> str:
        """The likeliest emotion."""
        return max(self.analysis.probabilities, key=self.analysis.probabilities.__getitem__)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the sound as JSON has it: saved by the page, returned by `/analyse`."""
        return {
            **segments_content(self.segments, self.name, self.emotions),
            "duration_seconds": round(self.analysis.duration_seconds, 3),
            "emotion": self.strongest,
            "is_sure": self.confidence.is_sure,
            "share_of_such_answers_right": self.confidence.share_right,
            "confidence": str(self.confidence),
            "is_out_of_distribution": self.analysis.is_out_of_distribution,
            "probabilities": self.analysis.probabilities,
            "shares_of_speech": self.shares,
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
        ImportError: If it is longer than ten seconds and the package that finds speech is missing.
    """
    analysis = recognizer.analyse(recording, lambda share: on_progress(ANALYSIS_SHARE * share))
    confidence = recognizer.confidence(analysis.probabilities, analysis.is_out_of_distribution)
    duration, is_out = analysis.duration_seconds, analysis.is_out_of_distribution
    segments = [Segment(0.0, duration, 0, None, "speech", analysis.probabilities, confidence, is_out)]
    if duration > SINGLE_PASS_SECONDS:
        segments = _segments(recognizer, recording, duration, on_progress)
        if not any(each.kind == "speech" for each in segments):
            confidence = Confidence(is_sure=False)
    return Judgement(Path(recording).name, recognizer.emotions, analysis, confidence, segments)


def _segments(
    recognizer: EmotionRecognizer,
    recording: str | os.PathLike[str],
    duration_seconds: float,
    on_progress: Callable[[float], object],
) -> list[Segment]:
    segments = []
    for segment in recognizer.segments(recording, max_duration_seconds=MAX_DURATION_SECONDS):
        segments.append(segment)
        done = min(segment.end_seconds / duration_seconds, 1.0)
        on_progress(ANALYSIS_SHARE + (1 - ANALYSIS_SHARE) * done)
    return sorted(segments, key=lambda each: (each.start_seconds, each.channel))
