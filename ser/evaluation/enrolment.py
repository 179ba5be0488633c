"""Enrolment of speakers whose clips are scored: some of their clips, without labels, for the others."""

from collections.abc import Sequence

import numpy as np

from ser.recognizer.enrolment import baseline_of, relative_to_baseline


def enrol_speakers(
    probabilities: np.ndarray, speakers: Sequence[str] | np.ndarray, num_recordings: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw clips of each speaker to enrol, and adapt the answers for the speaker's others.

    Args:
        probabilities: Of all clips, `(num_clips, num_emotions)`.
        speakers: The speaker of each clip.
        num_recordings: To enrol of each speaker; half of the clips of a speaker who has not twice as many.
        seed: Seed of the draw.

    Returns:
        The probabilities relative to each speaker's baseline, and whether each clip is left to be scored.
    """
    rng = np.random.default_rng(seed)
    speakers = np.asarray(speakers)
    relative, is_scored = probabilities.copy(), np.ones(len(speakers), dtype=bool)
    if num_recordings == 0:
        return relative, is_scored
    for speaker in np.unique(speakers):
        own = np.flatnonzero(speakers == speaker)
        enrolled = rng.choice(own, min(num_recordings, len(own) // 2), replace=False)
        is_scored[enrolled] = False
        relative[own] = relative_to_baseline(probabilities[own], baseline_of(probabilities[enrolled]))
    return relative, is_scored
