"""What is accepted as a recording, and the error for everything else."""

import numpy as np

MAX_DURATION_SECONDS = 10 * 60  # a clip of speech lasts seconds; ten minutes is a whole interview answer
MIN_DURATION_SECONDS = 0.1  # shorter than any syllable
MIN_SAMPLING_RATE = 4_000  # half the telephone's; a rate of 1 Hz would turn 96 KB into 3 GB by resampling
MAX_SAMPLING_RATE = 192_000
MAX_NUM_CHANNELS = 8
# 115.2 million over all channels: a second of decoding. Ten minutes of eight channels would be eight seconds,
# in 60 KB of FLAC.
MAX_NUM_SAMPLES = MAX_DURATION_SECONDS * MAX_SAMPLING_RATE
MAX_FILE_BYTES = MAX_NUM_SAMPLES * 4  # 460.8 MB
MAX_PEAK = 2.0**31  # 32-bit integers kept as floats; the energy of anything louder overflows float32
FORMATS = "WAV, FLAC, MP3, OGG, M4A or WebM"
# The endings searched for in a folder. A file that is named may have any.
AUDIO_SUFFIXES = {
    *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
    *(".rf64", ".m4a", ".mp4", ".3gp", ".aac", ".amr", ".wma", ".webm"),
}


class AudioError(ValueError):
    """A recording that cannot be used. The message is for the person who chose it."""


class NotDecodableError(AudioError):
    """A file that one decoder does not understand; another one may."""


def check_format(name: str, sampling_rate: float, num_channels: int = 1) -> None:
    """Refuse a sampling rate or a number of channels outside of the limits.

    Raises:
        AudioError: If one is.
    """
    if not MIN_SAMPLING_RATE <= sampling_rate <= MAX_SAMPLING_RATE:
        raise AudioError(
            f"{name} claims a sampling rate of {sampling_rate:g} Hz; {MIN_SAMPLING_RATE} to "
            f"{MAX_SAMPLING_RATE} Hz can be read. Save it at 16000 or 48000 Hz."
        )
    if num_channels > MAX_NUM_CHANNELS:
        raise AudioError(
            f"{name} has {num_channels} channels; at most {MAX_NUM_CHANNELS} can be read. Save it as mono."
        )


def check_duration(
    name: str, num_samples: int, sampling_rate: float, max_duration_seconds: float | None = None
) -> None:
    """Refuse a recording that is too short, or too long if that is limited.

    Raises:
        AudioError: If it is.
    """
    if num_samples < MIN_DURATION_SECONDS * sampling_rate:
        raise AudioError(
            f"{name} holds {1000 * num_samples / sampling_rate:.1f} ms of sound; "
            f"at least {1000 * MIN_DURATION_SECONDS:.0f} ms is needed. Record a longer clip."
        )
    if max_duration_seconds is not None and num_samples > max_duration_seconds * sampling_rate:
        raise too_long(name, max_duration_seconds)


def check_samples(name: str, samples: np.ndarray) -> None:
    """Refuse values that cannot be sound.

    Raises:
        AudioError: If a sample is infinite, not a number or absurdly large.
    """
    if len(samples) and not max(samples.max(), -samples.min()) <= MAX_PEAK:  # so written, NaN is refused too
        raise AudioError(f"{name} holds values that are no sound: infinite, not a number or absurdly large.")


def too_long(name: str, max_duration_seconds: float) -> AudioError:
    """Return the error for a recording beyond a limit."""
    return AudioError(
        f"{name} is longer than {max_duration_seconds:g} s. Cut out the part to analyse, or analyse all of "
        "it in segments: predict.py --segments."
    )
