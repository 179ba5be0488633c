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

ACTORS = np.repeat(np.arange(1, 25), 60)
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
        assert heard == set(range(1, 21))
        assert len(fold.train_actors) == 16
        assert sum(actor % 2 == 0 for actor in fold.test_actors) == 2
    assert sorted(actor for fold in made for actor in fold.test_actors) == list(range(1, 21))


def test_shipped_split_trains_on_the_first_twenty_actors():
    (fold,) = folds("shipped", ACTORS, LABELS)
    assert fold.test_actors == SHIPPED_TEST_ACTORS == (21, 22, 23, 24)
    assert fold.train_actors == tuple(range(1, 21))
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
    with pytest.raises(ValueError, match=r"promises unseen speakers.*\[3\]"):
        Fold("made-up", np.array([0]), np.array([1]), (1, 3), (3,), speaker_disjoint=True)


def test_overlapping_clips_raise():
    with pytest.raises(ValueError, match="1 clips in training and in test"):
        Fold("made-up", np.array([0, 1]), np.array([1]), (1,), (1,), speaker_disjoint=False)


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
    actors=st.sets(st.integers(1, 24), min_size=1),
    num_validation_actors=st.integers(0, 23),
    seed=st.integers(0, 2**32 - 1),
)
def test_validation_actors_are_training_actors_and_balanced(actors, num_validation_actors, seed):
    if num_validation_actors >= len(actors):
        with pytest.raises(ValueError, match="one or more stay in training"):
            carve_validation_actors(list(actors), num_validation_actors, seed)
        return
    chosen = carve_validation_actors(list(actors), num_validation_actors, seed)
    assert len(set(chosen)) == num_validation_actors
    assert set(chosen) <= actors
    num_women, num_men = sum(a % 2 == 0 for a in chosen), sum(a % 2 == 1 for a in chosen)
    all_women, all_men = sum(a % 2 == 0 for a in actors), sum(a % 2 == 1 for a in actors)
    assert abs(num_women - num_men) <= 1 or num_women == all_women or num_men == all_men


def test_validation_choice_depends_on_the_seed_alone():
    actors = list(range(1, 21))
    repeated = [actor for actor in reversed(actors) for _ in range(3)]
    assert carve_validation_actors(actors, 4, seed=5) == carve_validation_actors(repeated, 4, seed=5)
    assert len({carve_validation_actors(actors, 4, seed) for seed in range(20)}) > 10


def test_a_negative_number_of_validation_actors_raises():
    with pytest.raises(ValueError, match="Cannot hold back -1"):
        carve_validation_actors([1, 2, 3], -1, seed=0)


EMODB = np.repeat(40_000 + np.array([3, 8, 9, 10, 11, 12, 13, 14, 15, 16]), 7)
TESS = np.repeat([20_001, 20_002], 5)
TOGETHER = np.concatenate([ACTORS, TESS, EMODB])


@pytest.mark.parametrize("protocol", BY_ACTOR)
def test_every_fold_leaves_speakers_of_every_corpus_out(protocol):
    for fold in folds(protocol, TOGETHER, np.zeros(len(TOGETHER))):
        assert fold.speaker_disjoint
        for corpus in (TESS, EMODB):
            assert set(corpus) & set(fold.train_actors), "each corpus trains in every fold"
    if protocol in ("dev5", "luna5", "loso24"):
        tested = np.concatenate([fold.test_actors for fold in folds(protocol, TOGETHER, TOGETHER * 0)])
        assert sorted(tested[tested > 24]) == sorted(set(TESS) | set(EMODB))


def test_other_corpora_do_not_change_the_folds_of_ravdess():
    for alone, together in zip(
        folds("dev5", ACTORS, LABELS), folds("dev5", TOGETHER, TOGETHER * 0), strict=True
    ):
        np.testing.assert_array_equal(alone.test, together.test[together.test < 1440])
        np.testing.assert_array_equal(alone.train, together.train[together.train < 1440])


def test_one_corpus_is_left_out_at_a_time():
    made = corpus_folds(TOGETHER)
    assert [fold.name for fold in made] == [
        f"leave-one-corpus-out-{name}" for name in ("ravdess", "tess", "emodb")
    ]
    for fold, speakers in zip(made, (ACTORS, TESS, EMODB), strict=True):
        assert fold.speaker_disjoint
        assert set(fold.test_actors) == set(speakers)
        assert len(fold.train) + len(fold.test) == len(TOGETHER)


def test_leaving_the_only_corpus_out_is_refused():
    with pytest.raises(ValueError, match="needs two or more, got ravdess"):
        corpus_folds(ACTORS)


def test_results_of_several_corpora_lie_apart_from_those_of_ravdess():
    assert results_name("luna5", ["ravdess"]) == "luna5"
    assert results_name("luna5", ["ravdess", "emodb"]) == "luna5-ravdess+emodb"


def test_validation_actors_are_balanced_by_the_genders_given():
    women = {40_008, 40_009, 40_013, 40_014, 40_016}
    for seed in range(10):
        chosen = carve_validation_actors(EMODB, 4, seed, women)
        assert len(women & set(chosen)) == 2
    by_number = carve_validation_actors(ACTORS, 4, 0)
    assert carve_validation_actors(ACTORS, 4, 0, set(range(2, 25, 2))) == by_number
