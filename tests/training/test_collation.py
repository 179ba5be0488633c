"""Batches are padded and normalised; in training they change anew."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from train_together import UNCHANGED

from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.training.collation import AugmentingCollator, FeatureCollator
from ser.training.mel_augmentation import MelAugmentationRecipe

RATE = 16_000
CORPORA = ("ravdess", "nemo")
MEAN, STD = np.linspace(-20, 20, 40).tolist(), np.linspace(1, 9, 40).tolist()
EXTRACTOR = MfccLstmFeatureExtractor(mean=MEAN, std=STD)


def examples(lengths: tuple[int, ...] = (30, 50, 7)) -> list[dict]:
    rng = np.random.default_rng(0)
    return [
        {
            "mel_spectrogram": rng.normal(-40, 9, (length, 64)).astype(np.float32),
            "labels": np.int64(label),
            "corpus": CORPORA[label % 2],
        }
        for label, length in enumerate(lengths, start=2)
    ]


def collate(batch: list[dict], seed: int = 0, **changes):
    return AugmentingCollator(EXTRACTOR, CORPORA, replace(UNCHANGED, **changes), seed)(batch)


@pytest.fixture(params=["evaluation", "training"])
def collator(request) -> FeatureCollator:
    if request.param == "evaluation":
        return FeatureCollator(EXTRACTOR, CORPORA)
    return AugmentingCollator(EXTRACTOR, CORPORA, UNCHANGED)


def test_features_are_normalised_and_padded_with_a_mask(collator):
    batch = collator(examples())
    assert set(batch) == {"input_features", "attention_mask", "labels", "corpus"}
    assert batch["input_features"].shape == (3, 50, 40)
    assert batch["input_features"].dtype == torch.float32
    for row, example in enumerate(examples()):
        length = len(example["mel_spectrogram"])
        expected = EXTRACTOR.features_of(torch.from_numpy(example["mel_spectrogram"]))
        torch.testing.assert_close(batch["input_features"][row, :length], expected, rtol=0, atol=1e-4)
        assert not batch["input_features"][row, length:].any()
        assert batch["attention_mask"][row].tolist() == [1] * length + [0] * (50 - length)


def test_a_batch_is_what_the_extractor_gives(collator):
    rng = np.random.default_rng(0)
    waveforms = [rng.normal(0, 0.1, n).astype(np.float32) for n in (5_000, 8_000)]
    spectrograms = [EXTRACTOR.mel_spectrogram(each).numpy() for each in waveforms]
    rows = [{"mel_spectrogram": each, "labels": 0, "corpus": "nemo"} for each in spectrograms]
    batch = collator(rows)
    expected = EXTRACTOR(waveforms, sampling_rate=RATE, return_tensors="pt")
    torch.testing.assert_close(batch["input_features"], expected["input_features"], rtol=0, atol=1e-4)
    torch.testing.assert_close(batch["attention_mask"], expected["attention_mask"])


def test_lists_are_taken_as_arrays_are(collator):
    as_lists = [
        {**e, "mel_spectrogram": e["mel_spectrogram"].tolist(), "labels": int(e["labels"])}
        for e in examples()
    ]
    for ours, theirs in zip(collator(as_lists).values(), collator(examples()).values(), strict=True):
        torch.testing.assert_close(ours, theirs, check_dtype=False)


def test_labels_and_corpora_are_indices(collator):
    batch = collator(examples())
    assert batch["labels"].tolist() == [2, 3, 4]
    assert batch["corpus"].tolist() == [0, 1, 0]


def test_examples_are_left_as_they_were():
    batch = examples()
    AugmentingCollator(EXTRACTOR, CORPORA, MelAugmentationRecipe(noise_prob=1.0, equaliser_prob=1.0))(batch)
    for ours, before in zip(batch, examples(), strict=True):
        np.testing.assert_array_equal(ours["mel_spectrogram"], before["mel_spectrogram"])


def test_a_crop_is_a_stretch_of_the_clip_no_shorter_than_asked():
    (example,) = examples((200,))
    whole = collate([example])["input_features"][0]
    lengths = set()
    for seed in range(60):
        crop = collate([example], seed, min_crop_fraction=0.6)["input_features"][0]
        starts = [
            start
            for start in range(200 - len(crop) + 1)
            if torch.allclose(whole[start : start + len(crop)], crop, atol=1e-3)
        ]
        assert len(starts) == 1
        lengths.add(len(crop))
    assert 120 <= min(lengths) < 135
    assert 185 < max(lengths) <= 200


def test_a_crop_is_no_longer_than_asked():
    batch = examples((200, 90, 91))
    masks = collate(batch, max_crop_frames=90)["attention_mask"]
    assert masks.sum(dim=1).tolist() == [90, 90, 90]


def test_masks_are_stretches_of_the_mean_no_longer_than_asked():
    (example,) = examples((200,))
    whole = collate([example])["input_features"][0]
    longest = 0
    for seed in range(60):
        masked = collate([example], seed, num_time_masks=1, max_time_mask_fraction=0.2)["input_features"][0]
        hidden = (masked == 0).all(dim=1)
        torch.testing.assert_close(masked[~hidden], whole[~hidden], rtol=0, atol=1e-4)
        assert hidden.int().diff().abs().sum() <= 2, "more than one stretch"
        longest = max(longest, int(hidden.sum()))
    assert 30 < longest <= 40
    three = collate([example], 1, num_time_masks=3, max_time_mask_fraction=0.2)["input_features"][0]
    assert (three == 0).all(dim=1).int().diff().abs().sum() > 2


@pytest.mark.parametrize("length", [1, 2, 3])
def test_clips_of_a_few_frames_stay_finite(length: int):
    for seed in range(20):
        batch = AugmentingCollator(EXTRACTOR, CORPORA, MelAugmentationRecipe(), seed=seed)(
            examples((length, length))
        )
        assert torch.isfinite(batch["input_features"]).all()
        assert batch["attention_mask"].sum(dim=1).min() >= 1


def test_the_seed_and_the_rows_decide_and_nothing_before_them():
    """Else a training that went on from a checkpoint would hear other changes than one that never stopped."""

    def change(seed: int, *batches: list[dict]) -> list[torch.Tensor]:
        collator = AugmentingCollator(EXTRACTOR, CORPORA, MelAugmentationRecipe(), seed=seed)
        return [collator(batch)["input_features"].sum(dim=(1, 2)) for batch in batches]

    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    batch = examples()
    first, reversed_, again = change(3, batch, batch[::-1], batch)
    assert torch.equal(first, again)
    assert torch.equal(first, *change(3, batch))
    assert not torch.allclose(first, reversed_.flip(0)), "the same changes in every epoch"
    assert not torch.equal(first, *change(4, batch))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002


def test_evaluation_is_the_same_every_time():
    collator = FeatureCollator(EXTRACTOR, CORPORA)
    state = torch.get_rng_state()
    for ours, theirs in zip(collator(examples()).values(), collator(examples()).values(), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(torch.get_rng_state(), state)
