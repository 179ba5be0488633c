"""Sound files put together byte by byte, so that any field of a header can lie."""

import struct
from functools import cache


def chunk(tag: bytes, body: bytes, size: int | None = None) -> bytes:
    """A RIFF chunk; `size` is what its header claims, by default the truth."""
    return tag + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def wav(
    samples: bytes,
    *,
    rate: int = 16_000,
    channels: int = 1,
    bits: int = 16,
    codec: int = 1,
    data_size: int | None = None,
    block_align: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """A WAV of the given sample bytes; codec 1 is integer, 3 float, 2 and 17 ADPCM, 49 GSM."""
    align = channels * bits // 8 if block_align is None else block_align
    fmt = struct.pack(
        "<HHIIHH", codec, channels & 0xFFFF, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits
    )
    body = b"WAVE" + chunk(b"fmt ", fmt + extra) + chunk(b"data", samples, data_size)
    return chunk(b"RIFF", body)


def flac(
    num_frames: int, *, rate: int = 48_000, channels: int = 1, claimed: int | None = None, level: int = 0
) -> bytes:
    """A FLAC of constant samples, 13 bytes for every 65,535 frames: an hour takes 35 KB.

    `claimed` is the number of frames that the header states (0 means unknown), by default the truth. The
    format is RFC 9639's.
    """
    claimed = num_frames if claimed is None else claimed
    packed = (rate << 44) | ((channels - 1) << 41) | (15 << 36) | claimed
    stream_info = struct.pack(">HH", 65_535, 65_535) + bytes(6) + packed.to_bytes(8, "big") + bytes(16)
    return b"fLaC\x80\0\0\x22" + stream_info + _flac_frames(num_frames, channels, level)


@cache
def _flac_frames(num_frames: int, channels: int, level: int) -> bytes:
    frames = []
    for number, start in enumerate(range(0, num_frames, 65_535)):
        size = min(65_535, num_frames - start)
        # Sync, block size in 16 bits after the header, rate as in STREAMINFO; channels, 16 bits a sample.
        header = (
            b"\xff\xf8\x70" + bytes([(channels - 1) << 4 | 8]) + _utf8(number) + struct.pack(">H", size - 1)
        )
        frame = header + bytes([_crc(header, 8, 0x07)]) + struct.pack(">xh", level) * channels
        frames.append(frame + struct.pack(">H", _crc(frame, 16, 0x8005)))
    return b"".join(frames)


def _utf8(number: int) -> bytes:
    """FLAC numbers its frames as UTF-8 numbers characters, beyond Unicode's end too."""
    if number < 0x80:
        return bytes([number])
    tail = []
    while number >= 0x40 >> len(tail):
        tail.insert(0, 0x80 | number & 0x3F)
        number >>= 6
    return bytes([0xFF << (7 - len(tail)) & 0xFF | number, *tail])


def _crc(data: bytes, bits: int, polynomial: int) -> int:
    value, table = 0, _crc_table(bits, polynomial)
    for byte in data:
        value = (value << 8 ^ table[value >> (bits - 8) ^ byte]) & ((1 << bits) - 1)
    return value


@cache
def _crc_table(bits: int, polynomial: int) -> list[int]:
    table = []
    for value in range(256):
        value <<= bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> (bits - 1) & 1 else 0)
        table.append(value & ((1 << bits) - 1))
    return table


def mp3(num_frames: int, *, claimed: int | None = None) -> bytes:
    """An MP3 of silence: 96 bytes for every 1152 samples at 48 kHz. `claimed` adds a Xing header's count."""
    silent = b"\xff\xfb\x14\xc4" + bytes(92)
    if claimed is None:
        return silent * num_frames
    xing = b"Xing" + struct.pack(">II", 1, claimed & 0xFFFFFFFF)
    return b"\xff\xfb\x14\xc4" + bytes(17) + xing + bytes(92 - 17 - len(xing)) + silent * num_frames


def aiff(samples: bytes, *, rate: bytes = b"\x40\x0c\xfa" + bytes(7), num_frames: int | None = None) -> bytes:
    """A mono 16-bit AIFF. `rate` is an 80-bit float, here 16,000."""

    def big(tag: bytes, body: bytes) -> bytes:
        return tag + struct.pack(">I", len(body)) + body

    count = len(samples) // 2 if num_frames is None else num_frames
    common = struct.pack(">HIH", 1, count & 0xFFFFFFFF, 16) + rate
    return big(b"FORM", b"AIFF" + big(b"COMM", common) + big(b"SSND", bytes(8) + samples))


