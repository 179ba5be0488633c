"""Scores by group: equal to the metrics of the parts, with intervals and gaps that mean what they say."""

import numpy as np
import pytest

from ser.evaluation.metrics import accuracy, unweighted_average_recall
from ser.evaluation.subgroups import MIN_CLIPS, group_scores, largest_gap

ACTORS = np.repeat(np.arange(1, 9), 32)
LABELS = np.tile(np.arange(4), 64)
GENDERS = np.where(ACTORS % 2 == 0, "female", "male").tolist()
HALVES = np.tile(np.repeat(["early", "late"], 16), 8).tolist()


def make_predictions(right_prob: np.ndarray | float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(LABELS)) < right_prob, LABELS, (LABELS + 1) % 4)


def test_scores_are_those_of_the_group_alone():
    predictions = make_predictions(0.6)
    scores = group_scores(LABELS, predictions, ACTORS, GENDERS, 200)
    assert list(scores) == ["female", "male"]
    women = ACTORS % 2 == 0
    assert scores["female"]["uar"] == unweighted_average_recall(LABELS[women], predictions[women])
    assert scores["female"]["accuracy"] == accuracy(LABELS[women], predictions[women])
    assert (scores["female"]["num_clips"], scores["female"]["num_actors"]) == (128, 4)
    for group in scores.values():
        assert group["uar_interval"]["low"] < group["uar"] < group["uar_interval"]["high"]


def test_scores_of_several_seeds_are_their_mean():
    first, second = make_predictions(0.9, seed=1), make_predictions(0.3, seed=2)
    both = np.stack([first, second], axis=1)
    scores = group_scores(LABELS, both, ACTORS, HALVES, 10)
    early = np.array(HALVES) == "early"
    uars = [unweighted_average_recall(LABELS[early], column[early]) for column in (first, second)]
    assert scores["early"]["uar"] == pytest.approx(np.mean(uars))


def test_one_voice_has_an_interval_over_its_clips():
    scores = group_scores(LABELS, make_predictions(0.5), ACTORS, ACTORS.tolist(), 500)
    assert list(scores) == [str(actor) for actor in range(1, 9)]
    widths = [score["uar_interval"]["high"] - score["uar_interval"]["low"] for score in scores.values()]
    # The deviation of a share of 32 clips is sqrt(0.5 * 0.5 / 32) = 0.09, and 95 % are four of them.
    assert 0.2 < np.mean(widths) < 0.4


def test_small_groups_and_clips_of_no_group_are_left_out():
    values = ["a"] * MIN_CLIPS + ["b"] * (MIN_CLIPS - 1) + [None] * (len(LABELS) - 2 * MIN_CLIPS + 1)
    scores = group_scores(LABELS, LABELS, ACTORS, values, 10)
    assert list(scores) == ["a"]
    assert largest_gap(LABELS, LABELS, ACTORS, values, 10) is None


@pytest.mark.parametrize("values", [GENDERS, HALVES], ids=["between voices", "within voices"])
def test_a_true_gap_is_found_and_its_interval_excludes_zero(values):
    first = np.array(values) == sorted(values)[0]
    predictions = make_predictions(np.where(first, 0.9, 0.4))
    gap = largest_gap(LABELS, predictions, ACTORS, values, 500)
    assert (gap["best"], gap["worst"]) == (sorted(values)[0], sorted(values)[-1])
    uars = [unweighted_average_recall(LABELS[rows], predictions[rows]) for rows in (first, ~first)]
    assert gap["difference"] == pytest.approx(uars[0] - uars[1])
    assert 0 < gap["interval"]["low"] < gap["difference"] < gap["interval"]["high"]


def test_between_equal_groups_the_interval_mostly_holds_zero():
    gaps = [largest_gap(LABELS, make_predictions(0.6, seed), ACTORS, HALVES, 300) for seed in range(20)]
    assert sum(gap["interval"]["low"] <= 0 for gap in gaps) >= 15


def test_the_range_of_voices_is_told_beside_what_luck_alone_would_make():
    equal = largest_gap(LABELS, make_predictions(0.6), ACTORS, ACTORS.tolist(), 10)
    assert equal["difference"] < 2 * equal["by_luck"]
    hard = make_predictions(np.where(ACTORS == 3, 0.1, 0.9))
    gap = largest_gap(LABELS, hard, ACTORS, ACTORS.tolist(), 10)
    assert gap["worst"] == "3"
    assert gap["difference"] > 2 * gap["by_luck"]


def test_a_class_that_a_group_lacks_makes_no_gap():
    labels = np.where((LABELS == 3) & (np.array(HALVES) == "late"), 1, LABELS)
    predictions = np.where(labels == 3, 0, labels)  # class 3 is always missed, and one group has none of it
    scores = group_scores(labels, predictions, ACTORS, HALVES, 10)
    assert scores["early"]["uar"] < scores["late"]["uar"] == 1
    gap = largest_gap(labels, predictions, ACTORS, HALVES, 10)
    assert gap["difference"] == 0


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="Got 2 labels, 2 predictions, 2 actors and 1 values"):
        group_scores([0, 1], [0, 1], [1, 2], ["a"], 10)
