"""Clips in the forms that people have them, as mono samples at the rate of a model."""

import io
import os
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ser.audio import (
    MAX_DURATION_SECONDS,
    MAX_PEAK,
    MAX_SAMPLING_RATE,
    MIN_DURATION_SECONDS,
    MIN_SAMPLING_RATE,
    AudioError,
    load_audio,
)

Clip = str | os.PathLike[str] | bytes | tuple[np.ndarray, int]
"""A recording: a file's path, a file's bytes, or a waveform of shape `(num_samples,)` with its rate in Hz."""

CLIPPING_CHECK_SECONDS = 60.0  # a recording is read at its own rate too if it is no longer


def load_clip(clip: Clip, sampling_rate: int) -> np.ndarray:
    """Return a clip as float32 samples; waveforms are held to the limits of files.

    Raises:
        AudioError: If the clip cannot be used.
    """
    if not isinstance(clip, tuple):
        return load_audio(clip, sampling_rate)
    waveform, clip_rate = np.asarray(clip[0]), clip[1]
    _check_waveform(waveform, clip_rate)
    waveform = waveform.astype(np.float32)
    if clip_rate == sampling_rate:
        return waveform
    return soxr.resample(waveform, clip_rate, sampling_rate)


def as_recorded(clip: Clip, waveform: np.ndarray, sampling_rate: int) -> tuple[np.ndarray, int]:
    """Return a clip at its own rate, where clipping can be seen, if it is short and libsndfile reads it.

    Args:
        clip: The clip.
        waveform: What `load_clip` returned for it, `(num_samples,)`.
        sampling_rate: Rate of `waveform` in Hz.
    """
    if len(waveform) > CLIPPING_CHECK_SECONDS * sampling_rate:
        return waveform, sampling_rate
    if isinstance(clip, tuple):
        return np.asarray(clip[0], dtype=np.float32), clip[1]
    try:
        # By its content, as the loader does: a name that ends in .raw would make soundfile ask for a rate.
        with io.BytesIO(clip) if isinstance(clip, bytes) else Path(clip).open("rb") as file:
            source = file if isinstance(clip, bytes) else file.fileno()
            with soundfile.SoundFile(source, closefd=False) as sound:
                recorded_rate = sound.samplerate
    except soundfile.LibsndfileError:  # what ffmpeg reads is lossy: its flat tops are round anyway
        return waveform, sampling_rate
    return (waveform if recorded_rate == sampling_rate else load_audio(clip, recorded_rate)), recorded_rate


def _check_waveform(waveform: np.ndarray, sampling_rate: float) -> None:
    if waveform.ndim != 1 or waveform.dtype.kind != "f":
        raise AudioError(
            "A waveform must be floats between -1 and 1 in an array of shape (num_samples,), got "
            f"{waveform.dtype} in shape {waveform.shape}. Mix channels to mono, divide 16-bit integers by "
            "32768."
        )
    if not MIN_SAMPLING_RATE <= sampling_rate <= MAX_SAMPLING_RATE:
        raise AudioError(
            f"The waveform claims a sampling rate of {sampling_rate} Hz; "
            f"expected {MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} Hz."
        )
    if not MIN_DURATION_SECONDS <= len(waveform) / sampling_rate <= MAX_DURATION_SECONDS:
        raise AudioError(
            f"The waveform lasts {len(waveform) / sampling_rate:g} s; "
            f"expected {MIN_DURATION_SECONDS:g} to {MAX_DURATION_SECONDS:g} s."
        )
    if not np.abs(waveform).max() <= MAX_PEAK:  # so written, NaN is refused too
        raise AudioError("The waveform holds values that are no sound: infinite, NaN or absurdly large.")
