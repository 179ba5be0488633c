"""Calibrated probabilities and the "not sure" threshold, fitted on speakers held out of training.

`probabilities` are floats (num_clips, num_classes) whose rows sum to one, `labels` integers (num_clips,).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn.isotonic import IsotonicRegression

from ser.labels import restrict_probabilities

SMALLEST_PROBABILITY = 1e-6  # result files are rounded: a probability of 0 in one stands for about this
TEMPERATURE_RANGE = (0.1, 10.0)
MIN_STEP_CLIPS = 50  # with fewer, chance alone moves the share of a step by about a tenth


class OperatingPoint(NamedTuple):
    """Coverage and accuracy when only clips whose highest probability reaches a threshold are answered.

    Attributes:
        threshold: The highest probability that an answer needs at least, 0 to 1.
        coverage: Share of the clips that are answered, 0 to 1.
        accuracy: Share of correct answers, 0 to 1; NaN if there are none.
    """

    threshold: float
    coverage: float
    accuracy: float


def apply_temperature(probabilities: ArrayLike, temperature: float) -> np.ndarray:
    """Return the probabilities after division of the scores by `temperature`; above 1 lowers confidence.

    Raises:
        ValueError: If the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}.")
    scores = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), SMALLEST_PROBABILITY))
    return softmax(scores / temperature, axis=1)


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature with the lowest mean negative log likelihood of the labels (Guo et al. 2017).

    Args:
        probabilities: Of clips of speakers that the model was not trained on.
        labels: True classes of those clips.
    """
    return fit_shared_temperature([(probabilities, labels, None)])


def fit_shared_temperature(corpora: Sequence[tuple[ArrayLike, ArrayLike, Sequence[str] | None]]) -> float:
    """Return the temperature with the lowest negative log likelihood, the mean over clips and then corpora.

    Args:
        corpora: Of each corpus, the probabilities of clips of speakers that the model was not trained on, the
            labels of those clips, and the classes that the labels index if not all of `EMOTIONS`:
            probabilities are restricted to them after the division (`restrict_probabilities`).
    """

    def mean_negative_log_likelihood(log_temperature: float) -> float:
        losses = []
        for probabilities, labels, classes in corpora:
            calibrated = apply_temperature(probabilities, np.exp(log_temperature))
            if classes is not None:
                calibrated = restrict_probabilities(calibrated, classes)
            of_label = calibrated[np.arange(len(calibrated)), np.asarray(labels)]
            losses.append(-np.log(np.maximum(of_label, np.finfo(float).tiny)).mean())
        return float(np.mean(losses))

    found = minimize_scalar(mean_negative_log_likelihood, bounds=np.log(TEMPERATURE_RANGE), method="bounded")
    return float(np.exp(found.x))


def operating_point(probabilities: ArrayLike, labels: ArrayLike, threshold: float) -> OperatingPoint:
    """Return coverage and accuracy of answering only where the highest probability reaches `threshold`."""
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    answered = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == labels
    accuracy = float(right[answered].mean()) if answered.any() else float("nan")
    return OperatingPoint(threshold, float(answered.mean()), accuracy)


def choose_operating_point(
    probabilities: ArrayLike, labels: ArrayLike, wanted_accuracy: float
) -> OperatingPoint:
    """Return the lowest threshold, in whole percent, that reaches an accuracy of `wanted_accuracy`.

    Raises:
        ValueError: If no threshold reaches it.
    """
    for percent in range(101):
        point = operating_point(probabilities, labels, percent / 100)
        if point.accuracy >= wanted_accuracy:
            return point
    raise ValueError(f"No threshold reaches an accuracy of {wanted_accuracy:.2f} on these clips.")


def fit_confidence_steps(probabilities: ArrayLike, labels: ArrayLike) -> list[list[float]]:
    """Group answers by how often answers with such a highest probability are right.

    Isotonic regression (Zadrozny and Elkan, 2002) makes the share rise with the highest probability; answers
    whose share rounds to the same tenth form a step. A step with too few answers joins the one
    beside it.

    Args:
        probabilities: Calibrated, of clips of speakers that the model was not trained on.
        labels: The true classes of those clips.

    Returns:
        `[lowest highest probability, share of answers right]` of each step, ascending; the first begins at 0.
    """
    probabilities = np.asarray(probabilities)
    highest, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == np.asarray(labels)
    tenths = np.round(10 * IsotonicRegression().fit_transform(highest, right))
    edges = [0.0]
    for low in sorted(highest[tenths == tenth].min() for tenth in np.unique(tenths))[1:]:
        in_step = (highest >= edges[-1]) & (highest < low)
        if min(in_step.sum(), (highest >= low).sum()) >= MIN_STEP_CLIPS:
            edges.append(float(np.floor(1000 * low) / 1000))
    step = np.digitize(highest, edges) - 1
    return [[edge, round(float(right[step == i].mean()), 3)] for i, edge in enumerate(edges)]
