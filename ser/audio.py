"""The one loader: any sound file to mono float32 samples at the rate a model asks for, or one error.

WAV, AIFF, AU, CAF, FLAC, MP3 and OGG (Vorbis, Opus) go through libsndfile. What browsers and phones record
besides (WebM, MP4/M4A, 3GP, AAC, AMR, WMA) goes through ffmpeg, where it is installed. The first bytes decide
which; nothing guesses. A playlist dressed up as a sound is refused before any decoder sees it.
"""

import io
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import soundfile
import soxr

from ser import ffmpeg

MAX_DURATION_SECONDS = 10 * 60  # a clip of speech lasts seconds; ten minutes is a whole interview answer
MIN_DURATION_SECONDS = 0.1  # shorter than any syllable
MIN_SAMPLING_RATE = 4_000  # half the telephone's; a rate of 1 Hz would turn 96 KB into 3 GB by resampling
MAX_SAMPLING_RATE = 192_000
MAX_NUM_CHANNELS = 8
MAX_FILE_BYTES = MAX_DURATION_SECONDS * MAX_SAMPLING_RATE * 4  # 460.8 MB: 32-bit mono at the highest rate
MAX_PEAK = 2.0**31  # 32-bit integers kept as floats; the energy of anything louder overflows float32

_NUM_BLOCK_FRAMES = 2**19  # 16 MB of eight float32 channels: memory does not grow with the number of channels
_LENGTH_UNKNOWN = 2**62  # libsndfile gives SF_COUNT_MAX, 2**63 - 1, where a FLAC header states no length
_LIBSNDFILE_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM", b".snd", b"caff", b"ID3")
_FORMATS = "WAV, FLAC, MP3, OGG, M4A or WebM"


class AudioError(ValueError):
    """A sound that cannot be used. The message is for the person who chose the file."""


def load_audio(
    clip: str | os.PathLike[str] | bytes,
    sampling_rate: int,
    *,
    max_duration_seconds: float = MAX_DURATION_SECONDS,
) -> np.ndarray:
    """Read a sound, mix it to mono and resample it (soxr's high quality, as librosa does by default).

    Any number of threads may call this at once.

    Args:
        clip: Path of a file, or the bytes of one.
        sampling_rate: Rate of the result in Hz.
        max_duration_seconds: Longer sounds are refused, before decoding where the header is honest.

    Returns:
        Finite samples, float32 of shape (num_samples,). Of a file that was cut off, what is there; only FLAC,
        whose checksums tell, is then refused.

    Raises:
        AudioError: The sound cannot be read or breaks a limit. The message says which, and what to do.
    """
    with _opened(clip) as (file, name):
        head = file.read(16)
        file.seek(0)
        if head.startswith(_LIBSNDFILE_MAGIC) or _is_mp3(head):
            waveform = _decode_with_libsndfile(file, name, sampling_rate, max_duration_seconds)
        elif demuxer := ffmpeg.demuxer_of(head):
            waveform = _decode_with_ffmpeg(file, name, demuxer, sampling_rate, max_duration_seconds)
        else:
            what = "is not a kind of sound known here" if head else "is empty"
            raise AudioError(f"{name} {what}. Use {_FORMATS}.")
    if len(waveform) < MIN_DURATION_SECONDS * sampling_rate:
        seconds = len(waveform) / sampling_rate
        raise AudioError(
            f"{name} holds {seconds:.2g} s of sound; at least {MIN_DURATION_SECONDS} s is needed."
        )
    if not max(waveform.max(), -waveform.min()) <= MAX_PEAK:  # so written, NaN is refused too
        raise AudioError(f"{name} holds values that are no sound: infinite, not a number or absurdly large.")
    return waveform


