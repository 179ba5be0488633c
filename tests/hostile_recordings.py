"""Hostile files that only ffmpeg can write: what phones and browsers record, whole and broken."""

import subprocess
from pathlib import Path

import numpy as np
from hostile_bytes import flac, mp4


def recorded_errors(tone: Path) -> dict[str, bytes]:
    """Damaged and oversized files of the kinds only ffmpeg reads."""
    bomb = tone.with_name("bomb_10h.source")
    bomb.write_bytes(flac(10 * 3600 * 48_000))
    m4a = recorded(tone, "m4a", "-c:a", "aac")
    files = {
        "cut.m4a": m4a[: len(m4a) // 2],  # its table of contents was at the end
        "without_sound.mp4": recorded(
            tone, "mp4", "-f", "lavfi", "-i", "color=s=64x64:d=1", "-map", "1:v", "-c:v", "mpeg4"
        ),
        "bomb_10h.mkv": recorded(bomb, "mkv", "-c", "copy"),
        "bomb_10h.mp4": recorded(bomb, "mp4", "-c", "copy", "-strict", "-2"),
    }
    bomb.unlink()
    return files


def recorded_results(tone: Path) -> dict[str, bytes]:
    """What phones and browsers record."""
    webm = recorded(tone, "webm", "-c:a", "libopus")
    return {
        "phone.m4a": recorded(tone, "m4a", "-c:a", "aac"),
        "fast_start.m4a": recorded(tone, "m4a", "-c:a", "aac", "-movflags", "+faststart"),
        "fragments.mp4": recorded(tone, "mp4", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"),
        # 20 s, so that the table of contents at the end lies beyond what a pipe's reader keeps in memory.
        "lossless_20s.m4a": recorded(tone, "m4a", "-c:a", "alac", "-af", "aloop=loop=19:size=16000"),
        "video.mp4": recorded(
            tone, "mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:d=1", "-c:v", "mpeg4", "-c:a", "aac"
        ),
        "browser.webm": webm,
        "cut.webm": webm[: len(webm) // 2],
        "adts.aac": recorded(tone, "aac", "-c:a", "aac"),
        "old_windows.wma": recorded(tone, "wma", "-c:a", "wmav2"),
        "integers.mov": mp4(np.random.default_rng(0).integers(-9000, 9000, 16_000, "<i2").tobytes()),
        "noise.amr": b"#!AMR\n" + np.random.default_rng(0).bytes(2000),  # telephone speech has no checksum
    }


def recorded(source: Path, kind: str, *options: str) -> bytes:
    """A sound as ffmpeg writes it."""
    target = source.with_name(f"recorded.{kind}")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(source), *options]
    subprocess.run([*command, "-fflags", "+bitexact", "-flags", "+bitexact", str(target)], check=True)
    content = target.read_bytes()
    target.unlink()
    return content
