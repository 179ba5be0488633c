"""Confidence means what was measured on unseen speakers."""

import numpy as np
import pytest

from ser.evaluation.calibration import fit_confidence_steps
from ser.recognizer.confidence import Confidence, confidence_of

STEPS = [[0.0, 0.26], [0.4, 0.42], [0.7, 0.81], [0.9, 0.97]]


@pytest.mark.parametrize(
    ("highest", "words"),
    [
        (0.3, "not sure; about 3 in 10 such answers are right"),
        (0.4, "about 4 in 10 such answers are right"),
        (0.69, "about 4 in 10 such answers are right"),
        (0.7, "about 8 in 10 such answers are right"),
        (1.0, "nearly all such answers are right"),
    ],
)
def test_an_answer_is_described_by_how_often_such_answers_are_right(highest: float, words: str):
    others = dict.fromkeys(("happy", "angry", "calm"), (1 - highest) / 3)
    assert str(confidence_of({"sad": highest, **others}, 0.39, STEPS)) == words


def test_where_nothing_was_measured_nothing_is_claimed():
    assert str(confidence_of({"sad": 0.9, "happy": 0.1}, 0.5)) == "not measured"
    assert str(confidence_of({"sad": 0.5, "happy": 0.5}, 0.6)) == "not sure"


def test_an_answer_about_an_out_of_distribution_recording_is_never_sure():
    answer = confidence_of({"sad": 0.99, "happy": 0.01}, 0.39, STEPS, is_out_of_distribution=True)
    assert answer == Confidence(is_sure=False, share_right=None)


def test_fitted_steps_rise_and_hold_what_they_say():
    rng = np.random.default_rng(0)
    highest = rng.uniform(0.5, 1, 3000)
    probabilities = np.stack([highest, 1 - highest], axis=1)
    labels = (rng.uniform(size=3000) > highest**2).astype(int)  # right less often than the probability says
    steps = fit_confidence_steps(probabilities, labels)
    edges, shares = zip(*steps, strict=True)
    assert edges[0] == 0
    assert list(edges) == sorted(edges)
    assert list(shares) == sorted(shares)
    for value in (0.6, 0.8, 0.95):
        assert confidence_of({"a": value}, 0, steps).share_right == pytest.approx(value**2, abs=0.1)


def test_a_few_clips_make_no_steps():
    steps = fit_confidence_steps(np.tile([[0.9, 0.1], [0.6, 0.4]], (20, 1)), np.zeros(40, dtype=int))
    assert steps == [[0.0, 1.0]]
