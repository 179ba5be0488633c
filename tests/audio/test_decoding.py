import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hostile_recordings import recorded

import ser.audio
from ser.audio import AudioError, audio_blocks, decoding, ffmpeg, load_audio
from ser.audio.limits import MAX_FILE_BYTES

RATE = 48_000
TIMES = np.arange(2 * RATE) / RATE  # seconds
TONE = 0.5 * np.sin(2 * np.pi * 440 * TIMES)


def encoded(waveform: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        *[("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ALAW", "ULAW")],
        *[("FLAC", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("RF64", "PCM_16")],
        *[("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")],
    ],
)
def test_every_format_of_libsndfile_gives_the_tone(kind: str, subtype: str):
    waveform = load_audio(encoded(TONE, kind=kind, subtype=subtype), 16_000)
    assert waveform.dtype == np.float32
    assert waveform.shape == (32_000,)
    middle = waveform[8000:24_000].astype(float)  # one second: one line of the spectrum is one hertz
    spectrum = np.abs(np.fft.rfft(middle)) / 8000
    assert spectrum.argmax() == 440
    assert spectrum.max() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("num_channels", [1, 2, 8])
def test_mixing_and_resampling_are_librosas(tmp_path: Path, rate: int, num_channels: int):
    noise = np.random.default_rng(rate).uniform(-0.9, 0.9, (rate // 2, num_channels))
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise, rate)
    waveform = load_audio(path, 16_000)
    expected, _ = librosa.load(path, sr=16_000)
    assert (
        0 <= len(expected) - len(waveform) <= 1
    )  # librosa appends a zero where the rates do not divide evenly
    np.testing.assert_allclose(waveform, expected[: len(waveform)], atol=1e-6)


def test_real_clips_come_out_as_librosa_loads_them(ravdess_dir: Path):
    paths = sorted(ravdess_dir.glob("Actor_2*/*-01-01-*.*"))[:10]
    assert paths
    for path in paths:
        waveform = load_audio(path, 16_000)
        expected, _ = librosa.load(path, sr=16_000)
        np.testing.assert_array_equal(waveform, expected[: len(waveform)])


def test_a_sound_at_the_asked_rate_is_not_changed():
    samples = np.random.default_rng(0).uniform(-1, 1, 5000).astype(np.float32)
    np.testing.assert_array_equal(load_audio(encoded(samples, 16_000, subtype="FLOAT"), 16_000), samples)


def test_tones_above_half_the_new_rate_vanish():
    above = encoded(np.sin(2 * np.pi * 9500 * TIMES), subtype="FLOAT")
    assert np.abs(load_audio(above, 16_000)[1000:-1000]).max() < 1e-5  # 100 dB


def test_blocks_leave_no_seams(monkeypatch: pytest.MonkeyPatch):
    noise = encoded(np.random.default_rng(1).uniform(-0.9, 0.9, (RATE, 2)))
    whole = load_audio(noise, 16_000)
    monkeypatch.setattr(decoding, "NUM_BLOCK_FRAMES", 1000)
    np.testing.assert_array_equal(load_audio(noise, 16_000), whole)


def test_threads_do_not_disturb_each_other():
    sounds = [encoded(np.random.default_rng(i).uniform(-1, 1, RATE), kind="FLAC") for i in range(16)]
    alone = [load_audio(sound, 16_000) for sound in sounds]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda sound: load_audio(sound, 16_000), sounds))
    for expected, got in zip(alone, together, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_a_sound_may_last_as_long_as_allowed_and_no_longer():
    assert load_audio(encoded(TONE), 16_000, max_duration_seconds=2).shape == (32_000,)
    with pytest.raises(AudioError, match=r"^The recording is longer than 1\.9 s\. Cut out"):
        load_audio(encoded(TONE), 16_000, max_duration_seconds=1.9)


def test_the_message_shows_the_name_and_not_the_folder(tmp_path: Path):
    path = tmp_path / "holiday.wav"
    with pytest.raises(
        AudioError, match=r"^holiday\.wav is not there, or not a file\. Choose a sound file: WAV"
    ):
        load_audio(path, 16_000)
    path.write_text("not a sound")
    with pytest.raises(AudioError, match=r"^holiday\.wav is not a kind of sound known here\. Use WAV, FLAC"):
        load_audio(path, 16_000)


@pytest.mark.parametrize("name", ["a\0b.wav", "\ud800.wav", "x" * 300, "", ".", "https://example.org/a.wav"])
def test_what_is_no_path_is_refused(name: str):
    with pytest.raises(AudioError):
        load_audio(name, 16_000)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["folder", "fifo", "device", "link to a device", "link to itself"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, kind: str):
    path = tmp_path / "clip.wav"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        path.symlink_to(path if kind == "link to itself" else "/dev/zero")
    with pytest.raises(AudioError):
        load_audio(path, 16_000)


def test_a_huge_file_is_refused_unread(tmp_path: Path):
    path = tmp_path / "huge.wav"
    path.write_bytes(encoded(TONE))
    os.truncate(path, MAX_FILE_BYTES + 1)
    with pytest.raises(AudioError, match=r"^huge\.wav has more than 461 MB"):
        load_audio(path, 16_000)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read")
def test_a_file_that_fails_to_read_is_refused():
    with pytest.raises(AudioError, match=r"^mem cannot be read: Input/output error\.$"):
        load_audio("/proc/self/mem", 16_000)


@pytest.mark.parametrize("head", [b"\0\0\0\x18ftypM4A ", b"\x1a\x45\xdf\xa3", b"\xff\xf1\x50\x80"])
def test_without_ffmpeg_the_message_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, head: bytes):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        AudioError, match=r"^The recording can only be read with ffmpeg, which is not installed"
    ):
        load_audio(head, 16_000)


