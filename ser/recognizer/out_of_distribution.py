"""Out-of-distribution detection: whether a recording resembles the training clips, from its MFCC alone.

The probabilities of a network do not say whether there was speech at all. `docs/generalisation.md` shows how
well this score does.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

FILE_NAME = "out_of_distribution.safetensors"
MIN_CLIPS = 20  # fewer do not show how recordings vary
USUAL_SHARE = 0.99  # of the training clips of each corpus lie below the threshold


def summarise_features(features: np.ndarray) -> np.ndarray:
    """Summarise a clip in one vector `(3 * feature_size,)`: mean, deviation and deviation of the change.

    Args:
        features: MFCC of shape `(num_frames, feature_size)`.
    """
    change = np.diff(features, axis=0, prepend=features[:1])
    return np.concatenate([features.mean(axis=0), features.std(axis=0), change.std(axis=0)])


@dataclass(frozen=True)
class OutOfDistributionDetector:
    """The Mahalanobis (1936) distance from the training clips, in the space of their summaries.

    Attributes:
        mean: Mean summary of the training clips, shape `(D,)`.
        precision: Inverse of the summaries' covariance, shape `(D, D)`.
        threshold: Squared distance above which a recording is out of distribution.
    """

    mean: np.ndarray
    precision: np.ndarray
    threshold: float

    @classmethod
    def fit(
        cls,
        features: Iterable[np.ndarray],
        speakers: Sequence[int] | np.ndarray,
        corpora: Sequence[str] | np.ndarray | None = None,
    ) -> "OutOfDistributionDetector":
        """Fit to the training clips, as they were recorded.

        The covariance is shrunk (Ledoit and Wolf, 2004). `USUAL_SHARE` of the clips of every
        corpus lie below the threshold, each measured from the clips of all other speakers (from all clips
        where those are few), so that unseen speakers pass and a small corpus counts like a large one.

        Args:
            features: Normalised MFCC of each clip, `(num_frames, feature_size)`.
            speakers: Who speaks each clip.
            corpora: The corpus of each clip; one for all if not given.
        """
        from sklearn.covariance import LedoitWolf  # which the demo does without

        summaries = np.stack([summarise_features(each) for each in features])
        of_speaker = np.asarray(speakers)
        distances = np.empty(len(summaries))
        for speaker in np.unique(of_speaker):
            held_out = of_speaker == speaker
            others = ~held_out if (~held_out).sum() >= MIN_CLIPS else np.ones_like(held_out)
            distances[held_out] = LedoitWolf().fit(summaries[others]).mahalanobis(summaries[held_out])
        known = LedoitWolf().fit(summaries)
        of_corpus = np.zeros(len(distances)) if corpora is None else np.asarray(corpora)
        thresholds = [np.quantile(distances[of_corpus == each], USUAL_SHARE) for each in np.unique(of_corpus)]
        return cls(known.location_, known.precision_, float(max(thresholds)))

    def distances(self, summaries: np.ndarray) -> np.ndarray:
        """Return the squared distance of each of the `summaries`, shape `(num_clips, 3 * feature_size)`."""
        offsets = summaries - self.mean
        return np.einsum("nd,de,ne->n", offsets, self.precision, offsets)

    def is_out_of_distribution(self, features: np.ndarray) -> bool:
        """Return whether a clip with MFCC `(num_frames, feature_size)` is unlike the training clips."""
        return bool(self.distances(summarise_features(features)[None])[0] > self.threshold)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `FILE_NAME` beside a checkpoint."""
        threshold = np.array([self.threshold])
        tensors = {"mean": self.mean, "precision": self.precision, "threshold": threshold}
        save_file(tensors, Path(folder) / FILE_NAME)

    @classmethod
    def load(cls, file: str | os.PathLike[str]) -> "OutOfDistributionDetector":
        """Read what `save` wrote.

        Raises:
            ValueError: If the file is damaged, or holds something else.
        """
        try:
            with safe_open(file, framework="numpy") as tensors:
                mean, precision, threshold = map(tensors.get_tensor, ("mean", "precision", "threshold"))
        except SafetensorError as error:
            raise ValueError(f"{file} does not hold an out-of-distribution detector: {error}") from error
        if precision.shape != (*mean.shape, *mean.shape) or threshold.shape != (1,):
            raise ValueError(f"The statistics in {file} do not fit together. Fetch the checkpoint again.")
        return cls(mean, precision, float(threshold[0]))
