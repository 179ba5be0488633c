"""Each change does what it says by the numbers; none breaks on silence or a clip that is hardly there."""

import warnings
from dataclasses import replace
from functools import partial

import librosa
import numpy as np
import pytest

from ser.training import augmentation
from ser.training.augmentation import PROSODIES, AugmentationRecipe, Prosody, augment_waveform, draw_changes

RATE = 16_000
ALWAYS = AugmentationRecipe(
    prosody_prob=1.0,
    vocal_tract_prob=1.0,
    reverberation_prob=1.0,
    band_limit_prob=1.0,
    noise_prob=1.0,
)
# Every function with strong but fixed settings, as `waveform -> waveform`.
CHANGES = {
    "gain": partial(augmentation.change_gain, gain_db=-3.0),
    "faster": partial(augmentation.change_speed, factor=2.0),
    "slower": partial(augmentation.change_speed, factor=0.7),
    "stretched": partial(augmentation.stretch_time, factor=0.7),
    "squeezed": partial(augmentation.stretch_time, factor=2.0),
    "higher": partial(augmentation.shift_pitch, sampling_rate=RATE, semitones=3.0),
    "lower": partial(augmentation.shift_pitch, sampling_rate=RATE, semitones=-3.0),
    "warped": partial(augmentation.warp_vocal_tract, factor=1.2),
    "equalised": partial(augmentation.equalise, sampling_rate=RATE, gains_db=np.array([6.0, -6.0, 3.0])),
    "telephone": partial(augmentation.limit_band, sampling_rate=RATE, low_hz=300.0, high_hz=3_400.0),
    "tilted": partial(augmentation.tilt_spectrum, sampling_rate=RATE, tilt_db=25.0),
    "humming": lambda waveform: augmentation.add_noise(
        waveform, augmentation.mains_hum(len(waveform), RATE, np.random.default_rng(0)), snr_db=0.0
    ),
    "among others": lambda waveform: augmentation.add_noise(
        waveform, augmentation.babble([sine(300), vowel(900)], len(waveform), np.random.default_rng(0)), 0.0
    ),
    "other prosody": partial(
        augmentation.change_prosody, sampling_rate=RATE, prosody=Prosody(speed=1.1, tempo=0.9, semitones=2.0)
    ),
    "noisy": lambda waveform: augmentation.add_noise(
        waveform, augmentation.coloured_noise(len(waveform), 1.0, np.random.default_rng(0)), snr_db=0.0
    ),
    "reverberant": lambda waveform: augmentation.reverberate(
        waveform, RATE, 0.3, 0.0, np.random.default_rng(0)
    ),
}


def sine(frequency_hz: float, num_samples: int = RATE, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency_hz * np.arange(num_samples) / RATE)).astype(np.float32)


def power(waveform: np.ndarray) -> float:
    return float(np.mean(np.square(waveform, dtype=np.float64)))


def magnitude(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and the spectrum's magnitude at them."""
    window = np.hanning(len(waveform))
    return np.fft.rfftfreq(len(waveform), 1 / RATE), np.abs(np.fft.rfft(waveform * window))


def peak_hz(waveform: np.ndarray) -> float:
    frequencies_hz, spectrum = magnitude(waveform)
    return float(frequencies_hz[spectrum.argmax()])


def vowel(formant_hz: float, pitch_hz: float = 100.0) -> np.ndarray:
    """Harmonics of 100 Hz under one resonance."""
    harmonics_hz = pitch_hz * np.arange(1, 40)
    return np.sum(
        [sine(f, amplitude=0.05 * np.exp(-(((f - formant_hz) / 200) ** 2))) for f in harmonics_hz], axis=0
    )


def spectral_centre_hz(waveform: np.ndarray) -> float:
    frequencies_hz, spectrum = magnitude(waveform)
    return float(np.average(frequencies_hz, weights=spectrum**2))


@pytest.mark.parametrize("gain_db", [-20.0, 6.0])
def test_gain_changes_the_level_by_so_many_db(gain_db: float):
    waveform = sine(440)
    changed = augmentation.change_gain(waveform, gain_db)
    np.testing.assert_allclose(changed, waveform * 10 ** (gain_db / 20), rtol=1e-6)


def test_gain_clips_at_full_scale():
    assert np.abs(augmentation.change_gain(sine(440), 60.0)).max() == 1.0


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.25])
def test_speed_moves_length_and_pitch(factor: float):
    changed = augmentation.change_speed(sine(400), factor)
    assert len(changed) == pytest.approx(RATE / factor, abs=1)
    assert peak_hz(changed) == pytest.approx(400 * factor, abs=2)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_stretching_moves_length_and_keeps_pitch(factor: float):
    changed = augmentation.stretch_time(sine(400), factor)
    assert len(changed) == round(RATE / factor)
    assert peak_hz(changed) == pytest.approx(400, abs=2)


