"""The decoders: a file or its bytes to float32 samples at the rate a model asks for.

WAV, AIFF, AU, CAF, FLAC, MP3 and OGG (Vorbis, Opus) are read by libsndfile. What browsers and phones record
besides (WebM, MP4/M4A, MOV, 3GP, AAC, AMR, WMA), and what libsndfile does not understand in containers that
it knows, is read by ffmpeg, where it is installed. The first bytes decide which formats are tried: a playlist
dressed up as a recording is refused before any decoder sees it.
"""

import io
import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ser.audio import ffmpeg
from ser.audio.limits import (
    FORMATS,
    MAX_FILE_BYTES,
    MAX_NUM_CHANNELS,
    MAX_NUM_SAMPLES,
    MIN_DURATION_SECONDS,
    AudioError,
    NotDecodableError,
    check_duration,
    check_format,
    check_samples,
    too_long,
)
from ser.audio.mpeg import SEARCHED_BYTES, first_frame, frame_bytes

NUM_BLOCK_FRAMES = 2**19  # 16 MB of eight float32 channels: memory does not grow with the number of channels
_LENGTH_UNKNOWN = 2**62  # libsndfile gives SF_COUNT_MAX, 2**63 - 1, where a FLAC header states no length
_LIBSNDFILE_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM", b".snd", b"caff", b"ID3")

Source = str | os.PathLike[str] | bytes


class _Memory(io.BytesIO):
    """Bytes that ignore an impossible seek: libsndfile notices that, but never sees an exception."""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


_File = io.FileIO | _Memory


def decode(source: Source, sampling_rate: int, max_duration_seconds: float) -> np.ndarray:
    """Read a file, mix it to mono and resample it (soxr's high quality, as librosa does by default).

    Args:
        source: Path of a file, or the bytes of one.
        sampling_rate: Rate of the result in Hz.
        max_duration_seconds: Longer recordings are refused, before decoding where the header is honest.

    Returns:
        Finite samples, float32 of shape (num_samples,). Of a file that was cut off, what is there; only FLAC,
        whose checksums tell, is then refused.

    Raises:
        AudioError: If the file cannot be read or breaks a limit. The message says which, and what to do.
    """
    waveform, refusals = np.empty(0, np.float32), []
    with _opened(source) as (file, name):
        for content, demuxer in _attempts(file, name):
            try:
                if demuxer is None:
                    waveform = _decode_with_libsndfile(content, name, sampling_rate, max_duration_seconds)
                else:
                    waveform = _decode_with_ffmpeg(
                        content, name, demuxer, sampling_rate, max_duration_seconds
                    )
            except NotDecodableError as error:
                refusals.append(error)
            if len(waveform) >= MIN_DURATION_SECONDS * sampling_rate:
                break
    if refusals and len(waveform) == 0:
        raise refusals[0]
    check_duration(name, len(waveform), sampling_rate)
    check_samples(name, waveform)
    return waveform


def audio_blocks(
    source: Source, sampling_rate: int, *, max_duration_seconds: float = math.inf
) -> Iterator[np.ndarray]:
    """Read a recording of any length block by block, its channels apart, and resample it as `decode` does.

    Memory does not grow with the length.

    Args:
        source: Path of a file, or the bytes of one.
        sampling_rate: Rate of the result in Hz.
        max_duration_seconds: A longer recording is refused once so much of it is read.

    Yields:
        Finite samples, float32 of shape (num_samples, num_channels); of a minute or less in each block.

    Raises:
        AudioError: If the file cannot be read. Where it is damaged, after what comes before the damage.
    """
    num_samples = 0
    with _opened(source, max_bytes=None) as (file, name):
        for block in _first_blocks(file, name, sampling_rate):
            check_samples(name, block)
            num_samples += len(block)
            if num_samples > max_duration_seconds * sampling_rate:
                raise too_long(name, max_duration_seconds)
            yield block
    check_duration(name, num_samples, sampling_rate)


