"""Batches for the network: normalise and pad features; in training also change them, anew in every epoch."""

import zlib
from dataclasses import dataclass

import numpy as np
import torch
from transformers import BatchFeature

from .feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor, dct_matrix


@dataclass(frozen=True)
class FeatureAugmentation:
    """How often and how strongly training features are changed.

    Attributes:
        min_crop_fraction: The shortest part of a clip that is kept, drawn evenly up to the whole clip.
        max_crop_frames: The longest part that is kept: padding a batch to one slow clip costs more time than
            the end of that clip is worth.
        num_time_masks: Stretches of frames set to the mean (SpecAugment, Park et al., 2019).
        max_time_mask_fraction: Longest such stretch, as a share of the clip.
        equaliser_prob: Share of clips heard through another microphone: a smooth random curve over the mel
            bands, which in the cepstrum is one offset for all frames.
        equaliser_std_db: Standard deviation of that curve at its knots.
        num_equaliser_knots: Knots of that curve, evenly on the mel scale.
        label_smoothing: Probability spread evenly over all classes.
    """

    min_crop_fraction: float = 0.75
    max_crop_frames: int = 240
    num_time_masks: int = 2
    max_time_mask_fraction: float = 0.12
    equaliser_prob: float = 0.5
    equaliser_std_db: float = 3.0
    num_equaliser_knots: int = 8
    label_smoothing: float = 0.1


class FeatureCollator:
    """Pads `{"input_features", "labels"}` rows into a batch, normalised with the extractor's statistics."""

    def __init__(self, feature_extractor: MfccLstmFeatureExtractor):
        self.feature_extractor = feature_extractor
        self.mean = np.asarray(feature_extractor.mean, dtype=np.float32)
        self.std = np.asarray(feature_extractor.std, dtype=np.float32)

    def __call__(self, examples: list[dict]) -> BatchFeature:
        """`input_features` (B, T, C), `attention_mask` (B, T) and `labels` (B,)."""
        batch = self._pad(
            [(np.asarray(example["input_features"]) - self.mean) / self.std for example in examples]
        )
        batch["labels"] = torch.tensor([int(example["labels"]) for example in examples])
        return batch

    def _pad(self, features: list[np.ndarray]) -> BatchFeature:
        return self.feature_extractor.pad(
            BatchFeature({"input_features": features}), padding=True, return_tensors="pt"
        )


class AugmentingCollator(FeatureCollator):
    """As `FeatureCollator`, with the changes of a `FeatureAugmentation`; `labels` become probabilities.

    Randomness comes from the seed and the rows of the batch, and from nothing that happened before: a
    training that was interrupted goes on to the same weights, and loading in other processes changes nothing.
    """

    def __init__(
        self,
        feature_extractor: MfccLstmFeatureExtractor,
        num_labels: int,
        augmentation: FeatureAugmentation,
        seed: int = 0,
    ):
        super().__init__(feature_extractor)
        self.num_labels = num_labels
        self.augmentation = augmentation
        self.seed = seed

    def __call__(self, examples: list[dict]) -> BatchFeature:
        """`input_features` (B, T, C), `attention_mask` (B, T) and `labels` (B, num_labels)."""
        # An epoch deals the clips into other batches than the one before, so that each draws anew.
        rng = np.random.default_rng((self.seed, _checksum(examples)))
        batch = self._pad([self.change(np.asarray(example["input_features"]), rng) for example in examples])
        smoothing = self.augmentation.label_smoothing
        one_hot = torch.eye(self.num_labels)[[int(example["labels"]) for example in examples]]
        batch["labels"] = one_hot * (1 - smoothing) + smoothing / self.num_labels
        return batch

    def change(self, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Crop, equalise, normalise and mask one clip of shape `(num_frames, feature_size)`."""
        settings = self.augmentation
        length = max(1, round(len(features) * rng.uniform(settings.min_crop_fraction, 1.0)))
        length = min(length, settings.max_crop_frames)
        start = rng.integers(0, len(features) - length + 1)
        features = features[start : start + length]
        if rng.random() < settings.equaliser_prob:
            features = features + self._draw_equaliser(rng)
        features = (features - self.mean) / self.std
        for _ in range(settings.num_time_masks):
            width = int(length * rng.uniform(0.0, settings.max_time_mask_fraction))
            first = rng.integers(0, length - width + 1)
            features[first : first + width] = 0.0
        return features

    def _draw_equaliser(self, rng: np.random.Generator) -> np.ndarray:
        """A random curve over the mel bands in dB, as an offset `(feature_size,)` of the cepstrum."""
        num_knots, num_bins = self.augmentation.num_equaliser_knots, self.feature_extractor.num_mel_bins
        gains_db = rng.normal(0.0, self.augmentation.equaliser_std_db, num_knots)
        curve_db = np.interp(np.linspace(0, num_knots - 1, num_bins), np.arange(num_knots), gains_db)
        return curve_db.astype(np.float32) @ dct_matrix(self.feature_extractor.feature_size, num_bins).numpy()


def _checksum(examples: list[dict]) -> int:
    """A number that stands for the rows of a batch and their order."""
    total = 0
    for example in examples:
        total = zlib.crc32(np.asarray(example["input_features"], dtype=np.float32).tobytes(), total)
    return total
