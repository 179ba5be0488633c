"""Batches for the network: features of mel spectrograms, padded; in training changed anew in every epoch."""

import zlib

import numpy as np
import torch
from transformers import BatchFeature

from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.training.mel_augmentation import MelAugmentationRecipe, MelAugmenter


class FeatureCollator:
    """Makes a batch of `{"mel_spectrogram", "labels"}` rows, with the extractor's statistics."""

    def __init__(self, feature_extractor: MfccLstmFeatureExtractor):
        self.feature_extractor = feature_extractor

    def __call__(self, examples: list[dict]) -> BatchFeature:
        """`input_features` (B, T, C), `attention_mask` (B, T) and `labels` (B,)."""
        batch = self._pad([self._features_of(_spectrogram(example)) for example in examples])
        batch["labels"] = torch.tensor([int(example["labels"]) for example in examples])
        return batch

    def _features_of(self, mel_db: np.ndarray) -> np.ndarray:
        return self.feature_extractor.features_of(torch.from_numpy(mel_db)).numpy()

    def _pad(self, features: list[np.ndarray]) -> BatchFeature:
        return self.feature_extractor.pad(
            BatchFeature({"input_features": features}), padding=True, return_tensors="pt"
        )


class AugmentingCollator(FeatureCollator):
    """As `FeatureCollator`, with the changes of a `MelAugmenter`; `labels` become probabilities.

    Randomness comes from the seed and the rows of the batch, and from nothing that happened before: a
    training that was interrupted goes on to the same weights, and loading in other processes changes nothing.

    Args:
        feature_extractor: Makes features of the changed spectrograms.
        num_labels: Number of classes.
        recipe: How spectrograms are changed.
        label_smoothing: Probability spread evenly over all classes.
        seed: Seed of the changes.
    """

    def __init__(
        self,
        feature_extractor: MfccLstmFeatureExtractor,
        num_labels: int,
        recipe: MelAugmentationRecipe,
        label_smoothing: float = 0.1,
        seed: int = 0,
    ):
        super().__init__(feature_extractor)
        self.num_labels = num_labels
        self.augmenter = MelAugmenter(feature_extractor, recipe)
        self.label_smoothing = label_smoothing
        self.seed = seed

    def __call__(self, examples: list[dict]) -> BatchFeature:
        """`input_features` (B, T, C), `attention_mask` (B, T) and `labels` (B, num_labels)."""
        # An epoch deals the clips into other batches than the one before, so that each draws anew.
        spectrograms = [_spectrogram(example) for example in examples]
        rng = np.random.default_rng((self.seed, _checksum(spectrograms)))
        features = []
        for row, mel_db in enumerate(spectrograms):
            others = spectrograms[:row] + spectrograms[row + 1 :]
            features.append(self.augmenter.mask(self._features_of(self.augmenter(mel_db, others, rng)), rng))
        batch = self._pad(features)
        one_hot = torch.eye(self.num_labels)[[int(example["labels"]) for example in examples]]
        batch["labels"] = one_hot * (1 - self.label_smoothing) + self.label_smoothing / self.num_labels
        return batch


def _spectrogram(example: dict) -> np.ndarray:
    return np.require(example["mel_spectrogram"], np.float32, ["C", "W"])


def _checksum(spectrograms: list[np.ndarray]) -> int:
    """A number that stands for the rows of a batch and their order."""
    total = 0
    for mel_db in spectrograms:
        total = zlib.crc32(mel_db.tobytes(), total)
    return total