def recorded_rate(source: Source) -> int | None:
    """Return the sampling rate in Hz that a file was recorded with; `None` if libsndfile does not read it."""
    with _opened(source) as (file, _):
        try:
            with soundfile.SoundFile(_for_libsndfile(file), closefd=False) as sound:
                return int(sound.samplerate)
        except soundfile.SoundFileError:
            return None


def _attempts(file: _File, name: str) -> Iterator[tuple[_File, str | None]]:
    """Yield what to decode and the demuxer for ffmpeg, `None` for libsndfile, the likeliest first.

    Raises:
        AudioError: If the file is of no known kind.
    """
    beginning = file.read(SEARCHED_BYTES)
    head, num_attempts = beginning[:16], 0
    demuxer = ffmpeg.demuxer_of(head)
    if head.startswith(_LIBSNDFILE_MAGIC) or frame_bytes(head[:4]) is not None:
        file.seek(0)
        num_attempts += 1
        yield file, None
    if demuxer is not None:
        file.seek(0)
        num_attempts += 1
        yield file, demuxer
    # MP3 cut in a frame, or with zeros in front, from its first whole frame on. By ffmpeg first: if no header
    # counts the frames, libsndfile guesses how many there are.
    if not head.startswith(_LIBSNDFILE_MAGIC[:-1]) and (start := first_frame(beginning)) is not None:
        file.seek(start)
        frames = file.read()
        yield _Memory(frames), "mp3"
        yield _Memory(frames), None
    elif num_attempts == 0:
        what = "is not a kind of sound known here" if head else "is empty"
        raise AudioError(f"{name} {what}. Use {FORMATS}.")


def _first_blocks(file: _File, name: str, sampling_rate: int) -> Iterator[np.ndarray]:
    """Return the blocks of the first decoder that understands the file."""
    refusals = []
    for content, demuxer in _attempts(file, name):
        if demuxer is None:
            blocks = _blocks_of_libsndfile(content, name, sampling_rate)
        else:
            blocks = _blocks_of_ffmpeg(content, name, demuxer, sampling_rate)
        sounding = (block for block in blocks if len(block))
        try:
            if (first := next(sounding, None)) is not None:
                return chain([first], sounding)
        except NotDecodableError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]
    return iter(())


@contextmanager
def _opened(source: Source, max_bytes: int | None = MAX_FILE_BYTES) -> Iterator[tuple[_File, str]]:
    """Open a regular file, no pipe that may never speak, and give it with the name to show for it."""
    if isinstance(source, bytes):
        yield _Memory(source), "The recording"
        return
    path = Path(source)
    # The last part of the path, without characters that a terminal or a page would obey.
    name = "".join(char if char.isprintable() and char not in "<>&\"'`" else "_" for char in path.name)[-60:]
    try:
        if not path.is_file():
            raise AudioError(
                f"{name or 'The path'} is not there, or not a file. Choose a sound file: {FORMATS}."
            )
        if max_bytes is not None and path.stat().st_size > max_bytes:
            raise AudioError(f"{name} has more than {max_bytes / 1e6:.0f} MB. Save it compressed.")
        with path.open("rb", buffering=0) as file:  # unbuffered, its descriptor stands where it stands
            yield file, name
    except OSError as error:
        raise AudioError(f"{name} cannot be read: {error.strerror}.") from error


def _for_libsndfile(file: _File) -> int | _Memory:
    # A descriptor has no name, so that libsndfile cannot go by its ending or look for files beside it.
    return file if isinstance(file, _Memory) else file.fileno()


def _decode_with_libsndfile(
    file: _File, name: str, sampling_rate: int, max_duration_seconds: float
) -> np.ndarray:
    try:
        with soundfile.SoundFile(_for_libsndfile(file), closefd=False) as sound:
            _check_header(sound, name, max_duration_seconds)
            if sound.samplerate == sampling_rate:
                return np.concatenate(list(_mono_blocks(sound)))
            resampler = soxr.ResampleStream(sound.samplerate, sampling_rate, 1, dtype="float32", quality="HQ")
            pieces = [resampler.resample_chunk(block) for block in _mono_blocks(sound)]
            return np.concatenate([*pieces, resampler.resample_chunk(np.empty(0, np.float32), last=True)])
    except soundfile.SoundFileError as error:
        raise _damaged(name) from error


