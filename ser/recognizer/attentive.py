"""The base of recognisers with attention and out-of-distribution detection."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ser.audio import Clip
from ser.recognizer.analysis import Analysis, Attention, judged_bounds, side_by_side
from ser.recognizer.base import EmotionRecognizer


class AttentiveRecognizer(EmotionRecognizer):
    """A recogniser of the MFCC-LSTM family, run by torch or by ONNX."""

    @abstractmethod
    def explain(self, waveform: np.ndarray) -> tuple[Attention, bool | None]:
        """Return attention and whether the sound is out-of-distribution, `None` if that is unknown.

        Args:
            waveform: Up to ten seconds `(num_samples,)` at the model's rate.
        """

    def analyse(self, clip: Clip, on_progress: Callable[[float], object] = lambda _: None) -> Analysis:
        """Return everything this model can say about a recording, attention included; as in the base."""
        analysis = super().analyse(clip, on_progress)
        attention, is_out_of_distribution = self._explain_all(analysis.waveform)
        return replace(analysis, attention=attention, is_out_of_distribution=is_out_of_distribution)

    def attend(self, clip: Clip) -> Attention:
        """Return the weight of each moment; in a long recording, windows with sound weigh the same.

        Raises:
            SilenceError: If the clip is silent.
            AudioError: If the clip cannot be used for another reason.
        """
        return self._explain_all(self.load(clip))[0]

    def is_out_of_distribution(self, clip: Clip) -> bool | None:
        """Tell whether most of a clip is unlike the training data, so that its probabilities mean little.

        Returns:
            `None` where the model has no detector; see `ser.recognizer.out_of_distribution`.

        Raises:
            SilenceError: If the clip is silent.
            AudioError: If the clip cannot be used for another reason.
        """
        return self._explain_all(self.load(clip))[1]

    def _explain_all(self, waveform: np.ndarray) -> tuple[Attention, bool | None]:
        """Explain the parts that the answer rests on, as far as they do not overlap."""
        bounds = side_by_side(judged_bounds(waveform, self.sampling_rate))
        found = [self.explain(waveform[start:stop]) for start, stop in bounds]
        times = [
            start / self.sampling_rate + attention.times_seconds
            for (start, _), (attention, _) in zip(bounds, found, strict=True)
        ]
        weights = np.concatenate([each.weights for each, _ in found]) / len(found)
        known = [answer for _, answer in found if answer is not None]
        return Attention(np.concatenate(times), weights), sum(known) > len(known) / 2 if known else None
