"""Enrolment: the mean scores of some recordings of a speaker, subtracted from those of the speaker's others.

An unfamiliar voice, microphone or language shifts all scores of a speaker the same way: the model may answer
"sad" whatever the emotion. The mean over recordings of several emotions estimates this shift without labels,
as batch calibration does for language models (Zhou et al., 2024).
"""

import numpy as np

PRIOR_RECORDINGS = 2.0  # without a shift, as a prior for few recordings; chosen on EmoDB and nEMO left out
MIN_PROBABILITY = 1e-5  # so that no single recording decides


def baseline_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the mean log probability of each emotion over a speaker's recordings, drawn towards zero.

    Args:
        probabilities: Of the recordings, `(num_recordings, num_emotions)`.

    Returns:
        Shape `(num_emotions,)`.
    """
    scores = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    scores -= scores.mean(axis=1, keepdims=True)
    return np.asarray(scores.sum(axis=0) / (len(scores) + PRIOR_RECORDINGS))


def relative_to_baseline(probabilities: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Subtract the baseline from the scores of other recordings of the speaker.

    Args:
        probabilities: `(..., num_emotions)`; rows sum to one.
        baseline: What `baseline_of` returned.

    Returns:
        The same shape; rows sum to one.

    >>> baseline = baseline_of(np.array([[0.2, 0.8], [0.3, 0.7]]))
    >>> print(relative_to_baseline(np.array([0.4, 0.6]), baseline).round(2))
    [0.54 0.46]
    """
    scaled = np.maximum(probabilities, MIN_PROBABILITY) * np.exp(-baseline)
    return np.asarray(scaled / scaled.sum(axis=-1, keepdims=True), dtype=np.float32)
