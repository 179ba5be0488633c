"""The base of recognisers with attention and out-of-distribution detection."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ser.audio import Clip
from ser.recognizer.analysis import SINGLE_PASS_SECONDS, Attention, judged_bounds, side_by_side
from ser.recognizer.base import EmotionRecognizer


class Explanation(NamedTuple):
    """What one pass over a waveform of up to ten seconds gives.

    Attributes:
        probabilities: Probability of each emotion, shape `(num_emotions,)`.
        attention: The weight of each moment.
        is_out_of_distribution: Whether the sound is unlike the training data; `None` if unknown.
    """

    probabilities: np.ndarray
    attention: Attention
    is_out_of_distribution: bool | None


class AttentiveRecognizer(EmotionRecognizer):
    """A recogniser of the MFCC-LSTM family, run by torch or by ONNX."""

    @abstractmethod
    def explain(self, waveform: np.ndarray) -> Explanation:
        """Judge a waveform of up to ten seconds at the model's rate, `(num_samples,)`, in one pass."""

    def predict_segments(self, waveforms: Sequence[np.ndarray]) -> tuple[np.ndarray, Sequence[bool | None]]:
        """Analyse waveforms of up to ten seconds, as in the base; the model runs once for each."""
        found = [self.explain(waveform) for waveform in waveforms]
        probabilities = np.stack([each.probabilities for each in found])
        return self._finished(probabilities), [each.is_out_of_distribution for each in found]

    def attend(self, clip: Clip) -> Attention:
        """Return the weight of each moment; in a long recording, windows with sound weigh the same.

        Raises:
            SilenceError: If the clip is silent.
            AudioError: If the clip cannot be used for another reason.
        """
        return self._explained(self.load(clip))[1]["attention"]

    def is_out_of_distribution(self, clip: Clip) -> bool | None:
        """Tell whether most of a clip is unlike the training data, so that its probabilities mean little.

        Returns:
            `None` where the model has no detector; see `ser.recognizer.out_of_distribution`.

        Raises:
            SilenceError: If the clip is silent.
            AudioError: If the clip cannot be used for another reason.
        """
        return self._explained(self.load(clip))[1]["is_out_of_distribution"]

    def _explained(self, waveform: np.ndarray) -> tuple[np.ndarray | None, dict[str, Any]]:
        """Return the same as the base; the explanation is of the parts that do not overlap."""
        bounds = side_by_side(judged_bounds(waveform, self.sampling_rate))
        found = [self.explain(waveform[start:stop]) for start, stop in bounds]
        times = [
            start / self.sampling_rate + each.attention.times_seconds
            for (start, _), each in zip(bounds, found, strict=True)
        ]
        weights = np.concatenate([each.attention.weights for each in found]) / len(found)
        known = [each.is_out_of_distribution for each in found if each.is_out_of_distribution is not None]
        is_long = len(waveform) > SINGLE_PASS_SECONDS * self.sampling_rate
        return None if is_long else self._finished(found[0].probabilities), {
            "attention": Attention(np.concatenate(times), weights),
            "is_out_of_distribution": sum(known) > len(known) / 2 if known else None,
        }
