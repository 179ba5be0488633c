"""What is done to a mel spectrogram is what the same would do to the waveform, or says how it differs."""

import numpy as np
import pytest
from scipy.signal import lfilter

from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.training import augmentation
from ser.training.mel_augmentation import MelAugmentationRecipe, MelAugmenter, to_decibels, to_power

RATE = 16_000
EXTRACTOR = MfccLstmFeatureExtractor(trim_top_db=None)
AUGMENTER = MelAugmenter(EXTRACTOR, MelAugmentationRecipe())
NOISE = np.random.default_rng(0).normal(0, 0.05, 2 * RATE).astype(np.float32)


def spectrogram(waveform: np.ndarray) -> np.ndarray:
    return EXTRACTOR.mel_spectrogram(waveform).numpy()


def mean_db(mel_db: np.ndarray) -> np.ndarray:
    """Mean power in each band, away from the edges of the clip."""
    return to_decibels(to_power(mel_db[5:-5]).mean(axis=0))


def test_an_equaliser_is_that_of_the_waveform():
    gains_db = np.array([6.0, -6.0, 3.0])
    before = spectrogram(NOISE)
    ours = AUGMENTER.equalise(before, gains_db)
    # The waveform's equaliser draws its curve straight over Hz: a knot a band makes it the same.
    per_band_db = np.pad(np.interp(np.linspace(0, 2, 64), [0, 1, 2], gains_db), 1, mode="edge")
    heard = spectrogram(augmentation.equalise(NOISE, RATE, per_band_db))
    assert np.abs(mean_db(heard) - mean_db(ours))[2:-2].max() < 0.3
    assert np.abs(mean_db(ours) - mean_db(before)).max() > 5


def test_a_limited_band_is_kept_inside_and_gone_outside():
    before = mean_db(spectrogram(NOISE))
    heard = mean_db(spectrogram(augmentation.limit_band(NOISE, RATE, 300.0, 3_400.0)))
    ours = mean_db(AUGMENTER.limit_band(spectrogram(NOISE), 300.0, 3_400.0))
    inside = (AUGMENTER.centres_hz > 330) & (AUGMENTER.centres_hz < 3_100)
    outside = (AUGMENTER.centres_hz < 140) | (AUGMENTER.centres_hz > 6_900)
    assert np.abs(ours - before)[inside].max() < 0.01
    assert np.abs(heard - ours)[inside].max() < 0.5
    assert (before - ours)[outside].min() > 55
    assert (before - heard)[outside].min() > 30


def test_noise_has_the_level_asked_for():
    loud = spectrogram(NOISE)
    for snr_db in (0.0, 10.0):
        noisy = AUGMENTER.add_noise(loud, np.ones_like(loud), snr_db)
        power, added = (to_power(each) @ AUGMENTER.shares for each in (loud, noisy))
        assert 10 * np.log10(power.mean() / (added - power).mean()) == pytest.approx(snr_db, abs=0.01)


def test_a_frames_power_is_the_sum_of_its_bands():
    """White noise and a tone of the same power are equally loud, wherever the tone lies."""
    levels = [AUGMENTER.speech_level_db(spectrogram(NOISE))]
    for frequency_hz in (500, 1_500, 5_000):
        tone = np.sin(2 * np.pi * frequency_hz / RATE * np.arange(len(NOISE)), dtype=np.float32)
        tone *= NOISE.std() * np.sqrt(2)
        levels.append(AUGMENTER.speech_level_db(spectrogram(tone)))
    assert np.ptp(levels) < 1.5


def test_noise_is_that_of_the_waveform():
    """White noise at 10 dB, made here and heard, lies equally high in every band and shakes as much."""
    tone = np.sin(2 * np.pi * 300 / RATE * np.arange(len(NOISE)), dtype=np.float32)
    heard = spectrogram(augmentation.add_noise(tone, NOISE, 10.0))
    ours = AUGMENTER.add_noise(spectrogram(tone), AUGMENTER.white_noise[: len(heard)], 10.0)
    above = AUGMENTER.centres_hz > 1_000  # beside the tone there is noise alone
    assert np.abs(mean_db(heard) - mean_db(ours))[above].max() < 1.5
    shaking = [each[5:-5, above].std(axis=0) for each in (heard, ours)]
    np.testing.assert_allclose(*shaking, rtol=0.25)


def test_drawn_noise_falls_with_frequency_or_is_babble():
    voice = np.full((50, 64), -100.0, np.float32)
    voice[:, 20] = -10.0
    slopes, babbles = [], 0
    for seed in range(60):
        noise = AUGMENTER.draw_noise(80, [voice], np.random.default_rng(seed))
        assert noise.shape == (80, 64)
        mean = noise.mean(axis=0)
        if mean[20] > 1e3 * np.delete(mean, 20).max():
            babbles += 1
        else:
            slopes.append(np.polyfit(np.log10(AUGMENTER.centres_hz), np.log10(mean), 1)[0])
    assert 10 <= babbles <= 30
    assert max(slopes) < 0.15
    assert min(slopes) > -2.3
    assert min(slopes) < -1.5


def test_loud_noise_is_heard_before_and_after_the_speech():
    """A recording whose noise is loud is not trimmed; the network must have heard such ends."""
    speech = spectrogram(NOISE)[:100]
    noise = AUGMENTER.white_noise[:150]
    noisy = AUGMENTER.add_noise(speech, noise, 10.0, before=30)
    alone = np.concatenate([noisy[:30], noisy[130:]])
    assert len(noisy) == 150
    level = 10 * np.log10((to_power(speech) @ AUGMENTER.shares).mean())
    assert 10 * np.log10((to_power(alone) @ AUGMENTER.shares).mean()) == pytest.approx(level - 10, abs=0.3)
    assert (noisy[30:130] >= speech).all()


