"""What the first decoder refuses and players play is read by the next one."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hostile_recordings import recorded

from ser.audio import AudioError, audio_blocks, load_audio
from ser.audio.mpeg import first_frame, frame_bytes

RATE = 48_000
TIMES = np.arange(2 * RATE) / RATE
TONE = 0.5 * np.sin(2 * np.pi * 440 * TIMES)


def encoded(kind: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, TONE, RATE, format=kind, subtype=subtype)
    return file.getvalue()


def assert_tone(clip: bytes, seconds: float = 2.0):
    for waveform in (load_audio(clip, 16_000), np.concatenate(list(audio_blocks(clip, 16_000))).mean(axis=1)):
        assert len(waveform) == pytest.approx(16_000 * seconds, abs=3_000)
        spectrum = np.abs(np.fft.rfft(waveform[8_000:24_000])) / 8_000  # a line is one hertz
        assert spectrum.argmax() == 440
        assert spectrum.max() == pytest.approx(0.5, rel=0.05)


def test_mp3_with_zeros_in_front_needs_no_ffmpeg(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    mp3 = encoded("MP3", "MPEG_LAYER_III")
    assert first_frame(mp3) == 0
    assert frame_bytes(mp3[:4])
    assert first_frame(bytes(2_000) + mp3) == 2_000
    assert_tone(bytes(2_000) + mp3)


def test_mp3_cut_in_a_frame_is_read_to_its_end(require_ffmpeg: str):
    content = encoded("MP3", "MPEG_LAYER_III")[333:]
    assert first_frame(content) > 0
    assert_tone(content)


@pytest.mark.parametrize(
    "kind",
    [
        "caf alac",
        "caf libopus",
        "oga flac",
        "mov pcm_s24le",
        "mov pcm_s24be",
        "mov pcm_f32le",
        "mov pcm_s32be",
    ],
)
def test_other_codecs_in_known_containers_are_read(require_ffmpeg: str, tmp_path: Path, kind: str):
    name, codec = kind.split()
    soundfile.write(tmp_path / "tone.wav", TONE, RATE)
    assert_tone(recorded(tmp_path / "tone.wav", name, "-c:a", codec))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_whose_header_was_never_finished_is_read(require_ffmpeg: str, size: int):
    wav = bytearray(encoded("WAV", "PCM_16"))
    wav[4:8] = wav[40:44] = size.to_bytes(4, "little")
    assert_tone(bytes(wav))


def test_without_ffmpeg_the_message_says_that_it_may_help(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg to make the file")
    soundfile.write(tmp_path / "tone.wav", TONE, RATE)
    content = recorded(tmp_path / "tone.wav", "oga", "-c:a", "flac")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AudioError, match=r"damaged, or of a kind not known here.* With ffmpeg installed"):
        load_audio(content, 16_000)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_hold_no_frames(seed: int):
    assert first_frame(np.random.default_rng(seed).bytes(2**17)) is None
