"""The state of one visitor's microphone while it runs: a few seconds of sound and the latest answers."""

import time
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from ser.audio.recording_quality import BLOCK_SECONDS, block_levels_db, is_sounding, noise_floor_db
from ser.recognizer import EmotionRecognizer, SilenceError, Window
from ser.recognizer.analysis import WINDOW_SECONDS

SHOWN_SECONDS = 30.0  # of the timeline
FLOOR_SECONDS = 20.0  # the noise in the room is judged over this long
RECENT_SECONDS = 1.0  # it is silent when this long holds less than
MIN_SOUND_SECONDS = 0.15  # this much sound
MIN_SPEECH_SECONDS = 1.0  # the first words of a sentence mislead the model
PAUSE_SECONDS = 2.0  # without a chunk: the microphone was stopped in between
LOWEST_LEVEL_DB = -60.0


@dataclass
class LiveSession:
    """The state of one visitor's live tab; the waveform never holds more than a window.

    Attributes:
        waveform: The end of what was said since the last silence, at the model's rate.
        levels_db: Level of each recent block of 25 ms.
        windows: The answer to each chunk, the newest last; without probabilities in silence and before a
            second of speech.
        elapsed_seconds: Sound received in all.
        last_chunk_time: When the newest chunk came, on the clock of `time.monotonic`.
        is_speech: Whether there was sound in the last second.
    """

    waveform: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    levels_db: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    windows: list[Window] = field(default_factory=list)
    elapsed_seconds: float = 0.0
    last_chunk_time: float = -np.inf
    is_speech: bool = False

    def follow(self, chunk: np.ndarray, recognizer: EmotionRecognizer, now: float | None = None) -> None:
        """Take the next chunk of sound.

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
        self.is_speech = self._sound_seconds(RECENT_SECONDS) >= MIN_SOUND_SECONDS
        if not self.is_speech:
            # What is said next is a sentence of its own; its first sound may already be in this chunk.
            self.waveform = self.waveform[-len(chunk) :]
        elif self._sound_seconds(len(self.waveform) / rate) >= MIN_SPEECH_SECONDS:
            with suppress(SilenceError):  # its blocks lie otherwise than those of the chunks
                probabilities = recognizer.predict((self.waveform, rate))
        end_seconds = self.elapsed_seconds + len(chunk) / rate
        self.windows.append(Window(self.elapsed_seconds, end_seconds, probabilities))
        self.elapsed_seconds = end_seconds
        while self.windows[0].end_seconds < self.elapsed_seconds - SHOWN_SECONDS:
            self.windows.pop(0)

    @property
    def level(self) -> float:
        """The level of the last tenth of a second, 0 at -60 dB or less and 1 at full scale."""
        recent = self.levels_db[-4:]
        return float(np.clip(1 - recent.max() / LOWEST_LEVEL_DB, 0, 1)) if len(recent) else 0.0

    def _sound_seconds(self, seconds: float) -> float:
        """Return how much sound the last seconds hold."""
        recent = self.levels_db[-max(1, round(seconds / BLOCK_SECONDS)) :]
        return float(is_sounding(recent, noise_floor_db(self.levels_db)).sum() * BLOCK_SECONDS)