@pytest.mark.parametrize("semitones", [-2.0, 1.0, 12.0])
def test_pitch_shift_moves_a_sine_by_semitones_and_keeps_length(semitones: float):
    changed = augmentation.shift_pitch(sine(440), RATE, semitones)
    assert len(changed) == RATE
    assert peak_hz(changed) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.01)


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
def test_vocal_tract_warp_moves_a_formant_and_neither_pitch_nor_length(factor: float):
    waveform = vowel(1_500)
    changed = augmentation.warp_vocal_tract(waveform, factor)
    assert len(changed) == len(waveform)
    assert spectral_centre_hz(changed) == pytest.approx(1_500 * factor, rel=0.03)
    frequencies_hz, spectrum = magnitude(changed)
    harmonic = np.abs(frequencies_hz / 100 - np.round(frequencies_hz / 100)) < 0.03
    assert np.sum(spectrum[harmonic] ** 2) > 0.9 * np.sum(spectrum**2)


def test_equaliser_follows_its_knots():
    # Three knots: 0 Hz, the middle of the mel scale (about 2 kHz) and 8 kHz.
    change = partial(augmentation.equalise, sampling_rate=RATE, gains_db=np.array([0.0, -20.0, 10.0]))
    middle_hz = librosa.mel_frequencies(n_mels=3, fmin=0, fmax=RATE / 2)[1]
    for frequency_hz, gain_db in ((1.0, 0.0), (middle_hz, -20.0), (7_999.0, 10.0)):
        waveform = sine(round(frequency_hz))
        change_db = 10 * np.log10(power(change(waveform)) / power(waveform))
        assert change_db == pytest.approx(gain_db, abs=0.1)
    assert augmentation.equalise(sine(400, 401), RATE, np.zeros(5)) == pytest.approx(sine(400, 401), abs=1e-6)


@pytest.mark.parametrize(("frequency_hz", "lost_db"), [(100, 0.0), (250, 0.0), (1_414, 10.0), (7_999, 20.0)])
def test_tilt_takes_the_same_from_every_octave_above_250_hz(frequency_hz: float, lost_db: float):
    changed = augmentation.tilt_spectrum(sine(frequency_hz), RATE, 20.0)
    assert 10 * np.log10(power(sine(frequency_hz)) / power(changed)) == pytest.approx(lost_db, abs=0.05)


def test_hum_lies_on_the_harmonics_of_the_mains():
    for seed in range(5):
        peak = peak_hz(augmentation.mains_hum(RATE, RATE, np.random.default_rng(seed)))
        assert min(peak % 50, peak % 60) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(
    ("frequency_hz", "lowest_db", "highest_db"),
    [(100, -300, -60), (330, -0.1, 0.1), (1_000, -0.1, 0.1), (3_300, -0.1, 0.1), (6_000, -300, -60)],
)
def test_band_limit_keeps_the_band_and_removes_the_rest(
    frequency_hz: float, lowest_db: float, highest_db: float
):
    waveform = sine(frequency_hz)
    changed = augmentation.limit_band(waveform, RATE, 300.0, 3_400.0)
    change_db = 10 * np.log10(power(changed) / power(waveform) + 1e-30)
    assert lowest_db <= change_db <= highest_db


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_noise_has_unit_power_and_its_colour(exponent: float):
    noise = augmentation.coloured_noise(2**16, exponent, np.random.default_rng(0))
    assert power(noise) == pytest.approx(1.0, rel=1e-4)
    spectrum = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [np.mean(spectrum[2**k : 2 ** (k + 1)]) for k in range(7, 15)]
    slope = np.polyfit(np.arange(7, 15), np.log2(octaves), 1)[0]
    assert slope == pytest.approx(-exponent, abs=0.1)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0, 40.0])
@pytest.mark.parametrize("num_samples", [RATE, RATE + 1])
def test_noise_is_added_at_the_asked_snr(snr_db: float, num_samples: int):
    waveform = sine(440, num_samples)
    noise = 7.0 * augmentation.coloured_noise(num_samples, 1.0, np.random.default_rng(0))
    added = augmentation.add_noise(waveform, noise, snr_db) - waveform
    assert 10 * np.log10(power(waveform) / power(added)) == pytest.approx(snr_db, abs=0.1)


