"""What a model says of one speaker whatever the emotion, and how to take it off its answers.

A strange voice, microphone or language moves all of a speaker's scores the same way: without emotion,
somebody may sound sad to the model. The mean over some recordings of several emotions shows how, without a
label. Batch calibration does the same for language models (Zhou et al., 2024).
"""

import numpy as np

PRIOR_RECORDINGS = 2.0  # that say nothing: few recordings count for less. Chosen on EmoDB and nEMO left out
MIN_PROBABILITY = 1e-5  # so that no single recording decides


def baseline_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the mean score of each emotion over a speaker's recordings, drawn towards zero.

    Args:
        probabilities: Of the recordings, `(num_recordings, num_emotions)`.

    Returns:
        Shape `(num_emotions,)`.
    """
    scores = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    scores -= scores.mean(axis=1, keepdims=True)
    return np.asarray(scores.sum(axis=0) / (len(scores) + PRIOR_RECORDINGS))


def relative_to_baseline(probabilities: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Take the baseline off the scores of other recordings of the speaker.

    Args:
        probabilities: `(..., num_emotions)`; rows sum to one.
        baseline: What `baseline_of` returned.

    Returns:
        The same shape; rows sum to one.

    >>> baseline = baseline_of(np.array([[0.2, 0.8], [0.3, 0.7]]))
    >>> print(relative_to_baseline(np.array([0.4, 0.6]), baseline))
    [0.54 0.46]
    """
    scaled = np.maximum(probabilities, MIN_PROBABILITY) * np.exp(-baseline)
    return np.asarray(scaled / scaled.sum(axis=-1, keepdims=True), dtype=np.float32)