def caf(samples: bytes, *, rate: float = 16_000.0, channels: int = 1) -> bytes:
    """A 16-bit big-endian CAF."""
    description = struct.pack(">d4sIIIII", rate, b"lpcm", 0, 2 * channels & 0xFFFFFFFF, 1, channels, 16)
    return b"caff\0\1\0\0" + b"".join(
        tag + struct.pack(">q", len(body)) + body
        for tag, body in ((b"desc", description), (b"data", bytes(4) + samples))
    )


def ogg_page(body: bytes, *, granule: int, sequence: int, flags: int) -> bytes:
    """One Ogg page with a right checksum, its body one packet of at most 254 bytes."""
    head = b"OggS\0" + struct.pack("<BqIIIBB", flags, granule, 7, sequence, 0, 1, len(body))
    checksum = _crc(head + body, 32, 0x04C11DB7)
    return head[:22] + struct.pack("<I", checksum) + head[26:] + body


def opus(num_packets: int, *, granule: int, channels: int = 1, gain: int = 0) -> bytes:
    """An Ogg Opus of silent 20 ms packets, whose last page claims `granule` samples."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, channels, 0, 48_000, gain, 0)
    pages = [head, b"OpusTags" + struct.pack("<II", 0, 0)]
    stream = [ogg_page(body, granule=0, sequence=i, flags=2 if i == 0 else 0) for i, body in enumerate(pages)]
    for number in range(num_packets):
        last = number == num_packets - 1
        position = granule if last else 960 * (number + 1)
        stream.append(ogg_page(b"\x78\xff\xfe", granule=position, sequence=number + 2, flags=4 * last))
    return b"".join(stream)


def box(tag: bytes, *bodies: bytes, size: int | None = None) -> bytes:
    """An MP4 box; `size` is what its header claims, by default the truth."""
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body) if size is None else size, tag) + body


def full_box(tag: bytes, *fields: int) -> bytes:
    """An MP4 box of version 0 without flags, holding 32-bit numbers."""
    return box(tag, struct.pack(f">{len(fields) + 1}I", 0, *(field & 0xFFFFFFFF for field in fields)))


def mp4(samples: bytes, *, rate: int = 16_000, reference: bytes | None = None) -> bytes:
    """A QuickTime file of 16-bit mono samples, or of those in the file that `reference` names."""
    count = len(samples) // 2
    head = box(b"ftyp", b"qt  \0\0\0\0qt  ")
    tables = _tables(b"sowt", rate, count, duration=1, sample_size=2, offset=len(head) + 8)
    return head + box(b"mdat", samples) + _movie(rate, count, [_track(rate, count, tables, reference)])


def mp4_index_bomb(num_samples: int, num_tracks: int) -> bytes:
    """Tables of 16 bytes that stand for `num_samples` packets, which decoders expand in memory."""
    head = box(b"ftyp", b"M4A \0\0\0\0M4A ")
    tables = _tables(b"mp4a", 16_000, num_samples, duration=1024, sample_size=1, offset=len(head) + 8)
    tracks = [_track(16_000, num_samples, tables, None)] * num_tracks
    return head + box(b"mdat", bytes(1000)) + _movie(16_000, num_samples, tracks)


def _tables(codec: bytes, rate: int, count: int, *, duration: int, sample_size: int, offset: int) -> bytes:
    sound = struct.pack(">6xHHHIHHHHI", 1, 0, 0, 0, 1, 16, 0, 0, (rate & 0xFFFF) << 16)
    return box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(codec, sound)),
        full_box(b"stts", 1, count, duration),
        full_box(b"stsc", 1, 1, count, 1),
        full_box(b"stsz", sample_size, count),
        full_box(b"stco", 1, offset),
    )


def _track(rate: int, count: int, tables: bytes, reference: bytes | None) -> bytes:
    source = box(b"url ", b"\0\0\0\1") if reference is None else reference  # flag 1: in this very file
    data = box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), source))
    media = box(
        b"mdia",
        full_box(b"mdhd", 0, 0, rate, count, 0),
        box(b"hdlr", bytes(4), b"mhlrsoun", bytes(13)),
        box(b"minf", full_box(b"smhd", 0), data, tables),
    )
    return box(b"trak", full_box(b"tkhd", 0, 0, 1, 0, count, *[0] * 15), media)


def _movie(rate: int, count: int, tracks: list[bytes]) -> bytes:
    return box(b"moov", full_box(b"mvhd", 0, 0, rate, count, 0x10000, *[0] * 19), *tracks)


def outside_file(path: str) -> bytes:
    """An MP4 data reference to another file: a Macintosh alias record with its absolute path."""
    name = path.encode()
    padding = b"\0" * (len(name) % 2)
    return box(b"alis", bytes(4 + 150), struct.pack(">HH", 2, len(name)), name, padding, b"\xff\xff\0\0")
