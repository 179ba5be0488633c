"""What happened when: windows joined to stretches with one label each, and their shares of the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ser.recognizer import Window

SILENCE = "silence"
NOT_SURE = "not sure"


@dataclass(frozen=True)
class Stretch:
    """A part of a recording with one label.

    Attributes:
        start_seconds: Where it begins in the recording.
        end_seconds: Where it ends.
        label: The strongest emotion of its windows, `NOT_SURE` or `SILENCE`.
        probability: Mean probability of that emotion; `None` for the other two.
    """

    start_seconds: float
    end_seconds: float
    label: str
    probability: float | None = None


def window_spans(windows: Sequence[Window]) -> list[tuple[float, float, Window]]:
    """Return each window with the times between which it is shown.

    Windows overlap; the edge between two lies halfway between their middles.
    """
    middles = [(window.start_seconds + window.end_seconds) / 2 for window in windows]
    inner = [(left + right) / 2 for left, right in pairwise(middles)]
    edges = [windows[0].start_seconds, *inner, windows[-1].end_seconds] if windows else []
    return [(left, right, window) for (left, right), window in zip(pairwise(edges), windows, strict=True)]


def stretches(windows: Sequence[Window], not_sure_below: float) -> list[Stretch]:
    """Join neighbouring windows that have the same label.

    Args:
        windows: In order, without gaps.
        not_sure_below: Highest probability below which a window is `NOT_SURE`.
    """
    groups: list[tuple[str, list[tuple[float, float, Window]]]] = []
    for span in window_spans(windows):
        label = window_label(span[2], not_sure_below)
        if not groups or groups[-1][0] != label:
            groups.append((label, []))
        groups[-1][1].append(span)
    return [
        Stretch(spans[0][0], spans[-1][1], label, _mean_probability(label, spans)) for label, spans in groups
    ]


def window_label(window: Window, not_sure_below: float) -> str:
    """Return the strongest emotion of a window, `NOT_SURE` or `SILENCE`."""
    if window.probabilities is None:
        return SILENCE
    strongest = max(window.probabilities, key=window.probabilities.__getitem__)
    return strongest if window.probabilities[strongest] >= not_sure_below else NOT_SURE


def shares_of_time(parts: Sequence[Stretch]) -> dict[str, float]:
    """Return the share of each label in the time with sound, the largest first, "not sure" last."""
    seconds: dict[str, float] = {}
    for part in parts:
        if part.label != SILENCE:
            seconds[part.label] = seconds.get(part.label, 0.0) + part.end_seconds - part.start_seconds
    order = sorted(seconds, key=lambda label: (label == NOT_SURE, -seconds[label]))
    return {label: seconds[label] / sum(seconds.values()) for label in order}


def _mean_probability(label: str, spans: Sequence[tuple[float, float, Window]]) -> float | None:
    if label in (SILENCE, NOT_SURE):
        return None
    return sum((window.probabilities or {})[label] for _, _, window in spans) / len(spans)
