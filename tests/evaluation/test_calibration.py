"""A fitted temperature undoes one that was applied; thresholds keep what they promise."""

import numpy as np
import pytest
from scipy.special import softmax

from ser.evaluation.calibration import (
    apply_temperature,
    choose_operating_point,
    fit_temperature,
    operating_point,
)
from ser.evaluation.metrics import expected_calibration_error


def drawn_clips(num_clips: int = 4_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Honest probabilities: each label is drawn from its row."""
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 2, (num_clips, 8)), axis=1)
    return probabilities, np.array([rng.choice(8, p=row) for row in probabilities])


@pytest.mark.parametrize("distortion", [0.5, 1.0, 2.5])
def test_a_fitted_temperature_undoes_what_was_done(distortion: float) -> None:
    honest, labels = drawn_clips()
    distorted = apply_temperature(honest, 1 / distortion)
    temperature = fit_temperature(distorted, labels)
    assert temperature == pytest.approx(distortion, rel=0.08)
    mended = apply_temperature(distorted, temperature)
    assert expected_calibration_error(mended, labels) < 0.03
    if distortion != 1.0:
        assert expected_calibration_error(distorted, labels) > 0.08


def test_a_temperature_keeps_the_order_and_one_keeps_all() -> None:
    probabilities, _ = drawn_clips(50)
    np.testing.assert_allclose(apply_temperature(probabilities, 1.0), probabilities, atol=1e-5)
    for temperature in (0.3, 4.0):
        tempered = apply_temperature(probabilities, temperature)
        np.testing.assert_allclose(tempered.sum(axis=1), 1.0)
        assert (tempered.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    with pytest.raises(ValueError, match="above 0, got 0"):
        apply_temperature(probabilities, 0)


def test_a_probability_that_was_rounded_to_zero_stays_finite() -> None:
    assert 0.1 <= fit_temperature([[1.0, 0.0], [1.0, 0.0]], [0, 1]) <= 10.0
    assert np.isfinite(apply_temperature([[1.0, 0.0]], 2.0)).all()


def test_an_operating_point_counts_answers_and_those_that_are_right() -> None:
    probabilities, labels = [[0.9, 0.1], [0.4, 0.6], [0.55, 0.45], [0.2, 0.8]], [0, 0, 0, 1]
    assert operating_point(probabilities, labels, 0.6) == (0.6, 0.75, pytest.approx(2 / 3))
    assert operating_point(probabilities, labels, 0.0) == (0.0, 1.0, 0.75)
    nothing = operating_point(probabilities, labels, 0.95)
    assert nothing.coverage == 0
    assert np.isnan(nothing.accuracy)


def test_the_chosen_threshold_is_the_lowest_that_does() -> None:
    probabilities, labels = drawn_clips()
    point = choose_operating_point(probabilities, labels, 0.7)
    assert point.accuracy >= 0.7 > operating_point(probabilities, labels, point.threshold - 0.01).accuracy
    with pytest.raises(ValueError, match=r"accuracy of 1\.01"):
        choose_operating_point(probabilities, labels, 1.01)
