"""Probabilities that mean what they say, and where to say "not sure": fitted on voices held out of training.

`probabilities` are floats (num_clips, num_classes) whose rows sum to one, `labels` integers (num_clips,).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

SMALLEST_PROBABILITY = 1e-6  # result files are rounded: a probability of 0 in one stands for about this
TEMPERATURE_RANGE = (0.1, 10.0)


class OperatingPoint(NamedTuple):
    """What happens when only clips whose highest probability reaches a threshold get an answer.

    Attributes:
        threshold: The lowest highest probability that gets an answer, 0 to 1.
        coverage: Share of the clips that get one, 0 to 1.
        accuracy: Share of the answers that are right, 0 to 1; NaN if there is none.
    """

    threshold: float
    coverage: float
    accuracy: float


def apply_temperature(probabilities: ArrayLike, temperature: float) -> np.ndarray:
    """The probabilities had the scores been divided by `temperature`: above 1 they are less sure.

    Raises:
        ValueError: If the temperature is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}.")
    scores = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), SMALLEST_PROBABILITY))
    return softmax(scores / temperature, axis=1)


def fit_temperature(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """The temperature with the lowest mean negative log likelihood of the labels (Guo et al. 2017).

    Args:
        probabilities: Of clips of voices that the model was not trained on.
        labels: What those clips are.
    """
    scores = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), SMALLEST_PROBABILITY))
    labels = np.asarray(labels)
    rows = np.arange(len(labels))

    def negative_log_likelihood(log_temperature: float) -> float:
        return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(negative_log_likelihood, bounds=np.log(TEMPERATURE_RANGE), method="bounded")
    return float(np.exp(found.x))


def operating_point(probabilities: ArrayLike, labels: ArrayLike, threshold: float) -> OperatingPoint:
    """Coverage and accuracy of answering only where the highest probability reaches `threshold`."""
    probabilities, labels = np.asarray(probabilities), np.asarray(labels)
    answered = probabilities.max(axis=1) >= threshold
    right = probabilities.argmax(axis=1) == labels
    accuracy = float(right[answered].mean()) if answered.any() else float("nan")
    return OperatingPoint(threshold, float(answered.mean()), accuracy)


def choose_operating_point(
    probabilities: ArrayLike, labels: ArrayLike, wanted_accuracy: float
) -> OperatingPoint:
    """The lowest threshold, in whole percents, whose answers are right `wanted_accuracy` of the time or more.

    Raises:
        ValueError: If no threshold reaches it.
    """
    for percent in range(101):
        point = operating_point(probabilities, labels, percent / 100)
        if point.accuracy >= wanted_accuracy:
            return point
    raise ValueError(f"No threshold reaches an accuracy of {wanted_accuracy:.2f} on these clips.")
