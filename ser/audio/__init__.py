"""Any recording to mono samples, or one error that says what to do; and what makes a recording doubtful."""

from ser.audio.clips import Clip, load_audio
from ser.audio.decoding import audio_blocks
from ser.audio.limits import (
    MAX_DURATION_SECONDS,
    MAX_NUM_CHANNELS,
    MAX_PEAK,
    MAX_SAMPLING_RATE,
    MIN_DURATION_SECONDS,
    MIN_SAMPLING_RATE,
    AudioError,
)

__all__ = [
    "MAX_DURATION_SECONDS",
    "MAX_NUM_CHANNELS",
    "MAX_PEAK",
    "MAX_SAMPLING_RATE",
    "MIN_DURATION_SECONDS",
    "MIN_SAMPLING_RATE",
    "AudioError",
    "Clip",
    "audio_blocks",
    "load_audio",
]
