"""ffmpeg as a decoder of untrusted bytes: it reads its standard input and can open nothing else."""

import io
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

TIMEOUT_SECONDS = 30  # ten minutes of sound take it about one second
# 1.5 KB of MP4 can stand for an index of gigabytes. Ten minutes of AAC need 28,000 entries of 24 bytes.
MAX_ALLOCATION_BYTES = 8 * 1024 * 1024
MAX_STREAMED_ALLOCATION_BYTES = 128 * 1024 * 1024  # 33 hours of AAC
MAX_NUM_STREAMS = 16  # each may have such an index; a phone's video has about six streams
# Decoders of what phones, browsers and cameras record. None of video: pictures are never looked at.
CODECS = (
    "aac,alac,amrnb,amrwb,flac,mp3,mp3float,opus,vorbis,wmapro,wmav1,wmav2,pcm_alaw,pcm_mulaw,pcm_s8,pcm_u8,"
    "pcm_s16be,pcm_s16le,pcm_s24be,pcm_s24le,pcm_s32be,pcm_s32le,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le"
)
# Containers that libsndfile knows, though not all that may be in them. Not FLAC's own: there it refuses
# what checksums show to be damaged.
_SHARED_CONTAINERS = {
    b"RIFF": "wav",
    b"RF64": "wav",
    b"OggS": "ogg",
    b"FORM": "aiff",
    b".snd": "au",
    b"caff": "caf",
    b"ID3": "aac",
}
_MOV_ATOMS = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")


def demuxer_of(head: bytes) -> str | None:
    """Name the one demuxer ffmpeg may use for a file.

    Left to guess, ffmpeg takes a text for a playlist and decodes whichever local file it names.

    Args:
        head: The first 16 bytes of the file.

    Returns:
        ffmpeg's name for MP4/M4A/MOV/3GP, WebM, AMR, WMA, AAC, and for the containers that libsndfile reads
        too; None for anything else.
    """
    for magic, demuxer in _SHARED_CONTAINERS.items():
        if head.startswith(magic):
            return demuxer
    if head[4:8] in _MOV_ATOMS:
        return "mov"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"#!AMR"):
        return "amr"
    if head.startswith(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"):
        return "asf"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # ADTS: sync word, layer 0
        return "aac"
    return None


def decode(
    file: io.FileIO | io.BytesIO, demuxer: str, sampling_rate: int, max_num_samples: int
) -> np.ndarray:
    """Decode the first sound of a file.

    `pipe` is the only way in: nothing in the file can make ffmpeg open another one. Phones put an MP4's table
    of contents at its end, which a pipe cannot seek to, so `cache` in front of it keeps what was read in an
    unlinked temporary file.

    Args:
        file: The file, at its start: an open file, or bytes in memory.
        demuxer: From `demuxer_of`.
        sampling_rate: Rate of the result in Hz.
        max_num_samples: Decoding stops one sample after these.

    Returns:
        Mono float32 samples of shape (num_samples,), none where ffmpeg finds no sound.

    Raises:
        OSError: ffmpeg is not installed, or cannot be started.
        subprocess.TimeoutExpired: It did not finish within `TIMEOUT_SECONDS`, and was stopped.
    """
    duration = ["-t", str(max_num_samples / sampling_rate + 1)]
    command = [*_input_of(demuxer, MAX_ALLOCATION_BYTES, duration), "-ac", "1", "-ar", str(sampling_rate)]
    # Bounded in bytes too, for a file whose times lie.
    command += ["-fs", str(4 * (max_num_samples + 1)), "-f", "f32le", "pipe:1"]
    source: dict[str, Any] = {"input": file.getvalue()} if isinstance(file, io.BytesIO) else {"stdin": file}
    result = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT_SECONDS,
        check=False,  # a file that was cut off ends in an error and still holds sound
        **source,
    )
    num_bytes = 4 * min(len(result.stdout) // 4, max_num_samples + 1)
    return np.frombuffer(bytearray(result.stdout[:num_bytes]), dtype="<f4")  # bytearray: writable


def decode_blocks(
    file: io.FileIO | io.BytesIO, demuxer: str, sampling_rate: int, num_block_samples: int
) -> Iterator[np.ndarray]:
    """Decode the first sound of a file of any length, block by block, as safely as `decode` does.

    Args:
        file: The file, at its start: an open file, or bytes in memory.
        demuxer: From `demuxer_of`.
        sampling_rate: Rate of the result in Hz.
        num_block_samples: Samples in each block but the last, over all channels.

    Yields:
        float32 samples of shape (num_samples, num_channels); nothing where ffmpeg finds no sound.

    Raises:
        OSError: ffmpeg is not installed, or cannot be started.
        subprocess.TimeoutExpired: A block took more than `TIMEOUT_SECONDS`, and ffmpeg was stopped.
    """
    command = [*_input_of(demuxer, MAX_STREAMED_ALLOCATION_BYTES), "-ar", str(sampling_rate)]
    command += ["-c:a", "pcm_f32be", "-f", "au", "pipe:1"]  # AU: the simplest header that counts channels
    with _as_file(file) as source:
        process = subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output: Any = process.stdout
    try:
        header = _read(process, 24)
        if len(header) < 24:
            return
        num_channels = int.from_bytes(header[20:24], "big")
        _read(process, int.from_bytes(header[4:8], "big") - 24)  # the header's annotation
        num_bytes = 4 * num_channels * max(1, num_block_samples // num_channels)
        while block := _read(process, num_bytes):
            whole = len(block) - len(block) % (4 * num_channels)
            yield np.frombuffer(block[:whole], dtype=">f4").reshape(-1, num_channels).astype(np.float32)
    finally:
        process.kill()
        output.close()
        process.wait()


def _input_of(demuxer: str, max_allocation_bytes: int, options: list[str] | None = None) -> list[str]:
    """Return the options that let ffmpeg read its standard input, and nothing else, as one format."""
    command = ["ffmpeg", "-nostdin", "-v", "quiet", "-threads", "1", "-max_alloc", str(max_allocation_bytes)]
    command += ["-protocol_whitelist", "cache,pipe", "-codec_whitelist", CODECS]
    command += ["-format_whitelist", demuxer, "-f", demuxer, "-max_streams", str(MAX_NUM_STREAMS)]
    return [*command, *(options or []), "-read_ahead_limit", "-1", "-i", "cache:pipe:0", "-map", "0:a:0"]


def _as_file(file: io.FileIO | io.BytesIO) -> IO[bytes] | io.FileIO:
    """Return a file that a process can read; bytes in memory are copied to a temporary one without a name."""
    if isinstance(file, io.FileIO):
        return open(file.fileno(), "rb", buffering=0, closefd=False)
    copy = tempfile.TemporaryFile()  # noqa: SIM115 -- the caller closes it
    copy.write(file.getvalue())
    copy.seek(0)
    return copy


def _read(process: "subprocess.Popen[bytes]", num_bytes: int) -> bytes:
    """Read so many bytes of a process, fewer where its output ends; stop it where it takes too long."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(TIMEOUT_SECONDS, stop)
    timer.start()
    try:
        content: bytes = process.stdout.read(num_bytes) if process.stdout else b""
    finally:
        timer.cancel()
    if late.is_set():
        raise subprocess.TimeoutExpired("ffmpeg", TIMEOUT_SECONDS)
    return content