def test_a_stuck_ffmpeg_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    stuck = tmp_path / "ffmpeg"
    stuck.write_text("#!/bin/sh\nexec sleep 60\n")
    stuck.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ffmpeg, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(AudioError, match=r"^The recording takes too long to decode"):
        load_audio(b"\x1a\x45\xdf\xa3", 16_000)


def test_the_loader_imports_no_librosa():
    code = (
        "import sys, types; package = types.ModuleType('ser'); package.__path__ = ['ser'];"
        "sys.modules['ser'] = package; import ser.audio;"  # the module alone, without the models
        "sys.exit(bool({'librosa', 'torch', 'scipy'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(ser.audio.__file__).parents[2], check=True)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_blocks_of_a_stereo_file_are_its_channels(tmp_path: Path, rate: int, subtype: str, monkeypatch):
    monkeypatch.setattr(decoding, "NUM_BLOCK_FRAMES", 1000)
    time_seconds = np.arange(2 * rate) / rate
    stereo = np.stack([0.5 * np.sin(440 * time_seconds), 0.1 * np.cos(880 * time_seconds)], axis=1)
    soundfile.write(tmp_path / "call.wav", stereo.astype(np.float32), rate, subtype=subtype)
    blocks = list(audio_blocks(tmp_path / "call.wav", 16_000))
    assert len(blocks) > 3
    together = np.concatenate(blocks)
    assert together.shape == (32_000, 2)
    np.testing.assert_allclose(together.mean(axis=1), load_audio(tmp_path / "call.wav", 16_000), atol=1e-6)


def test_blocks_of_ffmpeg_are_what_it_decodes_at_once(tmp_path: Path, require_ffmpeg: str, monkeypatch):
    monkeypatch.setattr(decoding, "NUM_BLOCK_FRAMES", 100)
    tone = np.sin(np.arange(48_000) / 20)[:, None] * [0.5, 0.25]
    soundfile.write(tmp_path / "call.wav", tone, 16_000)
    content = recorded(tmp_path / "call.wav", "m4a", "-c:a", "alac")
    together = np.concatenate(list(audio_blocks(content, 16_000)))
    np.testing.assert_allclose(together, tone, atol=1e-4)


def test_blocks_read_what_is_too_long_for_a_clip(tmp_path: Path):
    soundfile.write(tmp_path / "long.flac", np.zeros(8000 * 700), 8000)
    with pytest.raises(AudioError, match="longer than"):
        load_audio(tmp_path / "long.flac", 16_000)
    assert sum(map(len, audio_blocks(tmp_path / "long.flac", 16_000))) == 16_000 * 700
    with pytest.raises(AudioError, match="longer than 60 s"):
        list(audio_blocks(tmp_path / "long.flac", 16_000, max_duration_seconds=60))


@pytest.mark.parametrize("name", ["no.wav", "text.wav", "nan.wav", "cut.flac"])
def test_blocks_refuse_what_is_no_sound(tmp_path: Path, name: str):
    (tmp_path / "text.wav").write_text("#EXTM3U")
    soundfile.write(tmp_path / "nan.wav", np.full(16_000, np.nan, dtype=np.float32), 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "whole.flac", np.random.default_rng(0).uniform(-1, 1, 16_000), 16_000)
    (tmp_path / "cut.flac").write_bytes((tmp_path / "whole.flac").read_bytes()[:9000])
    with pytest.raises(AudioError):
        list(audio_blocks(tmp_path / name, 16_000))
