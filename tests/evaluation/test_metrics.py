import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ser.evaluation.metrics import (
    accuracy,
    bootstrap_interval_over_actors,
    classification_scores,
    confusion_counts,
    expected_calibration_error,
    per_class_scores,
    reliability_bins,
    unweighted_average_recall,
)
from ser.labels import EMOTIONS


def drawn(seed, num_clips=200):
    rng = np.random.default_rng(seed)
    labels = rng.integers(8, size=num_clips)
    predictions = np.where(rng.random(num_clips) < 0.6, labels, rng.integers(8, size=num_clips))
    return labels, predictions


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_scikit_learn(seed):
    labels, predictions = drawn(seed)
    expected = sklearn.metrics.classification_report(
        labels, predictions, target_names=EMOTIONS, output_dict=True, zero_division=0
    )
    scores = classification_scores(labels, predictions)
    assert scores == pytest.approx(
        {
            "accuracy": expected["accuracy"],
            "uar": sklearn.metrics.balanced_accuracy_score(labels, predictions),
            "macro_precision": expected["macro avg"]["precision"],
            "macro_recall": expected["macro avg"]["recall"],
            "macro_f1": expected["macro avg"]["f1-score"],
        }
    )
    for emotion, found in per_class_scores(labels, predictions, EMOTIONS).items():
        assert found == {
            "precision": expected[emotion]["precision"],
            "recall": expected[emotion]["recall"],
            "f1": expected[emotion]["f1-score"],
            "num_clips": expected[emotion]["support"],
        }


def test_uar_counts_a_rare_emotion_as_much_as_a_frequent_one():
    labels, predictions = np.array([0] * 98 + [1] * 2), np.zeros(100, dtype=int)
    assert accuracy(labels, predictions) == 0.98
    assert unweighted_average_recall(labels, predictions) == 0.5


def test_an_absent_emotion_takes_no_part_in_the_means():
    labels, predictions = np.array([1, 1, 2, 2]), np.array([1, 0, 2, 2])  # 0 is predicted, never true
    assert unweighted_average_recall(labels, predictions) == 0.75
    assert classification_scores(labels, predictions)["macro_precision"] == 1.0
    assert set(per_class_scores(labels, predictions, EMOTIONS)) == {"calm", "happy"}


def test_an_emotion_never_predicted_scores_zero_without_a_warning(recwarn):
    scores = per_class_scores([0, 1], [0, 0], EMOTIONS)
    assert scores["calm"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "num_clips": 1}
    assert not recwarn


def test_confusion_counts_have_true_classes_as_rows():
    counts = confusion_counts([0, 0, 2], [0, 1, 2], num_classes=4)
    assert counts.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 1], [0], r"\(2,\).*\(1,\)"),
        ([], [], "at least one clip"),
        ([[0]], [[0]], r"\(1, 1\)"),
    ],
)
def test_pairs_that_do_not_match_raise(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        classification_scores(labels, predictions)


def test_negative_labels_raise():
    with pytest.raises(ValueError, match="from -100 to 1, expected 0 or higher"):
        unweighted_average_recall([0, -100], [0, 1])


@pytest.mark.parametrize("predictions", [[0, 8], [0, -1]])
def test_classes_without_a_name_raise(predictions):
    with pytest.raises(ValueError, match="expected 0 to 7"):
        per_class_scores([0, 1], predictions, EMOTIONS)


def test_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    labels = np.array([0, 1, 1, 1])  # half right where 0.9 sure, all right where 0.6 sure
    assert expected_calibration_error(probabilities, labels, num_bins=5) == pytest.approx(
        0.5 * 0.4 + 0.5 * 0.4
    )


def test_always_sure_and_always_wrong_is_the_worst_calibration():
    assert expected_calibration_error([[1.0, 0.0]] * 3, [1, 1, 1]) == 1.0
    assert expected_calibration_error([[1.0, 0.0]] * 3, [0, 0, 0]) == 0.0


def test_calibration_error_of_an_honest_model_falls_with_the_number_of_clips():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(8, 0.3), size=20_000)
    labels = (probabilities.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    assert expected_calibration_error(probabilities, labels) < 0.015
    assert expected_calibration_error(probabilities[:240], labels[:240]) > 0.02


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(8)), elements=st.floats(0.01, 1)))
def test_reliability_bins_hold_every_clip_once(weights):
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    bins = reliability_bins(probabilities, np.arange(len(weights)) % 8)
    assert bins.num_clips.sum() == len(weights)
    filled = np.flatnonzero(bins.num_clips)
    assert (bins.confidence[filled] > filled / 15 - 1e-9).all()
    assert (bins.confidence[filled] <= (filled + 1) / 15 + 1e-9).all()
    assert np.isnan(bins.accuracy[bins.num_clips == 0]).all()


@pytest.mark.parametrize("row", [[2.0, -1.0], [3.0, 1.0], [float("nan"), 1.0]])
def test_logits_are_not_taken_for_probabilities(row):
    with pytest.raises(ValueError, match="apply a softmax"):
        expected_calibration_error([row], [0])


def test_no_bins_raise():
    with pytest.raises(ValueError, match="1 or more bins, got 0"):
        expected_calibration_error([[1.0, 0.0]], [0], num_bins=0)


def test_interval_resamples_actors_not_clips():
    actors = np.repeat([1, 2, 3, 4], 50)
    labels = np.zeros(200, dtype=int)
    predictions = np.where(actors <= 2, 0, 1)  # two actors all right, two all wrong
    interval = bootstrap_interval_over_actors(labels, predictions, actors, accuracy, num_resamples=500)
    assert (interval["low"], interval["high"]) == (
        0.0,
        1.0,
    )  # 200 independent clips would have given about 0.43 to 0.57


def test_interval_of_one_speaker_draws_clips():
    labels, predictions = np.repeat([0, 1], 50), np.tile([0, 1], 50)  # half of each class
    interval = bootstrap_interval_over_actors(labels, predictions, np.full(100, "ravdess:01"), accuracy, 2000)
    assert interval["low"] == pytest.approx(0.4, abs=0.03)  # 1.96 times the root of 1 / 400
    assert interval["high"] == pytest.approx(0.6, abs=0.03)


def test_interval_covers_a_known_mean():
    rng = np.random.default_rng(1)
    skill = rng.normal(0.7, 0.1, size=200).clip(0, 1)
    actors = np.repeat(np.arange(200), 20)
    predictions = (rng.random(4000) > skill[actors]).astype(int)
    interval = bootstrap_interval_over_actors(np.zeros(4000, int), predictions, actors, accuracy, 400)
    low, high = interval["low"], interval["high"]
    assert low < 0.7 < high
    spread = np.sqrt(0.1**2 + 0.7 * 0.3 / 20) / np.sqrt(200)  # of the mean over 200 actors
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.25)


def test_interval_takes_probabilities_for_a_metric_that_wants_them():
    probabilities = np.random.default_rng(4).dirichlet(np.ones(8), size=200)
    labels, _ = drawn(4)
    interval = bootstrap_interval_over_actors(
        labels,
        probabilities,
        np.arange(200) % 8,
        lambda some_labels, some: expected_calibration_error(some, some_labels),
        50,
    )
    assert 0 < interval["low"] < interval["high"] < 1


def test_interval_without_an_actor_for_every_clip_raises():
    with pytest.raises(ValueError, match="2 labels, 2 predictions and 1 actors"):
        bootstrap_interval_over_actors([0, 1], [0, 1], [1], accuracy, 10)
