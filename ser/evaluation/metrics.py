"""Scores of predictions, as fractions from 0 to 1: multiply by 100 only where they are shown.

`labels` and `predictions` are integers (num_clips,), `probabilities` floats (num_clips, num_classes). Means
over classes leave out classes without a clip: RAVDESS has no strong "neutral", for example.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

NUM_RESAMPLES = 2000
BOOTSTRAP_SEED = 0
CONFIDENCE = 0.95  # share of the resampled scores within an interval


class ReliabilityBins(NamedTuple):
    """Clips grouped by confidence, one entry a bin, in ascending order.

    Attributes:
        num_clips: Clips in the bin, int (num_bins,).
        confidence: Mean highest probability of these clips, 0 to 1; NaN in an empty bin.
        accuracy: Share of these clips that is classified correctly, 0 to 1; NaN in an empty bin.
    """

    num_clips: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def accuracy(labels: ArrayLike, predictions: ArrayLike) -> float:
    """Return the share of correct predictions, also called weighted average recall (WAR), 0 to 1.

    Raises:
        ValueError: If the lengths differ or there is no clip.

    Example:
        >>> accuracy([0, 0, 0, 1], [0, 0, 0, 0])
        0.75
    """
    labels, predictions = _checked_pair(labels, predictions)
    return float(np.mean(labels == predictions))


def unweighted_average_recall(labels: ArrayLike, predictions: ArrayLike) -> float:
    r"""Return the unweighted average recall (UAR), the mean recall over C classes; chance is 1 / C.

    $\frac{1}{C} \sum_{c=1}^{C} \frac{\text{correct}_c}{\text{clips}_c}$ over the C classes in `labels`: every
    emotion has the same weight, however many clips it has (Schuller et al. 2009, Interspeech emotion
    challenge). Equals scikit-learn's macro recall and is a hundred times as fast, which the bootstrap needs.

    Raises:
        ValueError: If the lengths differ or there is no clip.

    Example:
        >>> unweighted_average_recall([0, 0, 0, 1], [0, 0, 0, 0])
        0.5
    """
    labels, predictions = _checked_pair(labels, predictions)
    return average_recall_of_hits(labels, labels == predictions)


def average_recall_of_hits(labels: np.ndarray, hits: np.ndarray) -> float:
    """Return the unweighted average recall, 0 to 1, of clips that several models classified.

    Args:
        labels: The true classes, int (num_clips,).
        hits: Share of the models that classify each clip correctly; 0 or 1 for one model, (num_clips,).
    """
    num_clips = np.bincount(labels)
    num_found = np.bincount(labels, weights=hits)
    return float(np.mean(num_found[num_clips > 0] / num_clips[num_clips > 0]))


def per_class_scores(
    labels: ArrayLike, predictions: ArrayLike, class_names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and number of clips of each class in `labels`.

    Each score is from 0 to 1. Precision and F1 of a class that is never predicted are 0.

    Args:
        labels: The true classes, (num_clips,).
        predictions: The predicted classes, (num_clips,).
        class_names: The name of class 0, 1, and so on.

    Returns:
        By class name `{"precision", "recall", "f1", "num_clips"}`.

    Raises:
        ValueError: If the lengths differ, there is no clip, or a class has no name.
    """
    labels, predictions = _checked_pair(labels, predictions, num_classes=len(class_names))
    present = np.unique(labels)
    columns = precision_recall_fscore_support(labels, predictions, labels=present, zero_division=0)
    return {
        class_names[label]: {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "num_clips": int(num_clips),
        }
        for label, precision, recall, f1, num_clips in zip(present, *columns, strict=True)
    }


def classification_scores(labels: ArrayLike, predictions: ArrayLike) -> dict[str, float]:
    """Return accuracy, UAR, and macro-averaged precision, recall and F1, all from 0 to 1.

    `macro_recall` equals `uar`; both names are in use.

    Raises:
        ValueError: If the lengths differ or there is no clip.
    """
    labels, predictions = _checked_pair(labels, predictions)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predictions, labels=np.unique(labels), average="macro", zero_division=0
    )
    return {
        "accuracy": accuracy(labels, predictions),
        "uar": unweighted_average_recall(labels, predictions),
        "macro_precision": float(precision),
        "macro_recall": float(recall),
        "macro_f1": float(f1),
    }


