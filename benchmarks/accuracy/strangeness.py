"""Scores of how unlike the training clips a sound is; the higher, the stranger.

From what the network says (highest probability: Hendrycks and Gimpel 2017; energy: Liu et al. 2020), from the
vector it says it by (Mahalanobis distance to the nearest class: Lee et al. 2018; distance to the k-th nearest
neighbour: Sun et al. 2022), and from sound alone, without the network.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import entr, logsumexp, softmax

from ser.audio.recording_quality import quality_hints
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
from ser.recognizer.out_of_distribution import Strangeness, summarise_features

SHRINKAGE = 0.01  # towards a round cloud, for there are few clips for so many dimensions
NUM_NEIGHBOURS = 10
DEMO_SCORE = "distance of MFCC statistics"
NUM_MOVING = 13  # coefficients that tell the shape of the spectrum and little of the pitch


class Heard(NamedTuple):
    """What a model makes of some clips, one row a clip.

    Attributes:
        logits: (num_clips, num_emotions).
        pooled: The vector before the last layer, (num_clips, num_pooled).
        statistics: Mean, deviation and deviation of the change from frame to frame of each normalised
            coefficient, (num_clips, 3 * feature_size).
        num_hints: How many faults `ser.audio.recording_quality` finds, (num_clips,).
    """

    logits: np.ndarray
    pooled: np.ndarray
    statistics: np.ndarray
    num_hints: np.ndarray


def hear(recognizer: MfccLstmRecognizer, waveforms: Iterable[np.ndarray]) -> Heard:
    """Lets the model hear waveforms at its rate, one by one."""
    pooled: list[list[np.ndarray]] = []
    hooks = [
        member.classifier.register_forward_hook(
            lambda _module, inputs, _output: pooled[-1].append(inputs[0][0].numpy())
        )
        for member in recognizer.model.members
    ]
    logits, statistics, num_hints = [], [], []
    extract = recognizer.feature_extractor
    try:
        for waveform in waveforms:
            inputs = extract([waveform], sampling_rate=extract.sampling_rate, return_tensors="pt")
            pooled.append([])
            with torch.inference_mode():
                logits.append(recognizer.model(**inputs).logits[0].numpy())
            statistics.append(summarise_features(inputs["input_features"][0].numpy()))
            num_hints.append(len(quality_hints(waveform, extract.sampling_rate)))
    finally:
        for hook in hooks:
            hook.remove()
    beside = np.stack([np.concatenate(each) for each in pooled])
    return Heard(np.stack(logits), beside, np.stack(statistics), np.array(num_hints))


def strangeness_scores(
    known: Heard, labels: np.ndarray, of_demo: Strangeness
) -> dict[str, Callable[[Heard], np.ndarray]]:
    """Every score by name, fitted to the training clips.

    Args:
        known: The training clips, heard.
        labels: Their emotions, (num_clips,).
        of_demo: What the checkpoint brings along, for `DEMO_SCORE`.
    """
    to_nearest_class = mahalanobis(known.pooled, labels)
    by_movement = mahalanobis(_movement(known), np.zeros(len(labels), dtype=int))
    directions = _directions(known.pooled)
    return {
        "highest probability": lambda heard: -softmax(heard.logits, axis=1).max(axis=1),
        "entropy": lambda heard: entr(softmax(heard.logits, axis=1)).sum(axis=1),
        "energy": lambda heard: -logsumexp(heard.logits, axis=1),
        "distance of pooled vectors": lambda heard: to_nearest_class(heard.pooled),
        "nearest pooled vectors": lambda heard: (
            -np.sort(_directions(heard.pooled) @ directions.T, axis=1)[:, -NUM_NEIGHBOURS]
        ),
        DEMO_SCORE: lambda heard: of_demo.distances(heard.statistics),
        "distance of MFCC deviations": lambda heard: by_movement(_movement(heard)),
        "any hint of the demo": lambda heard: np.minimum(heard.num_hints, 1),
    }


def mahalanobis(known: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Squared distance to the nearest class mean, measured by the spread within classes."""
    means = np.stack([known[labels == label].mean(axis=0) for label in np.unique(labels)])
    within = known - means[np.searchsorted(np.unique(labels), labels)]
    covariance = within.T @ within / len(known)
    covariance += SHRINKAGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T  # (num_dimensions, num_dimensions)
    white_means = means @ whitening

    def distances(vectors: np.ndarray) -> np.ndarray:
        white = vectors @ whitening
        return np.square(white[:, None, :] - white_means[None]).sum(axis=2).min(axis=1)

    return distances


def _movement(heard: Heard) -> np.ndarray:
    """How much the first coefficients move, as logarithms: whatever the level and colour of the sound."""
    size = heard.statistics.shape[1] // 3
    return np.log(heard.statistics[:, size : size + NUM_MOVING] + 1e-3)


def _directions(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
