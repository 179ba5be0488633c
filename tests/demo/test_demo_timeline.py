"""What happened when."""

import pytest

from ser.demo.timeline import NOT_SURE, SILENCE, Stretch, shares_of_time, stretches
from ser.recognizer import Window


def _windows(*happy: float | None) -> list[Window]:
    """Windows of three seconds, one a second, with two emotions, or silent."""
    return [
        Window(float(i), i + 3.0, None if share is None else {"happy": share, "sad": 1 - share})
        for i, share in enumerate(happy)
    ]


def test_neighbouring_windows_with_one_label_are_one_stretch():
    parts = stretches(_windows(0.8, 0.9, 0.5, None, None, 0.1), not_sure_below=0.6)
    assert [(part.label, part.start_seconds, part.end_seconds) for part in parts] == [
        ("happy", 0, 3),
        (NOT_SURE, 3, 4),
        (SILENCE, 4, 6),
        ("sad", 6, 8),
    ]
    assert [part.probability for part in parts] == [pytest.approx(0.85), None, None, pytest.approx(0.9)]


def test_shares_leave_silence_out_and_put_not_sure_last():
    parts = [Stretch(0, 2, NOT_SURE), Stretch(2, 6, SILENCE), Stretch(6, 7, "sad"), Stretch(7, 8, "happy")]
    shares = shares_of_time([*parts, Stretch(8, 9, "happy")])
    assert list(shares.items()) == [("happy", 0.4), ("sad", 0.2), (NOT_SURE, 0.4)]


def test_nothing_comes_of_no_windows():
    assert stretches([], 0.5) == []
    assert shares_of_time([]) == {}