@pytest.mark.parametrize(("snr_db", "grows"), [(10.0, True), (30.0, False)])
def test_only_noise_that_trimming_leaves_has_ends(snr_db: float, grows: bool):
    whole = {"min_crop_fraction": 1.0, "noise_prob": 1.0, "min_snr_db": snr_db, "max_snr_db": snr_db}
    augmenter = MelAugmenter(EXTRACTOR, MelAugmentationRecipe(**whole, noisy_ends_prob=1.0))
    speech = spectrogram(NOISE)
    lengths = {len(augmenter(speech, [], np.random.default_rng(seed))) for seed in range(20)}
    assert max(lengths) <= augmenter.recipe.max_frames
    assert (max(lengths) > len(speech)) == grows


def test_ends_share_what_room_there_is():
    rng = np.random.default_rng(0)
    for num_frames in (10, 250, 270, 280, 300):
        for _ in range(20):
            before, after = AUGMENTER.draw_ends(num_frames, rng)
            assert 0 <= min(before, after) <= max(before, after) <= AUGMENTER.recipe.max_noisy_end_frames
            assert before + after <= max(0, AUGMENTER.recipe.max_frames - num_frames)


def test_without_others_there_is_no_babble():
    for seed in range(20):
        assert np.isfinite(AUGMENTER.draw_noise(10, [], np.random.default_rng(seed))).all()


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_formant_moves_by_the_factor(factor: float):
    formant = lfilter([1.0], [1.0, -2 * 0.97 * np.cos(2 * np.pi * 1_500 / RATE), 0.97**2], NOISE)
    mel_db = spectrogram(formant.astype(np.float32))
    peaks = [
        np.average(AUGMENTER.centres_hz, weights=to_power(mean_db(each)) ** 2)
        for each in (mel_db, AUGMENTER.warp_vocal_tract(mel_db, factor))
    ]
    assert peaks[1] / peaks[0] == pytest.approx(factor, rel=0.02)


def test_speech_keeps_its_level_whatever_is_done_to_it():
    clip = spectrogram(NOISE * np.linspace(0.01, 1, len(NOISE), dtype=np.float32))
    recipe = MelAugmentationRecipe(
        min_crop_fraction=1.0,
        noise_prob=1.0,
        noisy_ends_prob=0.0,
        band_limit_prob=1.0,
        equaliser_std_db=9.0,
        equaliser_prob=1.0,
    )
    augmenter = MelAugmenter(EXTRACTOR, recipe)
    for seed in range(10):
        changed = augmenter(clip, [clip], np.random.default_rng(seed))
        assert augmenter.speech_level_db(changed) == pytest.approx(augmenter.speech_level_db(clip), abs=0.2)
        assert np.abs(changed - clip).mean() > 1


def test_an_equaliser_is_one_curve_for_all_frames():
    clip = spectrogram(NOISE)
    recipe = MelAugmentationRecipe(
        min_crop_fraction=1.0,
        max_vocal_tract_warp=0.0,
        noise_prob=0.0,
        hum_prob=0.0,
        tilt_prob=0.0,
        band_limit_prob=0.0,
        equaliser_prob=1.0,
    )
    augmenter = MelAugmenter(EXTRACTOR, recipe)
    curves = [augmenter(clip, [], np.random.default_rng(seed)) - clip for seed in range(80)]
    for curve in curves:
        np.testing.assert_allclose(curve, np.broadcast_to(curve[:1], curve.shape), atol=1e-3)
    centred = np.array([curve[0] - curve[0].mean() for curve in curves])
    assert 1.7 < np.sqrt((centred**2).mean()) < 3.0  # 3 dB at the knots, less between them and about the mean


def test_hum_lies_where_mains_and_their_harmonics_lie():
    """And lower than 120 Hz the extractor's high-pass leaves little of it."""
    augmenter = MelAugmenter(EXTRACTOR, MelAugmentationRecipe())
    hum = augmenter.draw_hum(5, np.random.default_rng(0))
    assert hum.shape == (5, EXTRACTOR.num_mel_bins)
    assert (hum == hum[:1]).all()
    above = augmenter.centres_hz > 1_000.0
    assert hum[0, above].max() < 1e-3 * hum[0].max()


def test_a_tilt_makes_a_spectrum_fall_evenly_over_the_mel_bands():
    clip = spectrogram(NOISE)
    recipe = MelAugmentationRecipe(
        min_crop_fraction=1.0, max_vocal_tract_warp=0.0, noise_prob=0.0, hum_prob=0.0, band_limit_prob=0.0,
        equaliser_prob=0.0, tilt_prob=1.0, max_tilt_db=25.0,
    )  # fmt: skip
    augmenter = MelAugmenter(EXTRACTOR, recipe)
    falls = []
    for seed in range(30):
        curve = (augmenter(clip, [], np.random.default_rng(seed)) - clip)[0]
        steps = np.diff(curve)
        np.testing.assert_allclose(steps, steps.mean(), atol=1e-3)
        falls.append(curve[0] - curve[-1])
    assert min(falls) >= -1e-3
    assert 15.0 < max(falls) <= 25.001
