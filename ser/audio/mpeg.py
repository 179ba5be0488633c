"""The frames of MPEG audio (MP3), found in a file that does not begin with one."""

SEARCHED_BYTES = 2**17  # of a file; a cover picture before the sound is skipped by its ID3 tag
NUM_FRAMES = 3  # in a row, of one kind: random bytes and texts do not hold that many

_BIT_RATES_KBIT = {  # ISO 11172-3 and 13818-3, tables of the bit rate index, by (MPEG 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def frame_bytes(header: bytes) -> int | None:
    """Return the length of the frame that a header of four bytes begins; `None` if it is not a header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)  # 3 is MPEG 1, 2 MPEG 2, 0 MPEG 2.5
    bit_rate_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or not 1 <= bit_rate_index <= 14 or rate_index == 3:
        return None
    bit_rate = 1000 * _BIT_RATES_KBIT[version == 3, layer][bit_rate_index - 1]
    rate = _RATES_HZ[version][rate_index]
    if layer == 1:
        return 4 * (12 * bit_rate // rate + padding)
    return (72 if layer == 3 and version != 3 else 144) * bit_rate // rate + padding


def first_frame(content: bytes) -> int | None:
    """Return where the first of `NUM_FRAMES` frames in a row begins; `None` if there are none.

    Args:
        content: The beginning of a file.
    """
    start = content.find(b"\xff")
    while start != -1:
        position, kind = start, content[start + 1 : start + 2]
        for _ in range(NUM_FRAMES):
            length = frame_bytes(content[position : position + 4])
            if length is None or content[position + 1 : position + 2] != kind:
                break
            position += length
        else:
            return start
        start = content.find(b"\xff", start + 1)
    return None
