"""Features are librosa's, padded as transformers pads, and the same whatever a clip is batched with."""

import json
from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.fft
import torch

from ser.audio import load_audio
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor, dct_matrix, hann_window, mel_blocks

RATE = 16_000
BLOCK = 400  # samples in the 25 ms on which silence and level are judged
QUIET = (0.001,) * 3  # a block more than is kept on either side of speech


@pytest.fixture
def raw() -> MfccLstmFeatureExtractor:
    """Features as librosa has them: nothing trimmed, levelled or normalised."""
    return MfccLstmFeatureExtractor(trim_top_db=None, do_normalize=False)


def noise(num_samples: int, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(num_samples)).astype(np.float32)


def blocks(*amplitudes: float) -> np.ndarray:
    """One block of a square wave for each amplitude, whose root mean square level is then its amplitude."""
    return np.repeat(np.array(amplitudes, dtype=np.float32), BLOCK) * np.where(
        np.arange(BLOCK * len(amplitudes)) // 20 % 2, 1, -1
    ).astype(np.float32)


def features_of(extractor: MfccLstmFeatureExtractor, waveform: np.ndarray) -> np.ndarray:
    return extractor(waveform, sampling_rate=extractor.sampling_rate, return_tensors="np").input_features[0]


def librosa_mfcc(waveform: np.ndarray, extractor: MfccLstmFeatureExtractor) -> np.ndarray:
    return librosa.feature.mfcc(
        y=waveform,
        sr=extractor.sampling_rate,
        n_mfcc=extractor.feature_size,
        n_mels=extractor.num_mel_bins,
        n_fft=extractor.n_fft,
        win_length=extractor.win_length,
        hop_length=extractor.hop_length,
    ).T


def assert_close_to_librosa(extractor: MfccLstmFeatureExtractor, waveforms: list[np.ndarray]) -> None:
    ours = np.concatenate([features_of(extractor, waveform) for waveform in waveforms])
    theirs = np.concatenate([librosa_mfcc(each - each.mean(), extractor) for each in waveforms])
    assert ours.shape == theirs.shape
    coefficient_range = theirs.max(axis=0) - theirs.min(axis=0)
    assert (np.abs(ours - theirs) / coefficient_range).max() <= 1e-3


