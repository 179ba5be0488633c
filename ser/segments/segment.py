"""The segment: the unit of every result about a recording."""

from dataclasses import dataclass
from typing import Any

from ser.recognizer.confidence import Confidence

NOT_SURE = "not sure"
UNNAMED = "speaker"  # stands for the speaker of a mix without turns


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording and its emotion.

    Attributes:
        start_seconds: Where it begins in the recording.
        end_seconds: Where it ends.
        channel: Number of the channel, from 1; 0 for the mix of all.
        speaker: Who speaks, where it is known: from turns, or "channel 2" for a channel of its own.
        kind: "speech", "non-speech" (music, noise) or "silence".
        probabilities: Probability of each emotion, summing to one; `None` where nobody speaks.
        confidence: The confidence of the emotion; `None` where nobody speaks.
        is_out_of_distribution: Whether the speech is unlike the training data; `None` if nobody speaks or
            the model cannot tell.
    """

    start_seconds: float
    end_seconds: float
    channel: int
    speaker: str | None
    kind: str
    probabilities: dict[str, float] | None = None
    confidence: Confidence | None = None
    is_out_of_distribution: bool | None = None

    @property
    def duration_seconds(self) -> float:
        """Length of the segment."""
        return self.end_seconds - self.start_seconds

    @property
    def emotion(self) -> str | None:
        """The likeliest emotion."""
        return max(self.probabilities, key=self.probabilities.__getitem__) if self.probabilities else None

    @property
    def is_sure(self) -> bool:
        """Whether the emotion should be given without reserve."""
        return self.confidence is not None and self.confidence.is_sure

    @property
    def label(self) -> str:
        """The label in shares of the speech: the emotion, "not sure", "non-speech" or "silence"."""
        if self.emotion is None:
            return self.kind
        return self.emotion if self.is_sure else NOT_SURE

    @property
    def words(self) -> str:
        """The label as a reader is shown it: "not sure (angry)" where the emotion is uncertain."""
        return f"{NOT_SURE} ({self.emotion})" if self.label == NOT_SURE else self.label

    def to_dict(self) -> dict[str, Any]:
        """Return all but the probabilities, under the names that tables and JSON have for it."""
        confidence = self.confidence
        return {
            "start_seconds": self.start_seconds,
            "end_seconds": self.end_seconds,
            "channel": self.channel,
            "speaker": self.speaker,
            "kind": self.kind,
            "emotion": self.emotion,
            "confidence": str(confidence) if confidence else None,
            "is_sure": confidence.is_sure if confidence else None,
            "share_of_such_answers_right": confidence.share_right if confidence else None,
            "is_out_of_distribution": self.is_out_of_distribution,
        }
