"""Batches of padded features from mel spectrograms, augmented in training."""

import zlib
from collections.abc import Sequence

import numpy as np
import torch
from transformers import BatchFeature

from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.training.mel_augmentation import MelAugmentationRecipe, MelAugmenter


class FeatureCollator:
    """Collator of `{"mel_spectrogram", "labels", "corpus"}` rows, normalised with the extractor's statistics.

    Args:
        feature_extractor: Makes features of the spectrograms.
        corpora: Names of the corpora, in the order of the indices that batches hold.
    """

    def __init__(self, feature_extractor: MfccLstmFeatureExtractor, corpora: Sequence[str]):
        self.feature_extractor = feature_extractor
        self.corpora = list(corpora)

    def __call__(self, examples: list[dict]) -> BatchFeature:
        """Return `input_features` (B, T, C), `attention_mask` (B, T), `labels` and `corpus` (B,).

        `labels` are (B, num_labels) if the rows hold votes; with the scores of a teacher in the rows also
        `teacher_scores` (B, num_labels).
        """
        return self._batch([self._features_of(_spectrogram(example)) for example in examples], examples)

    def _features_of(self, mel_db: np.ndarray) -> np.ndarray:
        return self.feature_extractor.features_of(torch.from_numpy(mel_db)).numpy()

    def _batch(self, features: list[np.ndarray], examples: list[dict]) -> BatchFeature:
        batch = self.feature_extractor.pad(
            BatchFeature({"input_features": features}), padding=True, return_tensors="pt"
        )
        batch["corpus"] = torch.tensor([self.corpora.index(str(example["corpus"])) for example in examples])
        for name in ("labels", "teacher_scores"):
            if name in examples[0]:
                batch[name] = torch.from_numpy(np.stack([example[name] for example in examples]))
        return batch


class AugmentingCollator(FeatureCollator):
    """`FeatureCollator` with the changes of a `MelAugmenter`.

    Randomness depends on the seed and the rows of the batch alone: a resumed training reaches the same
    weights, and loader processes change nothing.

    Args:
        feature_extractor: Makes features of the changed spectrograms.
        corpora: As in `FeatureCollator`.
        recipe: Probabilities and strengths of the changes.
        seed: Seed of the changes.
    """

    def __init__(
        self,
        feature_extractor: MfccLstmFeatureExtractor,
        corpora: Sequence[str],
        recipe: MelAugmentationRecipe,
        seed: int = 0,
    ):
        super().__init__(feature_extractor, corpora)
        self.augmenter = MelAugmenter(feature_extractor, recipe)
        self.seed = seed

    def __call__(self, examples: list[dict]) -> BatchFeature:
        """Return a batch as `FeatureCollator` does."""
        # Each epoch makes other batches, and so draws anew.
        spectrograms = [_spectrogram(example) for example in examples]
        rng = np.random.default_rng((self.seed, _checksum(spectrograms)))
        features = []
        for row, mel_db in enumerate(spectrograms):
            others = spectrograms[:row] + spectrograms[row + 1 :]
            features.append(self.augmenter.mask(self._features_of(self.augmenter(mel_db, others, rng)), rng))
        return self._batch(features, examples)


def _spectrogram(example: dict) -> np.ndarray:
    return np.require(example["mel_spectrogram"], np.float32, ["C", "W"])


def _checksum(spectrograms: list[np.ndarray]) -> int:
    """Return a checksum of the rows of a batch and their order."""
    total = 0
    for mel_db in spectrograms:
        total = zlib.crc32(mel_db.tobytes(), total)
    return total