@contextmanager
def _opened(clip: str | os.PathLike[str] | bytes) -> Iterator[tuple[BinaryIO, str]]:
    """Open a regular file, never waiting on a pipe or a device, and give it with the name to show for it.

    Shown is the last part of the path, without characters that a terminal or a page would obey.
    """
    if isinstance(clip, bytes):
        yield io.BytesIO(clip), "The recording"
        return
    path = Path(clip)
    name = (
        "".join(c if c.isprintable() and c not in "<>&\"'`" else "_" for c in path.name)[-60:] or "The path"
    )
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (
        OSError,
        ValueError,
    ) as error:  # ValueError: a zero byte, or half a Unicode character, in the name
        reason = error.strerror if isinstance(error, OSError) else "that cannot be the name of a file"
        raise AudioError(f"{name} cannot be opened: {reason}.") from error
    # A file opened by its descriptor has no name, so that no decoder can go by its ending or look beside it.
    # Unbuffered it stands where its descriptor stands, which ffmpeg inherits.
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise AudioError(f"{name} is not a file. Choose a sound file: {_FORMATS}.")
        if status.st_size > MAX_FILE_BYTES:
            size, limit = status.st_size / 1e6, MAX_FILE_BYTES / 1e6
            raise AudioError(
                f"{name} has {size:.0f} MB; at most {limit:.0f} MB are read. Save it compressed."
            )
        yield cast(BinaryIO, file), name


def _is_mp3(head: bytes) -> bool:
    """Whether a frame of MPEG audio starts here, of layer 1, 2 or 3 (layer 0 is AAC)."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def _decode_with_libsndfile(
    file: BinaryIO, name: str, sampling_rate: int, max_duration_seconds: float
) -> np.ndarray:
    """Decode, mix and resample block by block, up to one frame beyond the longest sound allowed."""
    pieces = []
    try:
        with soundfile.SoundFile(file) as sound:
            _check_header(sound, name, max_duration_seconds)
            resampler = soxr.ResampleStream(sound.samplerate, sampling_rate, 1, dtype="float32", quality="HQ")
            weights = np.full(sound.channels, 1 / sound.channels, dtype=np.float32)
            num_frames_left = int(max_duration_seconds * sound.samplerate) + 1
            finished = False
            while not finished:
                num_wanted = min(_NUM_BLOCK_FRAMES, num_frames_left)
                block = sound.read(num_wanted, dtype="float32", always_2d=True)  # (num_frames, num_channels)
                num_frames_left -= len(block)
                if num_frames_left == 0:
                    raise _too_long(name, max_duration_seconds)
                finished = len(block) < num_wanted
                with np.errstate(over="ignore", invalid="ignore"):  # load_audio checks the result
                    mono = block[:, 0] if sound.channels == 1 else block @ weights
                if sound.samplerate != sampling_rate:
                    mono = resampler.resample_chunk(mono, last=finished)
                pieces.append(mono)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"{name} is damaged, or of a kind not known here. Use {_FORMATS}.") from error
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _check_header(sound: soundfile.SoundFile, name: str, max_duration_seconds: float) -> None:
    if not MIN_SAMPLING_RATE <= sound.samplerate <= MAX_SAMPLING_RATE:
        raise AudioError(
            f"{name} claims {sound.samplerate} samples a second; {MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} "
            "can be read. Save it with 16000 or 48000."
        )
    if sound.channels > MAX_NUM_CHANNELS:
        raise AudioError(
            f"{name} has {sound.channels} channels; at most {MAX_NUM_CHANNELS} can be read. Save it as mono."
        )
    if max_duration_seconds * sound.samplerate < sound.frames < _LENGTH_UNKNOWN:
        raise _too_long(name, max_duration_seconds)


def _decode_with_ffmpeg(
    file: BinaryIO, name: str, demuxer: str, sampling_rate: int, max_duration_seconds: float
) -> np.ndarray:
    max_num_samples = int(max_duration_seconds * sampling_rate)
    try:
        waveform = ffmpeg.decode(file, demuxer, sampling_rate, max_num_samples)
    except OSError as error:
        raise AudioError(
            f"{name} can only be read with ffmpeg, which is not installed here. Use WAV, FLAC, MP3 or OGG."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise AudioError(f"{name} takes too long to decode. Use WAV, FLAC, MP3 or OGG.") from error
    if len(waveform) > max_num_samples:
        raise _too_long(name, max_duration_seconds)
    if len(waveform) == 0:
        raise AudioError(f"{name} is damaged, or holds no sound. Use {_FORMATS}.")
    return waveform


def _too_long(name: str, max_duration_seconds: float) -> AudioError:
    return AudioError(f"{name} is longer than {max_duration_seconds:g} s. Cut out the part to listen to.")
