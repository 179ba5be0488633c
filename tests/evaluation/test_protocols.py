import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.evaluation.protocols import (
    PROTOCOLS,
    SHIPPED_TEST_ACTORS,
    ActorProtocol,
    Fold,
    carve_validation_actors,
    corpus_folds,
    folds,
    results_name,
)

NAMES = [f"ravdess:{number:02d}" for number in range(1, 25)]
WOMEN = set(NAMES[1::2])
ACTORS = np.repeat(NAMES, 60)
LABELS = np.tile(np.repeat(np.arange(8), [4, 8, 8, 8, 8, 8, 8, 8]), 24)
BY_ACTOR = [name for name, plan in PROTOCOLS.items() if isinstance(plan, ActorProtocol)]
BY_CLIP = [name for name in PROTOCOLS if name not in BY_ACTOR]


def test_the_protocols_are_the_agreed_ones():
    assert set(BY_ACTOR) == {"dev5", "shipped", "luna5", "emobox6", "loso24"}
    assert set(BY_CLIP) == {"timnet10", "stratified80"}


@pytest.mark.parametrize("protocol", BY_ACTOR)
def test_no_actor_in_two_splits(protocol):
    for fold in folds(protocol, ACTORS, LABELS):
        assert fold.speaker_disjoint
        assert not set(ACTORS[fold.train]) & set(ACTORS[fold.test])
        assert fold.train_actors == tuple(np.unique(ACTORS[fold.train]))
        assert fold.test_actors == tuple(np.unique(ACTORS[fold.test]))


@pytest.mark.parametrize("protocol", ["luna5", "emobox6", "loso24", "timnet10"])
def test_every_clip_is_tested_once_and_trains_all_other_folds(protocol):
    made = folds(protocol, ACTORS, LABELS)
    assert sorted(np.concatenate([fold.test for fold in made])) == list(range(1440))
    for fold in made:
        assert sorted(np.concatenate([fold.train, fold.test])) == list(range(1440))


def test_number_and_size_of_folds():
    sizes = {name: [len(fold.test) for fold in folds(name, ACTORS, LABELS)] for name in PROTOCOLS}
    assert sizes == {
        "dev5": [240] * 5,
        "shipped": [240],
        "luna5": [300, 300, 300, 300, 240],
        "emobox6": [240] * 6,
        "loso24": [60] * 24,
        "timnet10": [144] * 10,
        "stratified80": [288],
    }


def test_development_folds_never_hold_the_shipped_test_actors():
    made = folds("dev5", ACTORS, LABELS)
    for fold in made:
        heard = set(ACTORS[np.concatenate([fold.train, fold.test])])
        assert heard == set(NAMES[:20])
        assert len(fold.train_actors) == 16
        assert len(WOMEN & set(fold.test_actors)) == 2
    assert sorted(actor for fold in made for actor in fold.test_actors) == NAMES[:20]


def test_shipped_split_trains_on_the_first_twenty_actors():
    (fold,) = folds("shipped", ACTORS, LABELS)
    assert fold.test_actors == SHIPPED_TEST_ACTORS == tuple(NAMES[20:])
    assert fold.train_actors == tuple(NAMES[:20])
    assert fold.name == "shipped-0"


@pytest.mark.parametrize("protocol", BY_CLIP)
def test_random_splits_of_clips_say_that_they_share_speakers(protocol):
    for fold in folds(protocol, ACTORS, LABELS):
        assert not fold.speaker_disjoint
        assert set(fold.train_actors) & set(fold.test_actors)
        assert not set(fold.train) & set(fold.test)


def test_random_splits_are_pinned_by_their_seed():
    from sklearn.model_selection import KFold

    expected = [test for _, test in KFold(10, shuffle=True, random_state=46).split(ACTORS)]
    for fold, test in zip(folds("timnet10", ACTORS, LABELS), expected, strict=True):
        np.testing.assert_array_equal(fold.test, test)
    first, second = folds("stratified80", ACTORS, LABELS) + folds("stratified80", ACTORS, LABELS)
    np.testing.assert_array_equal(first.test, second.test)


def test_stratified_split_keeps_the_share_of_each_emotion():
    (fold,) = folds("stratified80", ACTORS, LABELS)
    shares = np.bincount(LABELS[fold.test]) / np.bincount(LABELS)
    np.testing.assert_allclose(shares, 0.2, atol=0.01)


def test_overlapping_actors_raise():
    with pytest.raises(ValueError, match=r"promises unseen speakers.*tests on c"):
        Fold("made-up", np.array([0]), np.array([1]), ("a", "c"), ("c",), speaker_disjoint=True)