def test_reverberation_keeps_the_direct_sound_and_decays_60_db_in_its_time():
    impulse = np.zeros(RATE, dtype=np.float32)
    impulse[0] = 1.0
    response = augmentation.reverberate(impulse, RATE, 0.5, 6.0, np.random.default_rng(0))
    assert len(response) == RATE
    assert response[0] == pytest.approx(1.0, abs=1e-6)
    assert 10 * np.log10(np.sum(response[1:] ** 2)) == pytest.approx(-6.0, abs=0.1)
    level_db = [10 * np.log10(power(block)) for block in response[1:7_601].reshape(19, 400)]
    slope_db_per_second = np.polyfit(np.arange(19) * 400 / RATE, level_db, 1)[0]
    assert slope_db_per_second == pytest.approx(-60 / 0.5, rel=0.05)
    assert power(response[RATE // 2 + 1 :]) < 1e-12


def test_reverberation_shorter_than_a_sample_changes_nothing():
    waveform = sine(440)
    changed = augmentation.reverberate(waveform, RATE, 1e-5, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(changed, waveform, atol=1e-6)


@pytest.mark.parametrize("num_samples", [1, 2, 100, 511, 1_023, 4_000])
@pytest.mark.parametrize("name", CHANGES)
def test_no_clip_is_too_short_or_too_quiet(name: str, num_samples: int):
    rng = np.random.default_rng(0)
    clips = {
        "silence": np.zeros(num_samples, dtype=np.float32),
        "constant": np.full(num_samples, 0.5, dtype=np.float32),
        "all but silent": np.full(num_samples, 1e-30, dtype=np.float32),
        "noise": rng.uniform(-1, 1, num_samples).astype(np.float32),
    }
    for kind, clip in clips.items():
        before = clip.copy()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            changed = CHANGES[name](clip)
        assert changed.dtype == np.float32, kind
        assert changed.ndim == 1, kind
        assert len(changed) > 0, kind
        assert np.isfinite(changed).all(), kind
        assert np.array_equal(clip, before), f"{kind}: the clip itself was changed"
        if kind == "silence":
            assert not changed.any()


@pytest.mark.parametrize("num_samples", [1, 100, 3_000])
def test_the_recipe_survives_silence_and_short_clips(num_samples: int):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        silence = augment_waveform(np.zeros(num_samples, dtype=np.float32), RATE, rng, ALWAYS)
        assert not silence.any()
        noise = augment_waveform(rng.uniform(-1, 1, num_samples).astype(np.float32), RATE, rng, ALWAYS)
        assert np.isfinite(noise).all()
        assert len(noise) > 0


def test_the_same_seed_gives_the_same_copy_and_another_one_another():
    waveform = vowel(1_500)
    copies = [augment_waveform(waveform, RATE, np.random.default_rng(seed), ALWAYS) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(copies[0], copies[1])
    assert len(copies[0]) != len(copies[2]) or not np.allclose(copies[0], copies[2])


def test_global_random_state_is_neither_read_nor_changed():
    waveform = vowel(1_500)
    copies = []
    for global_seed in (1, 2):
        np.random.seed(global_seed)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        copies.append(augment_waveform(waveform, RATE, np.random.default_rng(0), ALWAYS))
        assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.testing.assert_array_equal(*copies)


def test_probabilities_decide_which_changes_are_drawn():
    rng = np.random.default_rng(0)
    never = AugmentationRecipe(**{name: 0.0 for name in vars(ALWAYS) if name.endswith("_prob")})
    assert [len(draw_changes(never, RATE, rng)) for _ in range(20)] == [1] * 20  # the gain is always drawn
    assert [len(draw_changes(ALWAYS, RATE, rng)) for _ in range(20)] == [6] * 20
    num_noisy = sum(len(draw_changes(replace(never, noise_prob=0.25), RATE, rng)) == 2 for _ in range(400))
    assert 70 <= num_noisy <= 130


def test_limits_of_the_recipe_are_kept():
    waveform = sine(400, 4_000, amplitude=0.01)
    only_gain = AugmentationRecipe(
        **{name: 0.0 for name in vars(ALWAYS) if name.endswith("_prob")}, max_gain_db=3.0
    )
    gains_db = []
    for seed in range(40):
        changed = augment_waveform(waveform, RATE, np.random.default_rng(seed), only_gain)
        gains_db.append(10 * np.log10(power(changed) / power(waveform)))
    assert -3.0 <= min(gains_db) < -2.0
    assert 2.0 < max(gains_db) <= 3.0


def test_prosody_moves_tempo_and_pitch():
    changed = augmentation.change_prosody(sine(400), RATE, Prosody(speed=1.1, tempo=0.9, semitones=2.0))
    assert len(changed) == pytest.approx(RATE / 1.1 / 0.9, abs=2)
    assert peak_hz(changed) == pytest.approx(400 * 1.1 * 2 ** (2 / 12), rel=0.01)
    np.testing.assert_array_equal(augmentation.change_prosody(sine(400), RATE, Prosody()), sine(400))


def test_copies_take_the_prosodies_in_turn():
    only_prosody = AugmentationRecipe(
        **{name: 0.0 for name in vars(ALWAYS) if name.endswith("_prob")} | {"prosody_prob": 1.0},
        max_gain_db=0.0,
    )
    waveform, rng = vowel(1_500), np.random.default_rng(0)
    for number, prosody in enumerate(PROSODIES * 2):
        copy = augment_waveform(waveform, RATE, rng, only_prosody, number)
        np.testing.assert_array_equal(copy, augmentation.change_prosody(waveform, RATE, prosody))
    drawn = {len(augment_waveform(waveform, RATE, rng, only_prosody)) for _ in range(40)}
    assert len(drawn) > 4
