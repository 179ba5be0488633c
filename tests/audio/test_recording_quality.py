"""Quality hints: each fault is seen when it is made, and never in clean recordings."""

import numpy as np
import pytest
import soundfile
import soxr

from ser.audio.recording_quality import (
    SilenceError,
    block_levels_db,
    check_not_silent,
    is_sounding,
    noise_floor_db,
    quality_hints,
)

SAMPLING_RATE = 16_000


def _kinds(waveform: np.ndarray, sampling_rate: int = SAMPLING_RATE) -> list[str]:
    return [hint.kind for hint in quality_hints(waveform.astype(np.float32), sampling_rate)]


def _syllables(seconds: float = 3.0, level: float = 0.2, sampling_rate: int = SAMPLING_RATE) -> np.ndarray:
    """Something like speech: four bursts a second of harmonics and hiss over the whole band, and pauses."""
    rng = np.random.default_rng(0)
    time_seconds = np.arange(round(seconds * sampling_rate)) / sampling_rate
    voice = sum(np.sin(2 * np.pi * 150 * n * time_seconds) / n for n in range(1, 12))
    burst = np.clip(np.sin(2 * np.pi * 4 * time_seconds), 0, None) ** 2
    hiss = rng.standard_normal(time_seconds.size)
    return level * burst * (voice + 0.1 * hiss) + 1e-4 * hiss


def _add_noise(waveform: np.ndarray, snr_db: float) -> np.ndarray:
    levels_db = block_levels_db(waveform, SAMPLING_RATE)
    speech_power = np.mean(10 ** (levels_db[levels_db > levels_db.max() - 20] / 10))
    noise = np.random.default_rng(1).standard_normal(len(waveform))
    return waveform + noise * np.sqrt(speech_power / 10 ** (snr_db / 10))


def test_a_good_recording_has_no_hint():
    assert _kinds(_syllables()) == []


@pytest.mark.parametrize(
    "waveform", [np.zeros(16_000), 1e-4 * _syllables(), np.full(10, 1e-9), np.full(9_000, 0.3)]
)
def test_silence_is_refused(waveform: np.ndarray):
    with pytest.raises(SilenceError, match="is silent"):
        check_not_silent(waveform, SAMPLING_RATE)


def test_a_soft_voice_is_not_silent_and_neither_is_one_over_an_offset():
    check_not_silent(0.02 * _syllables(), SAMPLING_RATE)
    check_not_silent(0.02 * _syllables() + 0.3, SAMPLING_RATE)


@pytest.mark.parametrize("seconds_of_pause", [10, 120])
@pytest.mark.parametrize("pause_level", [0.0, 1e-4, 5e-3])
def test_a_sentence_in_a_long_pause_is_not_noisy(seconds_of_pause: int, pause_level: float):
    pause = pause_level * np.random.default_rng(0).standard_normal(seconds_of_pause * SAMPLING_RATE)
    assert _kinds(np.concatenate([pause, _syllables(2.0), pause])) == []


def test_long_noise_with_a_sentence_in_it_is_noisy():
    noise = 0.05 * np.random.default_rng(0).standard_normal(60 * SAMPLING_RATE)
    noise[20 * SAMPLING_RATE : 22 * SAMPLING_RATE] += _syllables(2.0, level=0.05)
    assert "noisy" in _kinds(noise)


def test_a_word_is_too_short():
    assert _kinds(np.concatenate([np.zeros(16_000), _syllables(0.5), np.zeros(16_000)])) == ["short"]


@pytest.mark.parametrize("gain_db", [3, 6, 12, 20])
def test_clipping_is_seen(gain_db: float):
    waveform = _syllables()
    limit = np.abs(waveform).max() / 10 ** (gain_db / 20)
    assert "clipped" in _kinds(np.clip(waveform, -limit, limit))


def test_a_single_loudest_sample_is_no_clipping():
    waveform = _syllables()
    waveform[np.abs(waveform).argmax()] = 1.0
    assert "clipped" not in _kinds(waveform)


@pytest.mark.parametrize(("snr_db", "expected"), [(20, []), (3, ["noisy"]), (0, ["noisy"])])
def test_only_loud_noise_is_noisy(snr_db: float, expected: list[str]):
    assert _kinds(_add_noise(_syllables(), snr_db)) == expected


def test_the_telephone_is_heard_at_any_rate():
    narrow = soxr.resample(_syllables(), SAMPLING_RATE, 8_000)
    assert _kinds(narrow, 8_000) == ["telephone"]
    assert _kinds(soxr.resample(narrow, 8_000, SAMPLING_RATE)) == ["telephone"]
    assert _kinds(soxr.resample(narrow, 8_000, 48_000), 48_000) == ["telephone"]


def test_steady_noise_does_not_sound_and_speech_in_it_does():
    noise = 0.02 * np.random.default_rng(2).standard_normal(5 * SAMPLING_RATE)
    mixed = noise.copy()
    mixed[2 * SAMPLING_RATE : 3 * SAMPLING_RATE] += _syllables(1.0)
    for waveform, in_the_middle in ((noise, False), (mixed, True)):
        levels_db = block_levels_db(waveform, SAMPLING_RATE)
        sounding = is_sounding(levels_db, noise_floor_db(levels_db))
        assert sounding[80:120].any() == in_the_middle
        assert not sounding[:80].any()
        assert not sounding[120:].any()


def test_levels_are_those_of_a_sine():
    sine = np.sin(2 * np.pi * 400 * np.arange(SAMPLING_RATE) / SAMPLING_RATE)
    np.testing.assert_allclose(block_levels_db(sine, SAMPLING_RATE), -3.01, atol=0.01)
    np.testing.assert_allclose(block_levels_db(np.zeros(100), SAMPLING_RATE), [-120], atol=1e-4)


def test_no_clean_ravdess_clip_has_a_hint(ravdess_dir):
    clips = sorted(ravdess_dir.glob("Actor_*/*.*"))
    assert clips
    hinted = {}
    for clip in clips[::13]:  # 111 clips over all actors and emotions; all 1440 pass, and take much longer
        waveform, sampling_rate = soundfile.read(clip, dtype="float32", always_2d=True)
        if kinds := _kinds(waveform[:, 0], sampling_rate):
            hinted[clip.name] = kinds
    assert hinted == {}


def test_faults_made_in_real_speech_are_seen(ravdess_dir):
    clips = sorted(ravdess_dir.glob("Actor_*/*.*"))
    assert clips
    missed = []
    for clip in clips[::120]:
        waveform, sampling_rate = soundfile.read(clip, dtype="float32", always_2d=True)
        waveform = waveform[:, 0]
        limit = np.abs(waveform).max() / 2
        narrow = soxr.resample(soxr.resample(waveform, sampling_rate, 8_000), 8_000, SAMPLING_RATE)
        mono = soxr.resample(waveform, sampling_rate, SAMPLING_RATE)
        made = {
            "clipped": (np.clip(waveform, -limit, limit), sampling_rate),
            "telephone": (narrow, SAMPLING_RATE),
            "noisy": (_add_noise(mono, 3), SAMPLING_RATE),
            "short": (mono[len(mono) // 2 :][: SAMPLING_RATE // 2], SAMPLING_RATE),
        }
        missed += [(clip.name, kind) for kind, sound in made.items() if kind not in _kinds(*sound)]
    assert missed == []