def _check_header(sound: soundfile.SoundFile, name: str, max_duration_seconds: float) -> None:
    check_format(name, sound.samplerate, sound.channels)
    if not 0 <= sound.frames < _LENGTH_UNKNOWN:
        raise AudioError(f"{name} does not say how long it is. Save it again as WAV or FLAC.")
    max_num_frames = min(int(max_duration_seconds * sound.samplerate), MAX_NUM_SAMPLES // sound.channels)
    if sound.frames > max_num_frames:
        raise too_long(name, max_num_frames / sound.samplerate)


def _mono_blocks(sound: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Yield one block or more, never beyond the length in the header, which was checked."""
    weights = np.full(sound.channels, 1 / sound.channels, dtype=np.float32)
    num_frames_left = sound.frames
    while True:
        num_wanted = min(NUM_BLOCK_FRAMES, num_frames_left)
        block = sound.read(num_wanted, dtype="float32", always_2d=True)  # (num_frames, num_channels)
        num_frames_left -= len(block)
        with np.errstate(over="ignore", invalid="ignore"):  # decode checks the result
            mono = block[:, 0] if sound.channels == 1 else block @ weights
        yield mono
        if num_frames_left == 0 or len(block) < num_wanted:  # the latter where the header of an MP3 lied
            return


def _blocks_of_libsndfile(file: _File, name: str, sampling_rate: int) -> Iterator[np.ndarray]:
    try:
        with soundfile.SoundFile(_for_libsndfile(file), closefd=False) as sound:
            check_format(name, sound.samplerate, sound.channels)
            num_wanted = min(NUM_BLOCK_FRAMES * MAX_NUM_CHANNELS // sound.channels, 60 * sound.samplerate)
            resampler = soxr.ResampleStream(
                sound.samplerate, sampling_rate, sound.channels, dtype="float32", quality="HQ"
            )
            last = False
            while not last:
                block = sound.read(num_wanted, dtype="float32", always_2d=True)
                last = len(block) < num_wanted
                with np.errstate(over="ignore", invalid="ignore"):  # audio_blocks checks the result
                    yield (
                        block if sound.samplerate == sampling_rate else resampler.resample_chunk(block, last)
                    )
    except soundfile.SoundFileError as error:
        raise _damaged(name) from error


def _decode_with_ffmpeg(
    file: _File, name: str, demuxer: str, sampling_rate: int, max_duration_seconds: float
) -> np.ndarray:
    max_num_samples = int(max_duration_seconds * sampling_rate)
    with _errors_of_ffmpeg(name):
        waveform = ffmpeg.decode(file, demuxer, sampling_rate, max_num_samples)
    if len(waveform) > max_num_samples:
        raise too_long(name, max_duration_seconds)
    if len(waveform) == 0:
        raise NotDecodableError(f"{name} is damaged, or holds no sound. Use {FORMATS}.")
    return waveform


def _blocks_of_ffmpeg(file: _File, name: str, demuxer: str, sampling_rate: int) -> Iterator[np.ndarray]:
    with _errors_of_ffmpeg(name):
        num_block_samples = NUM_BLOCK_FRAMES * MAX_NUM_CHANNELS
        for block in ffmpeg.decode_blocks(file, demuxer, sampling_rate, num_block_samples):
            check_format(name, sampling_rate, block.shape[1])
            yield block


@contextmanager
def _errors_of_ffmpeg(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotDecodableError(
            f"{name} can only be read with ffmpeg, which is not installed here. Use WAV, FLAC, MP3 or OGG."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise AudioError(f"{name} takes too long to decode. Use WAV, FLAC, MP3 or OGG.") from error


def _damaged(name: str) -> NotDecodableError:
    hint = "" if shutil.which("ffmpeg") else " With ffmpeg installed, more kinds can be read."
    return NotDecodableError(f"{name} is damaged, or of a kind not known here. Use {FORMATS}.{hint}")
