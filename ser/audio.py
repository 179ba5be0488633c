"""The one loader: any sound file to mono float32 samples at the rate a model asks for, or one error.

WAV, AIFF, AU, CAF, FLAC, MP3 and OGG (Vorbis, Opus) go through libsndfile. What browsers and phones record
besides (WebM, MP4/M4A, 3GP, AAC, AMR, WMA) goes through ffmpeg, where it is installed. The first bytes decide
which; nothing guesses. A playlist dressed up as a sound is refused before any decoder sees it.
"""

import io
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from ser import ffmpeg

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
            raise _unknown_kind(head, name)
    if len(waveform) < MIN_DURATION_SECONDS * sampling_rate:
        raise _too_short(name, len(waveform) / sampling_rate)
    if not max(waveform.max(), -waveform.min()) <= MAX_PEAK:  # so written, NaN is refused too
        raise _not_a_sound(name)
    return waveform


def audio_blocks(clip: str | os.PathLike[str] | bytes, sampling_rate: int) -> Iterator[np.ndarray]:
    """Read a sound of any length block by block, its channels apart, and resample it as `load_audio` does.

    Memory does not grow with the length.

    Args:
        clip: Path of a file, or the bytes of one.
        sampling_rate: Rate of the result in Hz.

    Yields:
        Finite samples, float32 of shape (num_samples, num_channels); of a minute or less in each block.

    Raises:
        AudioError: The sound cannot be read. Where it is damaged, after what comes before the damage.
    """
    num_samples = 0
    with _opened(clip, max_bytes=None) as (file, name):
        head = file.read(16)
        file.seek(0)
        if head.startswith(_LIBSNDFILE_MAGIC) or _is_mp3(head):
            blocks = _blocks_of_libsndfile(file, name, sampling_rate)
        elif demuxer := ffmpeg.demuxer_of(head):
            blocks = _blocks_of_ffmpeg(file, name, demuxer, sampling_rate)
        else:
            raise _unknown_kind(head, name)
        for block in blocks:
            if len(block) == 0:
                continue
            if not max(block.max(), -block.min()) <= MAX_PEAK:
                raise _not_a_sound(name)
            num_samples += len(block)
            yield block
    if num_samples < MIN_DURATION_SECONDS * sampling_rate:
        raise _too_short(name, num_samples / sampling_rate)


