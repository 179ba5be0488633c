"""Clips in the forms that people have them: files, bytes, waveforms, rows of a data set, decoders."""

import numbers
import os
from collections.abc import Mapping
from typing import IO, Any, Protocol, runtime_checkable

import numpy as np
import soxr

from ser.audio.decoding import decode, recorded_rate
from ser.audio.limits import (
    MAX_DURATION_SECONDS,
    MAX_FILE_BYTES,
    AudioError,
    check_duration,
    check_format,
    check_samples,
)


@runtime_checkable
class Decoder(Protocol):
    """A recording that is decoded when it is asked for, as torchcodec's `AudioDecoder`."""

    def get_all_samples(self) -> Any:
        """Return samples with `data` of shape `(num_channels, num_samples)` and `sample_rate`."""


Clip = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | tuple[Any, Any]
    | Mapping[str, Any]
    | IO[bytes]
    | Decoder
)
"""One recording, in any of these forms:

- the path of a file, its bytes (`bytes`, `bytearray`, `memoryview`), or a file opened for reading bytes;
- `(waveform, sampling_rate)` or `(sampling_rate, waveform)`: an array or tensor of shape `(num_samples,)` of
  floats between -1 and 1 or of 16- or 32-bit integers, and its rate in Hz;
- `{"array", "sampling_rate"}` or `{"path", "bytes"}`, as `datasets.Audio` gives them, or a row of a data
  set with one of these in its column `audio`;
- a decoder with `get_all_samples()`, as torchcodec has it.
"""

CLIPPING_CHECK_SECONDS = 60.0  # a recording is read at its own rate too if it is no longer
_FORMS = (
    "a path, the bytes of a file, a waveform with its sampling rate in Hz, or a row of a data set with audio"
)
_FULL_SCALE = {"int16": 2**15, "int32": 2**31}


def load_audio(
    clip: Clip, sampling_rate: int, *, max_duration_seconds: float = MAX_DURATION_SECONDS
) -> np.ndarray:
    """Load a recording as mono samples at a sampling rate.

    Any number of threads may call this at once.

    Args:
        clip: What `Clip` lists.
        sampling_rate: Rate of the result in Hz.
        max_duration_seconds: Longer recordings are refused.

    Returns:
        Finite samples, float32 of shape (num_samples,).

    Raises:
        AudioError: If the clip cannot be read or breaks a limit. The message says which, and what to do.
    """
    source = simplified(clip)
    if not isinstance(source, tuple):
        return decode(source, sampling_rate, max_duration_seconds)
    waveform, clip_rate = source
    check_format("The waveform", clip_rate)
    check_duration("The waveform", len(waveform), clip_rate, max_duration_seconds)
    check_samples("The waveform", waveform)
    return waveform if clip_rate == sampling_rate else soxr.resample(waveform, clip_rate, sampling_rate)


def as_recorded(clip: Clip, waveform: np.ndarray, sampling_rate: int) -> tuple[np.ndarray, int]:
    """Return a clip at its own rate, where clipping can be seen, if it is short and not read by ffmpeg.

    What ffmpeg reads is mostly lossy: its flat tops are round anyway.

    Args:
        clip: The clip.
        waveform: What `load_audio` returned for it, `(num_samples,)`.
        sampling_rate: Rate of `waveform` in Hz.
    """
    if len(waveform) > CLIPPING_CHECK_SECONDS * sampling_rate:
        return waveform, sampling_rate
    source = simplified(clip)
    if isinstance(source, tuple):
        return source[0], round(source[1])
    rate = recorded_rate(source)
    if rate is None or rate == sampling_rate:
        return waveform, sampling_rate
    return decode(source, rate, MAX_DURATION_SECONDS), rate


def simplified(clip: Clip) -> str | os.PathLike[str] | bytes | tuple[np.ndarray, float]:
    """Reduce a clip to a path, bytes, or a checked waveform with its rate.

    Raises:
        AudioError: If it is not a clip, or something is missing.
    """
    if isinstance(clip, str | os.PathLike):
        return clip
    if isinstance(clip, bytes | bytearray | memoryview):
        return bytes(clip)
    if isinstance(clip, Mapping):
        return _of_mapping(clip)
    if isinstance(clip, tuple) and len(clip) == 2:
        return _of_pair(*clip)
    if isinstance(clip, Decoder):
        samples = clip.get_all_samples()
        return _waveform(_array(samples.data).mean(axis=0)), float(samples.sample_rate)
    if hasattr(clip, "read"):
        return _of_file(clip)
    if hasattr(clip, "__array__"):
        raise AudioError(
            "A waveform alone does not say its sampling rate. Pass the pair (waveform, sampling_rate)."
        )
    raise AudioError(f"Expected {_FORMS}; got {_named(clip)}.")


def _of_mapping(clip: Mapping[str, Any]) -> str | os.PathLike[str] | bytes | tuple[np.ndarray, float]:
    if clip.get("array") is not None:
        return _of_pair(clip["array"], clip.get("sampling_rate"))
    for key in ("bytes", "path", "audio"):
        if clip.get(key) is not None:
            return simplified(clip[key])
    raise AudioError(
        "Expected a dictionary with array and sampling_rate, with bytes or with path, or a row with the "
        f"column audio; got the keys {', '.join(map(str, clip)) or 'of none'}."
    )


def _of_pair(first: Any, second: Any) -> tuple[np.ndarray, float]:
    """Check a waveform and its rate; Gradio gives the rate first, and channels as columns."""
    waveform, rate = (second, first) if isinstance(first, numbers.Real) else (first, second)
    if not isinstance(rate, numbers.Real):
        raise AudioError(
            f"Expected a waveform with its sampling rate in Hz, such as 16000; got {_named(rate)} as rate."
        )
    samples = _array(waveform)
    if rate is first and samples.ndim == 2:
        samples = samples.astype(np.float32).mean(axis=1) / _FULL_SCALE.get(str(samples.dtype), 1)
    return _waveform(samples), float(rate)


def _array(waveform: Any) -> np.ndarray:
    try:
        return np.asarray(waveform.detach().cpu() if hasattr(waveform, "detach") else waveform)
    except (TypeError, ValueError, RuntimeError) as error:
        raise AudioError(
            f"A waveform must be an array of numbers, got {_named(waveform)}: {error}"
        ) from error


def _waveform(samples: np.ndarray) -> np.ndarray:
    """Return floats between -1 and 1 as a float32 copy."""
    full_scale = _FULL_SCALE.get(str(samples.dtype))
    if samples.ndim != 1 or not (full_scale or samples.dtype.kind == "f"):
        raise AudioError(
            "A waveform must be floats between -1 and 1, or 16- or 32-bit integers, in an array of shape "
            f"(num_samples,); got {samples.dtype} in shape {samples.shape}. Mix channels to mono."
        )
    with np.errstate(over="ignore"):  # load_audio checks the result
        return samples.astype(np.float32) / np.float32(full_scale or 1)


def _named(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _of_file(file: Any) -> bytes:
    content = file.read(MAX_FILE_BYTES + 1)
    if not isinstance(content, bytes):
        raise AudioError("The file was opened as text. Open it with mode 'rb'.")
    if len(content) > MAX_FILE_BYTES:
        raise AudioError(f"The file has more than {MAX_FILE_BYTES / 1e6:.0f} MB. Save it compressed.")
    return content
