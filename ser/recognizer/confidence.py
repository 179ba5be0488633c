"""How far an answer can be trusted, in the steps that a calibration on unseen speakers supports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Confidence:
    """The confidence of one answer.

    Attributes:
        is_sure: Whether the answer should be given without reserve.
        share_right: Share of such answers that were right for unseen speakers, 0 to 1; `None` if nobody
            measured it for this checkpoint, or the recording is out-of-distribution.
    """

    is_sure: bool
    share_right: float | None = None

    @property
    def meaning(self) -> str:
        """What was measured, such as "about 4 in 10 such answers are right"; "" where nothing was."""
        if self.share_right is None:
            return ""
        in_ten = round(10 * self.share_right)
        amount = {0: "hardly any", 10: "nearly all"}.get(in_ten, f"about {in_ten} in 10")
        return f"{amount} such answers are right"

    def __str__(self) -> str:
        """Put it into a few words for a cell of a table."""
        return "; ".join(filter(None, ["" if self.is_sure else "not sure", self.meaning])) or "not measured"


def confidence_of(
    probabilities: Mapping[str, float],
    not_sure_below: float,
    steps: Sequence[Sequence[float]] = (),
    is_out_of_distribution: bool | None = None,
) -> Confidence:
    """Return the confidence of an answer.

    Args:
        probabilities: Probability of each emotion.
        not_sure_below: Highest probability below which the answer is "not sure".
        steps: `(lowest highest probability, share of answers right)` of each step, ascending, as
            `ser.evaluation.calibration.fit_confidence_steps` returns them; empty if nobody measured them.
        is_out_of_distribution: Whether the recording is unlike the training data: then nothing is sure.

    >>> str(confidence_of({"sad": 0.62, "angry": 0.38}, 0.4, [(0.0, 0.31), (0.5, 0.58)]))
    'about 6 in 10 such answers are right'
    """
    if is_out_of_distribution:
        return Confidence(is_sure=False)
    highest = max(probabilities.values())
    reached = [share for lowest, share in steps if highest >= lowest]
    return Confidence(highest >= not_sure_below, reached[-1] if reached else None)