def test_overlapping_clips_raise():
    with pytest.raises(ValueError, match="1 clips in training and in test"):
        Fold("made-up", np.array([0, 1]), np.array([1]), ("a",), ("a",), speaker_disjoint=False)


def test_a_corpus_without_the_tested_actors_raises():
    with pytest.raises(ValueError, match="shipped-0 has no test clip"):
        folds("shipped", ACTORS[:60], LABELS[:60])


def test_unknown_protocol_names_the_valid_ones():
    with pytest.raises(ValueError, match=r"'luna6'.*luna5"):
        folds("luna6", ACTORS, LABELS)


def test_actors_and_labels_of_different_length_raise():
    with pytest.raises(ValueError, match="60 actors for 1440 labels"):
        folds("luna5", ACTORS[:60], LABELS)


@given(
    actors=st.sets(st.sampled_from(NAMES), min_size=1),
    num_validation_actors=st.integers(0, 23),
    seed=st.integers(0, 2**32 - 1),
)
def test_validation_actors_are_training_actors_and_balanced(actors, num_validation_actors, seed):
    if num_validation_actors >= len(actors):
        with pytest.raises(ValueError, match="one or more stay in training"):
            carve_validation_actors(list(actors), num_validation_actors, seed, WOMEN)
        return
    chosen = carve_validation_actors(list(actors), num_validation_actors, seed, WOMEN)
    chosen = set(chosen)
    assert len(chosen) == num_validation_actors
    assert chosen <= actors
    num_women, num_men = len(chosen & WOMEN), len(chosen - WOMEN)
    all_women, all_men = len(actors & WOMEN), len(actors - WOMEN)
    assert abs(num_women - num_men) <= 1 or num_women == all_women or num_men == all_men


def test_validation_choice_depends_on_the_seed_alone():
    actors = NAMES[:20]
    repeated = [actor for actor in reversed(actors) for _ in range(3)]
    assert carve_validation_actors(actors, 4, 5, WOMEN) == carve_validation_actors(repeated, 4, 5, WOMEN)
    assert len({carve_validation_actors(actors, 4, seed, WOMEN) for seed in range(20)}) > 10


def test_a_negative_number_of_validation_actors_raises():
    with pytest.raises(ValueError, match="Cannot hold back -1"):
        carve_validation_actors(NAMES, -1, 0, WOMEN)


EMODB = np.repeat([f"emodb:{number:02d}" for number in (3, 8, 9, 10, 11, 12, 13, 14, 15, 16)], 7)
TESS = np.repeat(["tess:OAF", "tess:YAF"], 5)
TOGETHER = np.concatenate([ACTORS, TESS, EMODB])


@pytest.mark.parametrize("protocol", BY_ACTOR)
def test_every_fold_leaves_speakers_of_every_corpus_out(protocol):
    for fold in folds(protocol, TOGETHER, np.zeros(len(TOGETHER))):
        assert fold.speaker_disjoint
        for corpus in (TESS, EMODB):
            assert set(corpus) & set(fold.train_actors), "each corpus trains in every fold"
    if protocol in ("dev5", "luna5", "loso24"):
        tested = np.concatenate(
            [fold.test_actors for fold in folds(protocol, TOGETHER, np.zeros(len(TOGETHER)))]
        )
        assert sorted(set(tested) - set(NAMES)) == sorted(set(TESS) | set(EMODB))


def test_other_corpora_do_not_change_the_folds_of_ravdess():
    for alone, together in zip(
        folds("dev5", ACTORS, LABELS), folds("dev5", TOGETHER, np.zeros(len(TOGETHER))), strict=True
    ):
        np.testing.assert_array_equal(alone.test, together.test[together.test < 1440])
        np.testing.assert_array_equal(alone.train, together.train[together.train < 1440])


def test_one_corpus_is_left_out_at_a_time():
    made = corpus_folds(TOGETHER)  # RAVDESS's songs count as RAVDESS: they have the same speakers
    assert [fold.name for fold in made] == [
        f"leave-one-corpus-out-{name}" for name in ("ravdess", "tess", "emodb")
    ]
    for fold, speakers in zip(made, (ACTORS, TESS, EMODB), strict=True):
        assert fold.speaker_disjoint
        assert set(fold.test_actors) == set(speakers)
        assert set(fold.train_actors) == set(TOGETHER) - set(speakers) - set(SHIPPED_TEST_ACTORS)


def test_leaving_the_only_corpus_out_is_refused():
    with pytest.raises(ValueError, match="with different people, got ravdess"):
        corpus_folds(ACTORS)


def test_results_of_several_corpora_lie_apart_from_those_of_ravdess():
    assert results_name("luna5", ["ravdess"]) == "luna5"
    assert results_name("luna5", ["ravdess", "emodb"]) == "luna5-ravdess+emodb"
