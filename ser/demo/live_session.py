"""What is remembered of one person's microphone while it runs: a few seconds of sound and what was heard."""

import time
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from ser.recognizer import EmotionRecognizer, SilenceError, Window
from ser.recognizer.analysis import WINDOW_SECONDS
from ser.recording_quality import BLOCK_SECONDS, block_levels_db, is_sounding, noise_floor_db

SHOWN_SECONDS = 30.0  # of the timeline
FLOOR_SECONDS = 20.0  # the noise in the room is judged over this long
RECENT_SECONDS = 1.0  # it is silent when this long holds less than
MIN_SOUND_SECONDS = 0.15  # this much sound
PAUSE_SECONDS = 2.0  # without a chunk: the microphone was stopped in between


@dataclass
class LiveSession:
    """The state of one visitor's live tab; the waveform never holds more than a window.

    Attributes:
        waveform: The end of what was said since the last silence, at the model's rate.
        levels_db: Level of each recent block of 25 ms.
        windows: What was heard in each chunk, the newest last.
        elapsed_seconds: Sound received in all.
        last_chunk_time: When the newest chunk came, on the clock of `time.monotonic`.
    """

    waveform: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    levels_db: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    windows: list[Window] = field(default_factory=list)
    elapsed_seconds: float = 0.0
    last_chunk_time: float = -np.inf

    def follow(self, chunk: np.ndarray, recognizer: EmotionRecognizer, now: float | None = None) -> None:
        """Hear the next stretch of sound.

        Args:
            chunk: Samples at the model's rate, `(num_samples,)`.
            recognizer: The model.
            now: When the chunk came, in seconds; the present by default.
        """
        now = time.monotonic() if now is None else now
        if now - self.last_chunk_time > PAUSE_SECONDS:
            self.waveform = self.waveform[:0]
        self.last_chunk_time = now
        rate = recognizer.sampling_rate
        self.waveform = np.concatenate([self.waveform, chunk])[-round(WINDOW_SECONDS * rate) :]
        levels_db = np.concatenate([self.levels_db, block_levels_db(chunk, rate)])
        self.levels_db = levels_db[-round(FLOOR_SECONDS / BLOCK_SECONDS) :]

        probabilities = None
        if self._recent_sound_seconds() >= MIN_SOUND_SECONDS:
            with suppress(SilenceError):  # this close to it, its blocks may lie otherwise than the chunks'
                probabilities = recognizer.predict((self.waveform, rate))
        else:
            # What is said next is a sentence of its own; its first sound may already be in this chunk.
            self.waveform = self.waveform[-len(chunk) :]
        end_seconds = self.elapsed_seconds + len(chunk) / rate
        self.windows.append(Window(self.elapsed_seconds, end_seconds, probabilities))
        self.elapsed_seconds = end_seconds
        while self.windows[0].end_seconds < self.elapsed_seconds - SHOWN_SECONDS:
            self.windows.pop(0)

    def _recent_sound_seconds(self) -> float:
        recent = self.levels_db[-round(RECENT_SECONDS / BLOCK_SECONDS) :]
        return float(is_sounding(recent, noise_floor_db(self.levels_db)).sum() * BLOCK_SECONDS)
