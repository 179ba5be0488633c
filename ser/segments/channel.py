"""The buffer of a channel while it is cut, and the stretches it is cut into.

Samples are counted from the start of the recording; a frame is the `FRAME` samples of one probability.
"""

from dataclasses import dataclass, field

import numpy as np

from ser.audio.recording_quality import SILENCE_DB
from ser.segments.voice_activity import FRAME


@dataclass(frozen=True)
class Stretch:
    """A piece of one channel.

    Attributes:
        start: First sample.
        end: Sample after the last.
        kind: "speech", "non-speech" (music, noise) or "silence".
        waveform: Its samples, where it is speech; else `None`.
        speaker: From a turn.
    """

    start: int
    end: int
    kind: str
    waveform: np.ndarray | None = None
    speaker: str | None = None


@dataclass
class Channel:
    """The buffered sound of a channel: samples from `start` on, and level and probability of each frame."""

    start: int = 0
    samples: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    levels_db: np.ndarray = field(default_factory=lambda: np.empty(0))
    probabilities: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def end(self) -> int:
        """Sample after the last one received."""
        return self.start + len(self.samples)

    def extend(self, frames: np.ndarray, levels_db: np.ndarray, probabilities: np.ndarray) -> None:
        """Append frames `(num_frames, FRAME)` with their levels and probabilities of speech."""
        self.samples = np.concatenate([self.samples, frames.ravel()])
        self.levels_db = np.concatenate([self.levels_db, levels_db])
        self.probabilities = np.concatenate([self.probabilities, probabilities])

    def forget(self, before: int) -> None:
        """Drop the whole frames before a sample."""
        num_frames = max(0, min(before, self.end) - self.start) // FRAME
        self.samples = self.samples[num_frames * FRAME :].copy()
        self.levels_db, self.probabilities = self.levels_db[num_frames:], self.probabilities[num_frames:]
        self.start += num_frames * FRAME

    def frames(self, start: int, end: int) -> slice:
        """Return the frames that a stretch touches."""
        return slice((start - self.start) // FRAME, -(-(end - self.start) // FRAME))

    def speech(self, start: int, end: int, speaker: str | None = None) -> Stretch:
        """Return a stretch of speech, or of silence if it is too quiet to be speech."""
        if self.levels_db[self.frames(start, end)].max() < SILENCE_DB:
            return Stretch(start, end, "silence", speaker=speaker)
        samples = self.samples[start - self.start : end - self.start].copy()
        return Stretch(start, end, "speech", samples, speaker)

    def quietest(self, start: int, end: int) -> int:
        """Return the start of the quietest frame between two samples, averaged with its neighbours."""
        frames = self.frames(start, end)
        levels_db = np.convolve(self.levels_db[frames], np.ones(3) / 3, mode="same")[1:-1]
        return self.start + (frames.start + 1 + int(levels_db.argmin())) * FRAME