def test_features_are_librosas_on_100_real_clips(raw, ravdess_dir: Path):
    files = sorted(ravdess_dir.glob("Actor_*/*.*"))
    assert len(files) >= 100
    assert_close_to_librosa(raw, [load_audio(file, RATE) for file in files[:: len(files) // 100][:100]])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n_fft": 1024, "win_length": 1024, "hop_length": 256, "num_mel_bins": 128, "feature_size": 13},
        {"sampling_rate": 8_000, "n_fft": 256, "win_length": 200, "hop_length": 80, "num_mel_bins": 40},
    ],
    ids=["default", "wide", "telephone"],
)
def test_features_are_librosas_at_other_settings(settings: dict):
    extractor = MfccLstmFeatureExtractor(trim_top_db=None, do_normalize=False, **settings)
    fading = noise(RATE) * np.geomspace(1, 1e-6, RATE).astype(np.float32)  # to below the dynamic range
    assert_close_to_librosa(extractor, [noise(RATE), fading, noise(5_000, level=1e-6), blocks(0.0, 1.0, 0.0)])


@pytest.mark.parametrize(("num_coefficients", "num_mel_bins"), [(40, 64), (13, 40), (8, 8)])
def test_dct_is_scipys(num_coefficients: int, num_mel_bins: int):
    mel_db = noise(num_mel_bins)
    expected = scipy.fft.dct(mel_db, type=2, norm="ortho")[:num_coefficients]
    np.testing.assert_allclose(
        mel_db @ dct_matrix(num_coefficients, num_mel_bins).numpy(), expected, atol=1e-6
    )


@pytest.mark.parametrize("num_samples", [1, 159, 160, 399, 400, 16_000])
def test_a_frame_starts_every_hop(raw, num_samples: int):
    assert features_of(raw, noise(num_samples)).shape == (1 + num_samples // 160, 40)


def test_silence_is_finite(raw):
    assert np.isfinite(features_of(raw, np.zeros(5_000))).all()


def test_coefficients_are_normalised_with_mean_and_std():
    mean, std = np.linspace(-5, 5, 40), np.linspace(0.5, 4, 40)
    plain = features_of(MfccLstmFeatureExtractor(), noise(RATE))
    for do_normalize, expected in ((True, (plain - mean) / std), (False, plain)):
        extractor = MfccLstmFeatureExtractor(mean=mean, std=std, do_normalize=do_normalize)
        np.testing.assert_allclose(features_of(extractor, noise(RATE)), expected, rtol=1e-4, atol=1e-4)


def test_padding_and_mask_are_as_in_transformers():
    extractor = MfccLstmFeatureExtractor(mean=[1.0] * 40, padding_value=0.5)
    lengths = [8_000, 16_000, 160]
    batch = extractor([noise(n) for n in lengths], sampling_rate=RATE, return_tensors="pt")
    assert batch.input_features.shape == (3, 101, 40)
    assert batch.input_features.dtype == torch.float32
    assert batch.attention_mask.dtype == torch.int32
    for features, mask, num_samples in zip(*batch.values(), lengths, strict=True):
        num_frames = 1 + num_samples // 160
        assert mask.tolist() == [1] * num_frames + [0] * (101 - num_frames)
        assert (features[num_frames:] == 0.5).all()
        assert not (features[:num_frames] == 0.5).any()


@pytest.mark.parametrize(
    ("options", "num_frames"),
    [
        ({"padding": "max_length", "max_length": 150}, [150, 150]),
        ({"padding": "max_length", "max_length": 60, "truncation": True}, [60, 60]),
        ({"padding": True, "pad_to_multiple_of": 64}, [128, 128]),
        ({"padding": False}, [51, 101]),
        ({"padding": True, "return_attention_mask": False}, [101, 101]),
    ],
)
def test_padding_options_of_transformers_work(options: dict, num_frames: list[int]):
    batch = MfccLstmFeatureExtractor()([noise(8_000), noise(16_000)], sampling_rate=RATE, **options)
    assert [len(features) for features in batch["input_features"]] == num_frames
    assert ("attention_mask" in batch) == options.get("return_attention_mask", True)


@pytest.mark.parametrize("target_level_db", [None, -26.0])
def test_a_clip_does_not_change_with_its_batch(target_level_db: float | None):
    extractor = MfccLstmFeatureExtractor(target_level_db=target_level_db)
    clips = [noise(n, seed=n, level=10.0 ** -(n % 4)) for n in (4_001, 16_000, 399, 9_002, 12_345)]
    batch = extractor(clips, sampling_rate=RATE, return_tensors="pt")
    for clip, together, mask in zip(clips, *batch.values(), strict=True):
        # Where a clip lies in memory changes the order of sums, hence the last bits, even alone.
        np.testing.assert_allclose(together[mask == 1], features_of(extractor, clip), rtol=1e-5, atol=1e-4)


def test_arrays_tensors_and_lists_of_one_clip_agree():
    clip = noise(4_000)
    read_only = clip.copy()
    read_only.flags.writeable = False
    expected = features_of(MfccLstmFeatureExtractor(), clip)
    for same in (
        clip.astype(np.float64),
        clip[::-1].copy()[::-1],
        read_only,
        torch.from_numpy(clip).requires_grad_(),
        clip.tolist(),
        [clip],
        [clip.tolist()],
        (torch.from_numpy(clip),),
    ):
        np.testing.assert_array_equal(features_of(MfccLstmFeatureExtractor(), same), expected)


def test_a_clip_is_left_as_it_was():
    clip = noise(4_000)
    before = clip.copy()
    features_of(MfccLstmFeatureExtractor(target_level_db=-26.0), clip)
    np.testing.assert_array_equal(clip, before)


@pytest.mark.parametrize(("sampling_rate", "said"), [(None, "no sampling_rate"), (44_100, "44100 Hz")])
def test_a_missing_or_wrong_rate_is_refused_with_both_rates(sampling_rate: int | None, said: str):
    with pytest.raises(ValueError, match=rf"needs 16000 Hz.*{said}"):
        MfccLstmFeatureExtractor()(noise(RATE), sampling_rate=sampling_rate)


@pytest.mark.parametrize(
    ("clip", "said"),
    [
        (np.zeros(0), r"\(0,\)"),
        ([], r"\(0,\)"),
        (np.float32(1.0)[...], r"\(\)"),
        (np.zeros((2, 16_000)), r"\(2, 16000\)"),
        (np.zeros((16_000, 2)), r"\(16000, 2\)"),
        ([noise(8_000), np.zeros((2, 800))], r"\(2, 800\)"),
        ([noise(8_000), np.zeros(0)], r"\(0,\)"),
        (np.where(np.arange(800) == 99, np.nan, 0.1), "NaN"),
        (np.where(np.arange(800) == 99, np.inf, 0.1), "infinite"),
        (noise(800) * 1e30, "absurdly large"),
        (np.zeros(800, dtype=np.int16), "int16.*32768"),
        (np.zeros(800, dtype=np.complex64), "complex64"),
    ],
)
def test_what_is_no_waveform_is_refused(clip, said: str):
    with pytest.raises(ValueError, match=said):
        MfccLstmFeatureExtractor()(clip, sampling_rate=RATE)


def test_the_loudest_accepted_clip_is_finite(raw):
    loudest = blocks(*[np.sqrt(3e38 / (10 * BLOCK)) / raw.n_fft] * 10)
    assert np.isfinite(features_of(raw, loudest)).all()
    with pytest.raises(ValueError, match="absurdly large"):
        features_of(raw, 2 * loudest)


@pytest.mark.parametrize(
    ("waveform", "bounds"),
    [
        (blocks(*QUIET, 1.0, 0.001, 0.5, *QUIET), (BLOCK, 8 * BLOCK)),
        (blocks(0.001, 1.0, *QUIET), (0, 4 * BLOCK)),  # less than the margin is there
        (blocks(*QUIET, 0.04, 1.0, 0.04, *QUIET), (BLOCK, 8 * BLOCK)),  # -28 dB is still speech
        (blocks(*QUIET, 0.025, 1.0, 0.025, *QUIET), (2 * BLOCK, 7 * BLOCK)),  # -32 dB is not
        (blocks(0.04, 1.0, 0.04)[:-10], (0, 2 * BLOCK + 390)),  # no whole block: goes with the one before
        (np.append(blocks(*QUIET, 1.0), np.zeros(10)), (BLOCK, 4 * BLOCK + 10)),
        (np.zeros(5 * BLOCK), (0, 5 * BLOCK)),
        (blocks(1.0)[:100], (0, 100)),
        (np.append(np.zeros(99), 1.0), (0, 100)),
        (np.ones(1), (0, 1)),
    ],
)
def test_silence_is_what_is_30_db_below_the_loudest_block(waveform: np.ndarray, bounds: tuple[int, int]):
    for gain in (1.0, 1e-3):
        assert MfccLstmFeatureExtractor().trim_bounds(torch.tensor(gain * waveform)) == bounds


def test_trimmed_features_are_those_of_the_trimmed_clip():
    sound = noise(20 * BLOCK)
    sound -= sound.mean()  # an offset would be removed from the silence around it too
    clip = np.concatenate([np.zeros(7 * BLOCK), sound, np.zeros(3 * BLOCK)]).astype(np.float32)
    trimming, whole = MfccLstmFeatureExtractor(), MfccLstmFeatureExtractor(trim_top_db=None)
    np.testing.assert_allclose(
        features_of(trimming, clip), features_of(whole, clip[5 * BLOCK : 29 * BLOCK]), atol=0.01
    )
    assert len(features_of(whole, clip)) == 1 + len(clip) // 160
    assert whole.trim_bounds(torch.from_numpy(clip)) == (0, len(clip))


@pytest.mark.parametrize("quiet", [0.0, 0.009])
def test_speech_is_brought_to_the_target_level_and_quiet_blocks_do_not_count(quiet: float):
    """-41 dB is no speech, -14 dB is: the level is that of the blocks at 1.0 and 0.2."""
    clip = blocks(1.0, quiet, 0.2, quiet, 1.0)
    level = np.sqrt((1.0 + 0.04 + 1.0) / 3)
    leveller = MfccLstmFeatureExtractor(target_level_db=-20.0, trim_top_db=None)
    plain = MfccLstmFeatureExtractor(trim_top_db=None)
    expected = features_of(plain, clip * np.float32(0.1 / level))
    for gain in (1.0, 1e-3, 30.0):
        np.testing.assert_allclose(
            features_of(leveller, clip * np.float32(gain)), expected, atol=2e-3, rtol=0
        )


def test_without_a_target_the_level_is_kept():
    """In the orthonormal cepstrum a gain is the first coefficient's alone: its decibels times sqrt(bands)."""
    quiet, loud = (features_of(MfccLstmFeatureExtractor(), noise(RATE, level=level)) for level in (0.01, 0.1))
    np.testing.assert_allclose((loud - quiet)[:, 0], 20 * np.sqrt(64), rtol=1e-4)
    np.testing.assert_allclose((loud - quiet)[:, 1:], 0, atol=2e-3)


def test_noise_further_down_than_the_dynamic_range_is_not_heard():
    """A floor 60 dB below the voice is heard with librosa's range of 80 dB, and is silence with 45 dB."""
    voice, floor = noise(RATE), noise(RATE, level=1e-4)
    voice[RATE // 4 : RATE // 2] = 0.0
    for dynamic_range_db, is_heard in ((80.0, True), (45.0, False)):
        extractor = MfccLstmFeatureExtractor(dynamic_range_db=dynamic_range_db)
        change = np.abs(features_of(extractor, voice + floor) - features_of(extractor, voice))[30:45]
        assert (change.max() > 10) == is_heard


@pytest.mark.parametrize("high_pass_hz", [None, 120.0])
@pytest.mark.parametrize("offset", [-0.05, 0.01])
def test_a_constant_offset_changes_nothing(high_pass_hz: float | None, offset: float):
    extractor = MfccLstmFeatureExtractor(high_pass_hz=high_pass_hz, target_level_db=-26.0)
    clip = np.concatenate([np.zeros(4_000), noise(RATE), np.zeros(4_000)]).astype(np.float32)
    shifted = clip + np.float32(offset)
    assert extractor.trim_bounds(torch.from_numpy(shifted)) == extractor.trim_bounds(torch.from_numpy(clip))
    np.testing.assert_allclose(features_of(extractor, shifted), features_of(extractor, clip), atol=0.05)


def test_the_high_pass_halves_the_amplitude_at_its_frequency_and_takes_hum():
    extractor = MfccLstmFeatureExtractor(high_pass_hz=120.0)
    gains = {}
    for frequency in (50, 60, 120, 300, 1_000):
        tone = torch.sin(2 * torch.pi * frequency * torch.arange(RATE) / RATE)
        inner = extractor.without_low_frequencies(tone)[1_000:-1_000]
        gains[frequency] = float(inner.square().mean().sqrt() * 2**0.5)
    assert gains[120] == pytest.approx(0.5, abs=0.02)
    assert max(gains[50], gains[60]) < 0.05
    assert gains[300] == pytest.approx(1.0, abs=0.25)
    assert gains[1_000] == pytest.approx(1.0, abs=0.1)


def test_a_channel_that_attenuates_a_band_shifts_its_frames_alike():
    """Upper bands 40 dB weaker are lost below a floor under the clip's loudest band, not below their own."""
    rng = np.random.default_rng(0)
    mel_db = torch.from_numpy(rng.uniform(-60.0, -20.0, (50, 64)).astype(np.float32))
    dull = mel_db - 40.0 * torch.linspace(0, 1, 64)
    for settings, is_a_shift in (
        ({"dynamic_range_db": 45.0}, False),
        ({"dynamic_range_db": 90.0, "band_range_db": 35.0}, True),
    ):
        extractor = MfccLstmFeatureExtractor(**settings)
        change = extractor.features_of(dull) - extractor.features_of(mel_db)
        assert (float(change.std(dim=0).max()) < 1e-3) == is_a_shift


@pytest.mark.parametrize("use", [torch.set_default_dtype, torch.set_default_device], ids=["dtype", "device"])
def test_the_callers_defaults_do_not_matter(use):
    extractor, clip = MfccLstmFeatureExtractor(target_level_db=-26.0, high_pass_hz=120.0), noise(RATE)
    expected = features_of(extractor, clip)
    caches = dct_matrix, mel_blocks, hann_window
    try:
        use(torch.float64 if use is torch.set_default_dtype else "meta")
        for cache in caches:
            cache.cache_clear()
        found = features_of(extractor, clip)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    np.testing.assert_array_equal(found, expected)


def test_silence_has_no_level_to_change():
    leveller = MfccLstmFeatureExtractor(target_level_db=-20.0)
    np.testing.assert_array_equal(
        features_of(leveller, np.zeros(800)), features_of(MfccLstmFeatureExtractor(), np.zeros(800))
    )


def test_saving_and_loading_keeps_every_setting(tmp_path: Path):
    saved = MfccLstmFeatureExtractor(
        feature_size=13,
        sampling_rate=8_000,
        padding_value=0.25,
        num_mel_bins=32,
        n_fft=256,
        win_length=200,
        hop_length=80,
        high_pass_hz=90.0,
        trim_top_db=40.0,
        target_level_db=-23.0,
        dynamic_range_db=50.0,
        band_range_db=40.0,
        mean=np.linspace(-1, 1, 13, dtype=np.float32).tolist(),
        std=np.linspace(1, 3, 13).tolist(),
    )
    saved.save_pretrained(tmp_path)
    loaded = MfccLstmFeatureExtractor.from_pretrained(tmp_path)
    assert loaded.to_dict() == saved.to_dict()
    assert loaded.mean == saved.mean
    clip = noise(8_000)
    np.testing.assert_array_equal(features_of(loaded, clip), features_of(saved, clip))
    written = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert written["auto_map"] == {
        "AutoFeatureExtractor": "feature_extraction_mfcc_lstm.MfccLstmFeatureExtractor"
    }
    assert written["std"] == saved.std
    assert not {"window", "mel_filters"} & set(written)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"feature_size": 65}, r"65.*64"),
        ({"mean": [0.0] * 39}, r"40 values.*39 and 40"),
        ({"feature_size": 13, "std": [1.0] * 40}, r"13 values.*13 and 40"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict, said: str):
    with pytest.raises(ValueError, match=said):
        MfccLstmFeatureExtractor(**settings)
