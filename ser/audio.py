"""The one loader: any sound file to mono float32 samples at the rate a model asks for, or one error."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

MAX_DURATION_SECONDS = 10 * 60  # speech clips last seconds; ten minutes leaves room for a whole interview answer
MIN_DURATION_SECONDS = 0.1  # shorter than a syllable
MIN_SAMPLING_RATE = 4_000  # half a telephone's; a header below it is a lie that would blow up the resampling
MAX_SAMPLING_RATE = 192_000
MAX_NUM_CHANNELS = 8
MAX_FILE_BYTES = MAX_DURATION_SECONDS * MAX_SAMPLING_RATE * 4  # ten minutes of 32-bit mono at the highest rate
MAX_PEAK = 2.0**31  # full scale of 32-bit integers kept as floats; beyond it energies overflow float32
NUM_FRAMES_UNKNOWN = 2**62  # libsndfile states SF_COUNT_MAX (2**63 - 1) where a header gives no length
NUM_BLOCK_FRAMES = 2**19  # 16 MB of eight float32 channels at a time, so that memory does not grow with channels


class AudioError(ValueError):
    """A sound that cannot be used. The message is one for the person who chose the file."""


def load_audio(
    clip: str | os.PathLike[str] | bytes,
    sampling_rate: int,
    *,
    max_duration_seconds: float = MAX_DURATION_SECONDS,
) -> np.ndarray:
    """Read a sound, mix it to mono and resample it.

    Args:
        clip: Path of a file, or the bytes of one.
        sampling_rate: Rate of the result in Hz.
        max_duration_seconds: Longer sounds are refused, where the header is honest before anything is decoded.

    Returns:
        Finite samples, float32 of shape (num_samples,).

    Raises:
        AudioError: The sound cannot be read or breaks a limit; the message says which and what to do.
    """
    with _opened(clip) as (file, name):
        return _decode(file, name, sampling_rate, max_duration_seconds)


@contextmanager
def _opened(clip: str | os.PathLike[str] | bytes) -> Iterator[tuple[BinaryIO, str]]:
    """Open a regular file without waiting on pipes or devices; give it with the name to show."""
    if isinstance(clip, bytes):
        yield io.BytesIO(clip), "The recording"
        return
    path = os.fspath(clip)
    name = "".join(c if c.isprintable() and c not in "<>&\"'`" else "_" for c in os.path.basename(path))[-60:]
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name is not a file name"
        raise AudioError(f"{name or 'The file'} cannot be opened: {reason}.") from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{name or 'The path'} is not a file. Choose a sound file.")
        if status.st_size > MAX_FILE_BYTES:
            raise AudioError(f"{name} has {status.st_size / 1e6:.0f} MB; at most {MAX_FILE_BYTES / 1e6:.0f} MB are read.")
        yield file, name


def _decode(file: BinaryIO, name: str, sampling_rate: int, max_duration_seconds: float) -> np.ndarray:
    """Decode with libsndfile, block by block, up to one frame beyond the cap."""
    try:
        with soundfile.SoundFile(file) as sound:
            rate, num_channels = sound.samplerate, sound.channels
            if not MIN_SAMPLING_RATE <= rate <= MAX_SAMPLING_RATE:
                raise AudioError(
                    f"{name} claims a sampling rate of {rate} Hz; "
                    f"{MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} Hz can be read."
                )
            if num_channels > MAX_NUM_CHANNELS:
                raise AudioError(f"{name} has {num_channels} channels; at most {MAX_NUM_CHANNELS} can be read.")
            max_num_frames = int(max_duration_seconds * rate)
            if max_num_frames < sound.frames < NUM_FRAMES_UNKNOWN:
                raise _too_long(name, max_duration_seconds)
            resampler = soxr.ResampleStream(rate, sampling_rate, 1, dtype="float32", quality="HQ")
            pieces, num_frames, finished = [], 0, False
            while not finished:
                wanted = min(NUM_BLOCK_FRAMES, max_num_frames + 1 - num_frames)
                block = sound.read(wanted, dtype="float32", always_2d=True)  # (frames, channels)
                num_frames += len(block)
                if num_frames > max_num_frames:
                    raise _too_long(name, max_duration_seconds)
                finished = len(block) < wanted
                if len(block) and not max(block.max(), -block.min()) <= MAX_PEAK:  # also false for NaN
                    raise AudioError(f"{name} holds samples that are not numbers, or far beyond full scale.")
                mono = block[:, 0] if num_channels == 1 else block.mean(axis=1)
                pieces.append(mono if rate == sampling_rate else resampler.resample_chunk(mono, last=finished))
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name} cannot be decoded: it is damaged, or not a sound file.") from error
    if num_frames < MIN_DURATION_SECONDS * rate:
        raise AudioError(
            f"{name} lasts {num_frames / rate:.2f} s; at least {MIN_DURATION_SECONDS} s of sound is needed."
        )
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _too_long(name: str, max_duration_seconds: float) -> AudioError:
    return AudioError(f"{name} is longer than {max_duration_seconds:g} s. Cut it to a shorter clip.")