def _blocks_of_libsndfile(file: "io.FileIO | _Memory", name: str, sampling_rate: int) -> Iterator[np.ndarray]:
    source = file if isinstance(file, _Memory) else file.fileno()
    try:
        with soundfile.SoundFile(source, closefd=False) as sound:
            _check_format(sound, name)
            num_wanted = min(_NUM_BLOCK_FRAMES * MAX_NUM_CHANNELS // sound.channels, 60 * sound.samplerate)
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


def _blocks_of_ffmpeg(
    file: "io.FileIO | _Memory", name: str, demuxer: str, sampling_rate: int
) -> Iterator[np.ndarray]:
    num_block_samples = _NUM_BLOCK_FRAMES * MAX_NUM_CHANNELS
    try:
        for block in ffmpeg.decode_blocks(file, demuxer, sampling_rate, num_block_samples):
            if block.shape[1] > MAX_NUM_CHANNELS:
                raise _too_many_channels(name, block.shape[1])
            yield block
    except OSError as error:
        raise _no_ffmpeg(name) from error
    except subprocess.TimeoutExpired as error:
        raise _too_slow(name) from error


class _Memory(io.BytesIO):
    """Bytes where a seek to nowhere goes nowhere: libsndfile notices, an exception would never reach it."""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


@contextmanager
def _opened(
    clip: str | os.PathLike[str] | bytes, max_bytes: int | None = MAX_FILE_BYTES
) -> Iterator[tuple[io.FileIO | _Memory, str]]:
    """Open a regular file, no pipe that may never speak, and give it with the name to show for it."""
    if isinstance(clip, bytes):
        yield _Memory(clip), "The recording"
        return
    path = Path(clip)
    # The last part of the path, without characters that a terminal or a page would obey.
    name = "".join(char if char.isprintable() and char not in "<>&\"'`" else "_" for char in path.name)[-60:]
    try:
        if not path.is_file():
            raise AudioError(
                f"{name or 'The path'} is not there, or not a file. Choose a sound file: {_FORMATS}."
            )
        if max_bytes is not None and path.stat().st_size > max_bytes:
            raise AudioError(f"{name} has more than {max_bytes / 1e6:.0f} MB. Save it compressed.")
        with path.open("rb", buffering=0) as file:  # unbuffered, its descriptor stands where it stands
            yield file, name
    except OSError as error:
        raise AudioError(f"{name} cannot be read: {error.strerror}.") from error


def _is_mp3(head: bytes) -> bool:
    """Whether a frame of MPEG audio starts here, of layer 1, 2 or 3 (layer 0 is AAC)."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06 != 0


def _decode_with_libsndfile(
    file: io.FileIO | _Memory, name: str, sampling_rate: int, max_duration_seconds: float
) -> np.ndarray:
    # A descriptor has no name, so that libsndfile cannot go by its ending or look for files beside it.
    source = file if isinstance(file, _Memory) else file.fileno()
    try:
        with soundfile.SoundFile(source, closefd=False) as sound:
            _check_header(sound, name, max_duration_seconds)
            if sound.samplerate == sampling_rate:
                return np.concatenate(list(_mono_blocks(sound)))
            resampler = soxr.ResampleStream(sound.samplerate, sampling_rate, 1, dtype="float32", quality="HQ")
            pieces = [resampler.resample_chunk(block) for block in _mono_blocks(sound)]
            return np.concatenate([*pieces, resampler.resample_chunk(np.empty(0, np.float32), last=True)])
    except soundfile.SoundFileError as error:
        raise _damaged(name) from error


def _check_header(sound: soundfile.SoundFile, name: str, max_duration_seconds: float) -> None:
    _check_format(sound, name)
    rate, num_channels = sound.samplerate, sound.channels
    if not 0 <= sound.frames < _LENGTH_UNKNOWN:
        raise AudioError(f"{name} does not say how long it is. Save it again as WAV or FLAC.")
    max_num_frames = min(int(max_duration_seconds * rate), MAX_NUM_SAMPLES // num_channels)
    if sound.frames > max_num_frames:
        raise _too_long(name, max_num_frames / rate)


def _check_format(sound: soundfile.SoundFile, name: str) -> None:
    rate, num_channels = sound.samplerate, sound.channels
    if not MIN_SAMPLING_RATE <= rate <= MAX_SAMPLING_RATE:
        raise AudioError(
            f"{name} claims a sampling rate of {rate} Hz; {MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} Hz "
            "can be read. Save it at 16000 or 48000 Hz."
        )
    if num_channels > MAX_NUM_CHANNELS:
        raise _too_many_channels(name, num_channels)


def _mono_blocks(sound: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """Yield one block or more, never beyond the length in the header, which was checked."""
    weights = np.full(sound.channels, 1 / sound.channels, dtype=np.float32)
    num_frames_left = sound.frames
    while True:
        num_wanted = min(_NUM_BLOCK_FRAMES, num_frames_left)
        block = sound.read(num_wanted, dtype="float32", always_2d=True)  # (num_frames, num_channels)
        num_frames_left -= len(block)
        with np.errstate(over="ignore", invalid="ignore"):  # load_audio checks the result
            mono = block[:, 0] if sound.channels == 1 else block @ weights
        yield mono
        if num_frames_left == 0 or len(block) < num_wanted:  # the latter where the header of an MP3 lied
            return


def _decode_with_ffmpeg(
    file: io.FileIO | _Memory, name: str, demuxer: str, sampling_rate: int, max_duration_seconds: float
) -> np.ndarray:
    max_num_samples = int(max_duration_seconds * sampling_rate)
    try:
        waveform = ffmpeg.decode(file, demuxer, sampling_rate, max_num_samples)
    except OSError as error:
        raise _no_ffmpeg(name) from error
    except subprocess.TimeoutExpired as error:
        raise _too_slow(name) from error
    if len(waveform) > max_num_samples:
        raise _too_long(name, max_duration_seconds)
    if len(waveform) == 0:
        raise AudioError(f"{name} is damaged, or holds no sound. Use {_FORMATS}.")
    return waveform


def _too_long(name: str, max_duration_seconds: float) -> AudioError:
    return AudioError(f"{name} is longer than {max_duration_seconds:g} s. Cut out the part to listen to.")


def _unknown_kind(head: bytes, name: str) -> AudioError:
    what = "is not a kind of sound known here" if head else "is empty"
    return AudioError(f"{name} {what}. Use {_FORMATS}.")


def _damaged(name: str) -> AudioError:
    return AudioError(f"{name} is damaged, or of a kind not known here. Use {_FORMATS}.")


def _too_short(name: str, duration_seconds: float) -> AudioError:
    return AudioError(
        f"{name} holds {1000 * duration_seconds:.1f} ms of sound; "
        f"at least {1000 * MIN_DURATION_SECONDS:.0f} ms is needed. Record a longer clip."
    )


def _not_a_sound(name: str) -> AudioError:
    return AudioError(f"{name} holds values that are no sound: infinite, not a number or absurdly large.")


def _too_many_channels(name: str, num_channels: int) -> AudioError:
    return AudioError(
        f"{name} has {num_channels} channels; at most {MAX_NUM_CHANNELS} can be read. Save it as mono."
    )


def _no_ffmpeg(name: str) -> AudioError:
    return AudioError(
        f"{name} can only be read with ffmpeg, which is not installed here. Use WAV, FLAC, MP3 or OGG."
    )


def _too_slow(name: str) -> AudioError:
    return AudioError(f"{name} takes too long to decode. Use WAV, FLAC, MP3 or OGG.")
