"""Files that have broken, or could break, a program that reads sound: made here, the same on every machine.

`python tests/hostile_audio.py DIR` writes them and prints what a reader has to make of each. Tests call
`write_hostile_corpus(folder)`. All are regular files. The playlists among them name
`canary.wav`, which must never be opened: `opened_files.opened_files` tells.
"""

import io
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import soundfile
from hostile_bytes import aiff, box, caf, chunk, flac, mp3, mp4, mp4_index_bomb, opus, outside_file, wav
from hostile_recordings import recorded_errors, recorded_results

RATE = 16_000
CANARY = "canary.wav"
HOUR = 3600 * 48_000  # frames
TONE = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) / 4  # one second
PCM = (TONE * 32_767).astype("<i2").tobytes()


def write_hostile_corpus(folder: Path) -> dict[str, str]:
    """Write every hostile file into `folder`, and the canary.

    Returns:
        By file name, what a reader has to come to: "result" or "error". Files that only ffmpeg can write, or
        read, are left out where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / CANARY, TONE, RATE)
    errors = foreign_files() | playlists(folder / CANARY) | lying_headers() | bad_values() | bombs()
    results = odd_but_sound()
    if shutil.which("ffmpeg"):
        errors |= recorded_errors(folder / CANARY)
        results |= recorded_results(folder / CANARY)
    for name, content in (errors | results).items():
        (folder / name).write_bytes(content)
    expected = dict.fromkeys(errors, "error") | dict.fromkeys(results, "result")
    if shutil.which("ffmpeg"):  # libsndfile refuses these two, ffmpeg decodes what is there
        expected |= dict.fromkeys(("cut_alac.caf", "granule_negative.ogg"), "result")
    return expected


def foreign_files() -> dict[str, bytes]:
    """Nothing, beginnings of sounds without the sound, and other kinds of file."""
    noise = np.random.default_rng(0).bytes(20_000)
    magic = {
        "riff": b"RIFF",
        "rifx": b"RIFX",
        "rf64": b"RF64",
        "flac": b"fLaC",
        "ogg": b"OggS",
        "aiff": b"FORM",
    }
    magic |= {"au": b".snd", "caf": b"caff", "id3": b"ID3", "mp3": b"\xff\xfb", "aac": b"\xff\xf1"}
    magic |= {"mp4": b"\0\0\0\x18ftyp", "webm": b"\x1a\x45\xdf\xa3", "amr": b"#!AMR\n"}
    magic |= {"wma": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c"}
    files = {f"only_magic.{kind}": start for kind, start in magic.items()}
    files |= {
        f"noise_after_magic.{kind}": start + noise
        for kind, start in magic.items()
        if kind not in ("aac", "amr")
    }
    return files | {
        "empty.wav": b"",
        "one_byte.wav": b"R",
        "noise.wav": b"\x01" + noise,
        "zeros.mp3": bytes(10_000),
        "text.wav": b"This is not a sound.\n" * 100,
        "page.mp3": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
        "picture.flac": b"\x89PNG\r\n\x1a\n" + noise,
        "archive.ogg": b"PK\x03\x04" + noise,
        "program.wav": b"\x7fELF\x02\x01\x01" + noise,
        "pickle.wav": b"\x80\x04\x95" + noise,
        "<img src=x onerror=alert(1)>.wav": b"the name is a page's command",
        "two\nlines\x1b[2J.wav": b"the name is a terminal's command",
        f"{'long' * 60}.wav": b"the name is as long as names may be",
    }


def playlists(canary: Path) -> dict[str, bytes]:
    """Texts and containers that tell a decoder which other file to open."""
    hls = f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{canary}\n#EXT-X-ENDLIST\n".encode()
    concat = f"ffconcat version 1.0\nfile '{canary.name}'\n".encode()
    files = {f"playlist_hls.{kind}": hls for kind in ("wav", "mp3", "webm", "m4a", "m3u8")}
    files |= {f"playlist_concat.{kind}": concat for kind in ("wav", "mp3", "webm", "txt")}
    return files | {
        "playlist_after_riff.wav": b"RIFF" + hls,
        "playlist_after_id3.mp3": b"ID3\x03\0\0\0\0\0\0" + hls,
        "playlist_after_ftyp.m4a": b"\n\n\n\nftyp" + hls,
        "playlist_after_ebml.webm": b"\x1a\x45\xdf\xa3" + hls,
        "playlist_after_adts.aac": b"\xff\xf1\n" + hls,
        "playlist_uri.wav": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:{canary}\n".encode(),
        "playlist.pls": f"[playlist]\nFile1={canary}\nNumberOfEntries=1\n".encode(),
        "playlist_dash.mp4": f"<?xml version='1.0'?><MPD><BaseURL>{canary}</BaseURL></MPD>".encode(),
        "playlist_sdp.wav": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        "playlist_asx.wma": f"<asx version='3.0'><entry><ref href='{canary}'/></entry></asx>".encode(),
        "playlist_reference.mp4": mp4(PCM, reference=outside_file(str(canary))),
    }


def lying_headers() -> dict[str, bytes]:
    """Headers with rates, channels, sizes and codecs that no sound has, and sounds that end early."""
    tone_flac, tone_alac = encoded("FLAC", "PCM_16"), encoded("CAF", "ALAC_16")
    flipped = bytearray(tone_flac)
    flipped[len(flipped) // 2] ^= 0x10
    files = {f"rate_{rate}.wav": wav(PCM, rate=rate) for rate in (0, 1, 100, 3999, 192_001, 2**31, 2**32 - 1)}
    files |= {f"channels_{count}.wav": wav(PCM * 3, channels=count) for count in (0, 9, 1025, 65_535)}
    files |= {f"bits_{bits}.wav": wav(PCM, bits=bits) for bits in (0, 65, 65_535)}
    files |= {f"codec_{codec}.wav": wav(PCM, codec=codec) for codec in (0, 0x55, 0xFF, 0xFFFE)}
    return files | {
        "rate_655350.flac": flac(48_000, rate=655_350),
        "rate_1.aiff": aiff(PCM, rate=b"\x3f\xff\x80" + bytes(7)),
        "rate_infinite.aiff": aiff(PCM, rate=b"\x7f\xff\x80" + bytes(7)),
        "rate_negative.aiff": aiff(PCM, rate=b"\xc0\x0c\xfa" + bytes(7)),
        "rate_nan.caf": caf(PCM, rate=float("nan")),
        "rate_1e300.caf": caf(PCM, rate=1e300),
        "channels_0.caf": caf(PCM, channels=0),
        "rate_1.au": struct.pack(">4s5I", b".snd", 24, 0xFFFFFFFF, 3, 1, 1) + PCM,
        "offset_2gb.au": struct.pack(">4s5I", b".snd", 2**31 - 1, 0xFFFFFFFF, 3, RATE, 1) + PCM,
        "no_format.wav": chunk(b"RIFF", b"WAVE" + chunk(b"data", PCM)),
        "no_data.wav": wav(b"")[:-8],
        "format_of_2_bytes.wav": chunk(b"RIFF", b"WAVE" + chunk(b"fmt ", b"\1\0") + chunk(b"data", PCM)),
        "junk_of_4gb.wav": chunk(b"RIFF", b"WAVE" + chunk(b"JUNK", PCM, 2**32 - 1)),
        "adpcm_block_of_0.wav": wav(PCM, codec=17, bits=4, block_align=0, extra=b"\2\0\0\0"),
        "cut.flac": tone_flac[: len(tone_flac) // 2],
        "flipped.flac": bytes(flipped),
        "cut_alac.caf": tone_alac[: len(tone_alac) // 2],
        "length_unknown.flac": flac(48_000, claimed=0),
        "cut_in_header.ogg": encoded("OGG", "VORBIS")[:200],
        "frames_2_billion.mp3": mp3(50, claimed=2**31),
        "granule_2e62.ogg": opus(50, granule=2**62),
        "granule_negative.ogg": opus(50, granule=-5),
    }


def bad_values() -> dict[str, bytes]:
    """Sounds too short to be any, and floats that are not finite or not to be calculated with."""
    files = {f"samples_{count}.wav": wav(PCM[: 2 * count]) for count in (0, 1, 1599)}
    bad = {"nan": np.nan, "infinity": np.inf, "minus_infinity": -np.inf, "3e38": 3e38, "1e10": 1e10}
    for name, value in bad.items():
        samples = TONE.astype("<f4")
        samples[8000] = value
        files[f"one_{name}.wav"] = wav(samples.tobytes(), codec=3, bits=32)
    stereo = np.stack([TONE, TONE], axis=1).astype("<f4")
    stereo[-1] = np.inf, -np.inf
    return files | {
        "last_frame_cancels.wav": wav(stereo.tobytes(), codec=3, bits=32, channels=2, rate=48_000),
        "all_nan.wav": wav(np.full(RATE, np.nan, "<f4").tobytes(), codec=3, bits=32),
        "doubles_1e300.wav": wav(np.full(RATE, 1e300, "<f8").tobytes(), codec=3, bits=64),
    }


def bombs() -> dict[str, bytes]:
    """Small files that stand for hours of sound, or gigabytes of memory."""
    return {
        "bomb_1h.flac": flac(HOUR),
        "bomb_10h.flac": flac(10 * HOUR),
        "bomb_10h_length_unknown.flac": flac(10 * HOUR, claimed=0),
        "bomb_400h_claimed.flac": flac(48_000, claimed=2**36 - 1),
        "bomb_10min_8_channels.flac": flac(600 * 192_000, rate=192_000, channels=8),
        "bomb_11min.flac": flac(660 * 48_000),
        "bomb_11min_length_unknown.flac": flac(660 * 48_000, claimed=0),
        "bomb_11min.mp3": mp3(660 * 48_000 // 1152),
        "bomb_11min.ogg": opus(33_000, granule=33_000 * 960),
        "bomb_rate_1.wav": wav(PCM * 3, rate=1),
        "bomb_11min_8bit.wav": wav(bytes(660 * 4000), rate=4000, bits=8),
        "bomb_index.m4a": mp4_index_bomb(20_000_000, 1),
        "bomb_16_indices.m4a": mp4_index_bomb(300_000, 16),
        "bomb_40_indices.m4a": mp4_index_bomb(300_000, 40),
        "bomb_1000_nested_boxes.mp4": box(b"ftyp", b"M4A \0\0\0\0") + nested_boxes(1000),
    }


def nested_boxes(depth: int) -> bytes:
    """An MP4 box in a box in a box."""
    content = b""
    for _ in range(depth):
        content = box(b"moov", content)
    return content


def odd_but_sound() -> dict[str, bytes]:
    """What a careful reader still has to read: rare formats, wrong names, harmless lies, cut recordings."""
    files = {
        f"{subtype}.{kind}".lower(): encoded(kind.upper(), subtype)
        for kind, subtypes in {
            "wav": (
                "PCM_U8",
                "PCM_24",
                "PCM_32",
                "FLOAT",
                "DOUBLE",
                "ALAW",
                "ULAW",
                "IMA_ADPCM",
                "MS_ADPCM",
                "GSM610",
            ),
            "rf64": ("PCM_16",),
            "aiff": ("PCM_16", "FLOAT"),
            "au": ("PCM_16", "ULAW"),
            "caf": ("PCM_16", "ALAC_16"),
            "flac": ("PCM_S8", "PCM_24"),
            "mp3": ("MPEG_LAYER_III",),
            "ogg": ("VORBIS", "OPUS"),
        }.items()
        for subtype in subtypes
    }
    tone_mp3, tone_ogg = encoded("MP3", "MPEG_LAYER_III", repeats=5), encoded("OGG", "OPUS", repeats=5)
    return files | {
        "cut.mp3": tone_mp3[: len(tone_mp3) // 2],
        "cut.ogg": tone_ogg[: len(tone_ogg) // 2],
        "adpcm_no_coefficients.wav": wav(PCM, codec=2, bits=4, block_align=256, extra=b"\4\0\xf4\1\0\0"),
        "raw_by_name.raw": wav(PCM),
        "wav_by_content.mp3": wav(PCM),
        "flac_by_content.webm": flac(48_000),
        "mp3_by_content.wav": mp3(50),
        "rate_4000.wav": wav(PCM, rate=4000),
        "rate_192000.wav": wav(PCM * 12, rate=192_000),
        "channels_8.wav": wav(PCM * 8, channels=8),
        "big_endian.wav": b"RIFX" + encoded("WAV", "PCM_16", endian="BIG")[4:],
        "samples_1600.wav": wav(PCM[:3200]),
        "exactly_10min.wav": wav(bytes(600 * 4000), rate=4000, bits=8),
        "silence.wav": wav(bytes(2 * RATE)),
        "constant.flac": flac(48_000, level=32_767),
        "clipped.wav": wav(np.sign(TONE).astype("<f4").tobytes(), codec=3, bits=32),
        "subnormal.wav": wav(np.full(RATE, 1e-40, "<f4").tobytes(), codec=3, bits=32),
        "full_scale_of_integers.wav": wav((TONE * 2**31).astype("<f4").tobytes(), codec=3, bits=32),
        "data_size_0xffffffff.wav": wav(PCM, data_size=2**32 - 1),
        "data_size_2gb.wav": wav(PCM, data_size=2**31),
        "data_size_odd.wav": wav(PCM, data_size=20_001),
        "cut.wav": wav(PCM)[:20_000],
        "junk_first.wav": chunk(b"RIFF", b"WAVE" + chunk(b"JUNK", bytes(99)) + wav(PCM)[12:]),
        "hour_of_which_1s_is_claimed.flac": flac(HOUR, claimed=48_000),
        "11min_of_which_1s_is_claimed.mp3": mp3(660 * 48_000 // 1152, claimed=42),
        "gain_128db.ogg": opus(50, granule=48_000, gain=32_767),
    }


def encoded(kind: str, subtype: str, *, endian: str = "FILE", repeats: int = 1) -> bytes:
    """The tone as libsndfile writes it."""
    file = io.BytesIO()
    soundfile.write(file, np.tile(TONE, repeats), RATE, format=kind, subtype=subtype, endian=endian)
    return file.getvalue()


if __name__ == "__main__":
    for name, expectation in sorted(write_hostile_corpus(Path(sys.argv[1])).items()):
        print(f"{expectation:6}  {name!r}")
