"""Cut a channel into stretches of speech and of anything else, while its sound arrives."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable

import numpy as np

from ser.audio import MIN_DURATION_SECONDS
from ser.audio.recording_quality import SILENCE_DB
from ser.segments.channel import Channel, Stretch
from ser.segments.turns import Turn
from ser.segments.voice_activity import FRAME, SAMPLING_RATE

# Chosen on conversations of RAVDESS's actors 1 to 20 and EmoDB (`benchmarks/accuracy/conversations.py`).
SPEECH_PROBABILITY = 0.3  # of a frame that counts as speech; screams get little more
MIN_PAUSE_SECONDS = 0.25  # ends a stretch of speech
SENTENCE_SECONDS = 1.0  # a shorter stretch says little about an emotion, and ends only
MIN_PAUSE_WITHIN_SECONDS = 0.5  # with this pause
MIN_SPEECH_SECONDS = 0.25  # of frames with speech; less is a click or a breath
PADDING_SECONDS = 0.064  # before and after: the network is sure of a word once it is under way
MAX_SEGMENT_SECONDS = 8.0
MIN_PIECE_SECONDS = 3.0  # a longer stretch is cut where it is quietest, at least this far from its start
MIN_REST_SECONDS = 1.0  # and from its end as far as it is known
MIN_SPEECH_SHARE = 0.1  # of the frames of a turn; with fewer, nobody speaks in it


class Cutter(ABC):
    """Cuts one channel."""

    @abstractmethod
    def feed(self, frames: np.ndarray, levels_db: np.ndarray, probabilities: np.ndarray) -> list[Stretch]:
        """Take the next frames and return the stretches that end in them, in order.

        Args:
            frames: Samples of shape `(num_frames, FRAME)`.
            levels_db: Level of each frame relative to full scale.
            probabilities: Probability of speech in each frame.
        """

    @abstractmethod
    def finish(self, num_samples: int) -> list[Stretch]:
        """Return the remaining stretches; the recording ended after `num_samples`."""

    @abstractmethod
    def under_way(self) -> Stretch | None:
        """Return the speech that has not ended yet, as far as it is known."""


class SpeechCutter(Cutter):
    """Cuts at the pauses that the detector finds, and longer speech where it is quietest."""

    def __init__(self) -> None:
        self.channel = Channel()
        self._next_frame = 0  # the first not looked at yet, from the start of the recording
        self._speech_start: int | None = None  # sample; of the stretch under way
        self._voiced_end = 0  # sample after its last frame with speech
        self._num_voiced = 0
        self._goes_on = False  # whether it follows a cut in the same speech
        self._done = 0  # sample to which everything was given out
        self._loudest_db = -np.inf  # since then, outside speech

    def feed(self, frames: np.ndarray, levels_db: np.ndarray, probabilities: np.ndarray) -> list[Stretch]:
        """Return the stretches of speech that end in the next frames, and those between them."""
        self.channel.extend(frames, levels_db, probabilities)
        stretches: list[Stretch] = []
        for level_db, probability in zip(levels_db.tolist(), probabilities.tolist(), strict=True):
            stretches += self._look_at(level_db, probability)
        before = (
            self._done if self._speech_start is not None else self._padded_start(self._next_frame * FRAME)
        )
        self.channel.forget(before)
        return stretches

    def finish(self, num_samples: int) -> list[Stretch]:
        """Return the stretch under way and the rest of the recording."""
        stretches = self._end_of_speech(num_samples) if self._speech_start is not None else []
        return stretches + self._gap(num_samples)

    def under_way(self) -> Stretch | None:
        """Return the speech under way, once it is longer than a click."""
        if self._speech_start is None or self._num_voiced * FRAME < MIN_SPEECH_SECONDS * SAMPLING_RATE:
            return None
        return self.channel.speech(self._speech_start, self.channel.end)

    def _look_at(self, level_db: float, probability: float) -> list[Stretch]:
        start = self._next_frame * FRAME
        self._next_frame += 1
        if self._speech_start is None:
            if probability < SPEECH_PROBABILITY:
                self._loudest_db = max(self._loudest_db, level_db)
                return []
            self._speech_start, self._num_voiced, self._goes_on = self._padded_start(start), 0, False
        if probability >= SPEECH_PROBABILITY:
            self._voiced_end = start + FRAME
            self._num_voiced += 1
        elif start + FRAME - self._voiced_end >= self._min_pause_seconds() * SAMPLING_RATE:
            return self._end_of_speech(start + FRAME)
        if start + FRAME - self._speech_start >= MAX_SEGMENT_SECONDS * SAMPLING_RATE:
            cut = _place_to_cut(self.channel, self._speech_start)
            piece = self._speech(self._speech_start, cut)
            self._speech_start, self._goes_on = cut, True
            return piece
        return []

    def _min_pause_seconds(self) -> float:
        length = self._voiced_end - (self._speech_start or 0)
        return MIN_PAUSE_SECONDS if length >= SENTENCE_SECONDS * SAMPLING_RATE else MIN_PAUSE_WITHIN_SECONDS

    def _padded_start(self, start: int) -> int:
        return max(self._done, start - round(PADDING_SECONDS * SAMPLING_RATE))

    def _end_of_speech(self, known_end: int) -> list[Stretch]:
        start, self._speech_start = self._speech_start or 0, None
        end = min(self._voiced_end + round(PADDING_SECONDS * SAMPLING_RATE), known_end)
        if self._num_voiced * FRAME < MIN_SPEECH_SECONDS * SAMPLING_RATE and not self._goes_on:
            frames = self.channel.frames(start, known_end)
            self._loudest_db = max(self._loudest_db, float(self.channel.levels_db[frames].max()))
            return []
        return self._speech(start, end)

    def _speech(self, start: int, end: int) -> list[Stretch]:
        stretches = [*self._gap(start), self.channel.speech(start, end)]
        self._done, self._loudest_db = end, -np.inf
        return stretches

    def _gap(self, end: int) -> list[Stretch]:
        """Return the stretch without speech since the last one with speech."""
        if end - self._done < FRAME:
            return []
        kind = "silence" if self._loudest_db < SILENCE_DB else "non-speech"
        return [Stretch(self._done, end, kind)]


class TurnCutter(Cutter):
    """Cuts at given turns, and longer turns where they are quietest.

    Args:
        turns: The turns of this channel.
    """

    def __init__(self, turns: Iterable[Turn]):
        self.channel = Channel()
        self._turns = deque(
            (round(turn.start_seconds * SAMPLING_RATE), round(turn.end_seconds * SAMPLING_RATE), turn.speaker)
            for turn in sorted(turns, key=lambda turn: turn.start_seconds)
        )
        self._open: list[tuple[int, int, str | None]] = []

    def feed(self, frames: np.ndarray, levels_db: np.ndarray, probabilities: np.ndarray) -> list[Stretch]:
        """Return the turns, and pieces of longer turns, that end in the next frames."""
        self.channel.extend(frames, levels_db, probabilities)
        return self._cut(self.channel.end)

    def finish(self, num_samples: int) -> list[Stretch]:
        """Return the turns under way, cut where the recording ends."""
        self._open = [(start, min(end, num_samples), speaker) for start, end, speaker in self._open]
        return self._cut(num_samples)

    def under_way(self) -> Stretch | None:
        """Return the first of the turns under way."""
        if not self._open:
            return None
        start, _, speaker = self._open[0]
        return self._stretch(start, self.channel.end, speaker)

    def _cut(self, known_end: int) -> list[Stretch]:
        while self._turns and self._turns[0][0] < known_end:
            self._open.append(self._turns.popleft())
        stretches, still_open = [], []
        for start, end, speaker in self._open:
            while end - start > MAX_SEGMENT_SECONDS * SAMPLING_RATE <= known_end - start:
                cut = _place_to_cut(self.channel, start)
                stretches.append(self._stretch(start, cut, speaker))
                start = cut
            if end <= known_end:
                stretches.append(self._stretch(start, end, speaker))
            else:
                still_open.append((start, end, speaker))
        self._open = still_open
        self.channel.forget(min([known_end, *(start for start, _, _ in still_open)]))
        return sorted(stretches, key=lambda stretch: stretch.end)

    def _stretch(self, start: int, end: int, speaker: str | None) -> Stretch:
        stretch = self.channel.speech(start, end, speaker)
        voiced = self.channel.probabilities[self.channel.frames(start, end)] >= SPEECH_PROBABILITY
        too_short = end - start < MIN_DURATION_SECONDS * SAMPLING_RATE
        if stretch.kind == "speech" and (too_short or voiced.mean() < MIN_SPEECH_SHARE):
            return Stretch(start, end, "non-speech", speaker=speaker)
        return stretch


def _place_to_cut(channel: Channel, start: int) -> int:
    """Return where to cut a stretch that reached `MAX_SEGMENT_SECONDS`."""
    first = start + round(MIN_PIECE_SECONDS * SAMPLING_RATE)
    return channel.quietest(first, start + round((MAX_SEGMENT_SECONDS - MIN_REST_SECONDS) * SAMPLING_RATE))