def confusion_counts(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> np.ndarray:
    """Count clips by true class (row) and predicted class (column), (num_classes, num_classes).

    Raises:
        ValueError: If the lengths differ, there is no clip, or a class is outside 0 to num_classes - 1.
    """
    labels, predictions = _checked_pair(labels, predictions, num_classes)
    return np.asarray(confusion_matrix(labels, predictions, labels=range(num_classes)))


def reliability_bins(probabilities: ArrayLike, labels: ArrayLike, num_bins: int = 15) -> ReliabilityBins:
    """Group clips by their highest probability into bins of equal width, (0, 1/n], (1/n, 2/n] and so on.

    Raises:
        ValueError: If the shapes disagree, there is no clip, a row is no probability distribution, or
            `num_bins` is below 1.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2:
        raise ValueError(
            f"Expected probabilities of shape (num_clips, num_classes), got {probabilities.shape}."
        )
    labels, predictions = _checked_pair(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    sums_to_one = np.abs(probabilities.sum(axis=1) - 1.0) < 1e-3
    if not (sums_to_one & (probabilities >= 0).all(axis=1)).all():
        raise ValueError(
            "Expected rows of probabilities from 0 to 1 that sum to 1, got others: apply a softmax first."
        )
    if num_bins < 1:
        raise ValueError(f"Expected 1 or more bins, got {num_bins}.")
    confidence = probabilities.max(axis=1)
    bin_of_clip = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)
    num_clips = np.bincount(bin_of_clip, minlength=num_bins)
    with np.errstate(invalid="ignore"):  # an empty bin is 0 / 0, which is the NaN promised
        return ReliabilityBins(
            num_clips=num_clips,
            confidence=np.bincount(bin_of_clip, weights=confidence, minlength=num_bins) / num_clips,
            accuracy=np.bincount(bin_of_clip, weights=labels == predictions, minlength=num_bins) / num_clips,
        )


def expected_calibration_error(probabilities: ArrayLike, labels: ArrayLike, num_bins: int = 15) -> float:
    r"""Return the expected calibration error (ECE), from 0 (calibrated) to 1.

    $\sum_b \frac{n_b}{n} |\text{accuracy}_b - \text{confidence}_b|$ over bins of the highest probability (Guo
    et al. 2017, "On Calibration of Modern Neural Networks"). Few clips bias it upwards: even a perfectly
    calibrated model reads about 0.07 on 240 clips and 0.03 on 1440, so compare equal numbers of clips only.

    Raises:
        ValueError: As `reliability_bins`.

    Example:
        >>> expected_calibration_error([[0.75, 0.25]] * 4, [0, 0, 0, 1])
        0.0
    """
    bins = reliability_bins(probabilities, labels, num_bins)
    share = bins.num_clips / bins.num_clips.sum()
    return float(np.nansum(share * np.abs(bins.accuracy - bins.confidence)))


def bootstrap_interval_over_actors(
    labels: ArrayLike,
    predictions: ArrayLike,
    actors: ArrayLike,
    metric: Callable[[np.ndarray, np.ndarray], float],
    num_resamples: int = NUM_RESAMPLES,
) -> dict[str, float]:
    """Return a confidence interval of a score by the percentile bootstrap over speakers.

    Draws as many speakers as there are, with replacement, scores all their clips, and repeats (Efron and
    Tibshirani 1993, chapter 13). Clips of one speaker are not independent, so resampling clips would give an
    interval that is too narrow. With few speakers the interval itself is rough. With one speaker, it draws
    the clips of each class instead, and says nothing about other speakers.

    Args:
        labels: The true classes, (num_clips,).
        predictions: What `metric` takes beside the labels, (num_clips, ...): classes, or probabilities.
        actors: Speaker of each clip, (num_clips,).
        metric: Called as `metric(labels, predictions)`.
        num_resamples: Number of resamples; 1000 or more give stable ends.

    Returns:
        Both ends, `low` and `high`, and the `confidence`.

    Raises:
        ValueError: If the lengths differ or there is no clip.
    """
    labels, predictions, actors = np.asarray(labels), np.asarray(predictions), np.asarray(actors)
    if not 0 < len(labels) == len(predictions) == len(actors):
        raise ValueError(
            f"Got {len(labels)} labels, {len(predictions)} predictions and {len(actors)} actors, "
            "expected one of each for every clip, and at least one clip."
        )
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    clips_of_actor = [np.flatnonzero(actors == actor) for actor in np.unique(actors)]
    clips_of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    scores = []
    for _ in range(num_resamples):
        if len(clips_of_actor) == 1:
            drawn = [rng.choice(clips, len(clips)) for clips in clips_of_class]
        else:
            drawn = [clips_of_actor[n] for n in rng.integers(len(clips_of_actor), size=len(clips_of_actor))]
        clips = np.concatenate(drawn)
        scores.append(metric(labels[clips], predictions[clips]))
    return {**ends_of(scores), "confidence": CONFIDENCE}


def ends_of(resampled: ArrayLike) -> dict[str, float]:
    """Return `low` and `high`, between which lies the share `CONFIDENCE` of resampled scores."""
    low, high = np.quantile(np.asarray(resampled), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return {"low": float(low), "high": float(high)}


def _checked_pair(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.ndim != 1 or labels.shape != predictions.shape or len(labels) == 0:
        raise ValueError(
            f"Got labels of shape {labels.shape} and predictions of shape {predictions.shape}, "
            "expected one of each for every clip, and at least one clip."
        )
    lowest, highest = min(labels.min(), predictions.min()), max(labels.max(), predictions.max())
    if lowest < 0 or (num_classes is not None and highest >= num_classes):
        expected = "0 or higher" if num_classes is None else f"0 to {num_classes - 1}"
        raise ValueError(f"Got classes from {lowest} to {highest}, expected {expected}.")
    return labels, predictions
