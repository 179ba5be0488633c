"""Which clips are trained on and which are scored: every protocol of the project, by name.

Figures of different protocols must never be compared: a random split of clips trains on the speakers that it
tests and scores 7 to 13 points higher than a split by actor. `Fold.speaker_disjoint` says which kind a fold
is. All functions return row numbers of the corpus as loaded, so a split precedes any augmentation.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit, KFold, StratifiedShuffleSplit

from ser.corpora.ravdess import ACTORS as RAVDESS_ACTORS
from ser.corpora.speakers import people_of, speaker_name

SHIPPED_TEST_ACTORS = ("ravdess:21", "ravdess:22", "ravdess:23", "ravdess:24")
"""Never trained on, in speech or song, and never used to choose or to calibrate anything."""

LEAVE_ONE_CORPUS_OUT = "leave-one-corpus-out"
"""The protocol of `corpus_folds`: each corpus tests a model of all the others."""
MIN_SPEAKER_GROUPS = 5


@dataclass(frozen=True)
class ActorProtocol:
    """Folds by actor: no speaker is both in training and in the test of a fold.

    Attributes:
        source: Who published these folds.
        test_actors: The tested actors of RAVDESS, speech and song, one tuple a fold. Speakers of other
            corpora, if any, are assigned to the folds in turn, so that each corpus is split by speaker.
        pool: The actors that take part; a fold trains on all of them that it does not test.
    """

    source: str
    test_actors: tuple[tuple[int, ...], ...]
    pool: tuple[int, ...] = RAVDESS_ACTORS


@dataclass(frozen=True)
class ClipProtocol:
    """Folds of single clips, whose test speakers are also trained on; only for comparison with papers.

    Attributes:
        source: Who published these folds.
        splitter: The scikit-learn splitter with its seed, which numbers clips in load order.
    """

    source: str
    splitter: BaseCrossValidator | BaseShuffleSplit


PROTOCOLS: dict[str, ActorProtocol | ClipProtocol] = {
    "dev5": ActorProtocol(
        source="Development folds, the only ones used for choices. Two women and two men a fold.",
        test_actors=((1, 2, 11, 12), (3, 4, 13, 14), (5, 6, 15, 16), (7, 8, 17, 18), (9, 10, 19, 20)),
        pool=tuple(range(1, 21)),
    ),
    "shipped": ActorProtocol(
        source="The split of the shipped checkpoint.",
        test_actors=((21, 22, 23, 24),),
    ),
    "luna5": ActorProtocol(
        source="Luna-Jimenez et al. 2021 and 2022, subject-wise 5 folds; also used by ResLSTM-SER.",
        test_actors=(
            (2, 5, 14, 15, 16),
            (3, 6, 7, 13, 18),
            (10, 11, 12, 19, 20),
            (8, 17, 21, 23, 24),
            (1, 4, 9, 22),
        ),
    ),
    "emobox6": ActorProtocol(
        source="EmoBox benchmark 2024, 6 folds of 4 actors.",
        test_actors=(
            (1, 11, 20, 21),
            (4, 10, 12, 14),
            (8, 9, 19, 23),
            (3, 5, 7, 24),
            (2, 15, 16, 18),
            (6, 13, 17, 22),
        ),
    ),
    "loso24": ActorProtocol(
        source="Leave one speaker out.",
        test_actors=tuple((actor,) for actor in RAVDESS_ACTORS),
    ),
    "timnet10": ClipProtocol(
        source="TIM-Net (ICASSP 2023), released code: 10 random folds of clips.",
        splitter=KFold(n_splits=10, shuffle=True, random_state=46),
    ),
    "stratified80": ClipProtocol(
        source="80 % of the clips of each emotion train, 20 % test, drawn once with seed 42.",
        splitter=StratifiedShuffleSplit(n_splits=1, test_size=0.2, random_state=42),
    ),
}


@dataclass(frozen=True)
class Fold:
    """One division of a corpus into training and test clips.

    Attributes:
        name: Protocol and number, such as "luna5-0".
        train: Row numbers of the training clips, ascending, int64 (num_train,).
        test: Row numbers of the test clips, ascending, int64 (num_test,).
        train_actors: The actors in training, ascending.
        test_actors: The actors in the test, ascending.
        speaker_disjoint: True promises that no actor is on both sides, which construction checks.

    Raises:
        ValueError: If a side is empty, a clip is on both sides, or an actor is on both sides of a fold that
            promises otherwise.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    train_actors: tuple[str, ...]
    test_actors: tuple[str, ...]
    speaker_disjoint: bool

    def __post_init__(self) -> None:
        for side, rows in (("training", self.train), ("test", self.test)):
            if len(rows) == 0:
                raise ValueError(
                    f"Fold {self.name} has no {side} clip: the corpus lacks all of its {side} actors. "
                    "Use the complete corpus, or a protocol whose actors it contains."
                )
        num_shared_clips = len(np.intersect1d(self.train, self.test))
        if num_shared_clips:
            raise ValueError(
                f"Fold {self.name} has {num_shared_clips} clips in training and in test, expected 0."
            )
        shared_actors = sorted(set(self.train_actors) & set(self.test_actors))
        if self.speaker_disjoint and shared_actors:
            raise ValueError(
                f"Fold {self.name} promises unseen speakers, yet trains and tests on "
                f"{', '.join(shared_actors)}."
            )


def folds(protocol: str, actors: Sequence[str], labels: Sequence[int]) -> list[Fold]:
    """Split a corpus by a protocol.

    Args:
        protocol: A key of `PROTOCOLS`.
        actors: The actor of each clip in load order, (num_clips,).
        labels: The label of each clip in load order, (num_clips,).

    Returns:
        The folds in the protocol's order.

    Raises:
        ValueError: If the protocol is unknown, the lengths differ, or a fold would have an empty side.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"Unknown protocol {protocol!r}, expected one of {', '.join(PROTOCOLS)}.")
    if len(actors) != len(labels):
        raise ValueError(
            f"Got {len(actors)} actors for {len(labels)} labels, expected one of each for every clip."
        )
    actor_of_clip = np.asarray(actors)
    plan = PROTOCOLS[protocol]
    if isinstance(plan, ActorProtocol):
        ravdess, pool = _ravdess_names(RAVDESS_ACTORS), _ravdess_names(plan.pool)
        groups = _dealt_speakers(set(actor_of_clip.tolist()) - set(ravdess), len(plan.test_actors))
        in_pool = np.isin(actor_of_clip, pool) | ~np.isin(actor_of_clip, ravdess)
        tested = [
            np.isin(actor_of_clip, [*_ravdess_names(test_actors), *group])
            for test_actors, group in zip(plan.test_actors, groups, strict=True)
        ]
        divisions = [(np.flatnonzero(in_pool & ~test), np.flatnonzero(in_pool & test)) for test in tested]
    else:
        divisions = [
            (np.sort(train), np.sort(test))
            for train, test in plan.splitter.split(actor_of_clip, np.asarray(labels))
        ]
    return [
        _fold(f"{protocol}-{number}", actor_of_clip, train, test, isinstance(plan, ActorProtocol))
        for number, (train, test) in enumerate(divisions)
    ]


def results_name(protocol: str, corpora: Sequence[str]) -> str:
    """Return the folder name of a protocol's results; RAVDESS alone and other corpora never share one."""
    is_plain = list(corpora) == ["ravdess"] or protocol == LEAVE_ONE_CORPUS_OUT
    return protocol if is_plain else f"{protocol}-{'+'.join(corpora)}"


def corpus_folds(actors: Sequence[str]) -> list[Fold]:
    """Leave one corpus out at a time: train on the others and test on all of its clips.

    `SHIPPED_TEST_ACTORS` are in no training: what is fitted on these folds must not have learned from them.

    Args:
        actors: The speaker of each clip, (num_clips,). Corpora with the same people are left out together.

    Returns:
        A fold for each group of people, in the order of their first clips.

    Raises:
        ValueError: If there is only one corpus.
    """
    people = np.array([people_of(actor) for actor in actors])
    groups = list(dict.fromkeys(people.tolist()))
    if len(groups) < 2:
        raise ValueError(
            f"Leaving one corpus out needs two or more with different people, got "
            f"{', '.join(groups) or 'none'}: name several with --corpus and their folders with --data_dir."
        )
    is_spared = np.isin(actors, SHIPPED_TEST_ACTORS)
    return [
        _fold(
            f"{LEAVE_ONE_CORPUS_OUT}-{group}",
            np.asarray(actors),
            np.flatnonzero((people != group) & ~is_spared),
            np.flatnonzero(people == group),
            speaker_disjoint=True,
        )
        for group in groups
    ]


def _ravdess_names(actors: Sequence[int]) -> list[str]:
    return [speaker_name("ravdess", actor) for actor in actors]


def _dealt_speakers(speakers: Collection[str], num_folds: int) -> list[list[str]]:
    """Assign the speakers of each corpus to the folds in turn, never all of them to one fold."""
    dealt: list[list[str]] = [[] for _ in range(num_folds)]
    num_groups = max(num_folds, MIN_SPEAKER_GROUPS)
    for corpus in sorted({people_of(speaker) for speaker in speakers}):
        of_corpus = sorted(speaker for speaker in speakers if people_of(speaker) == corpus)
        for fold, group in enumerate(dealt):
            group += of_corpus[fold::num_groups]
    return dealt


def _fold(
    name: str, actor_of_clip: np.ndarray, train: np.ndarray, test: np.ndarray, speaker_disjoint: bool
) -> Fold:
    return Fold(
        name=name,
        train=train,
        test=test,
        train_actors=tuple(np.unique(actor_of_clip[train]).tolist()),
        test_actors=tuple(np.unique(actor_of_clip[test]).tolist()),
        speaker_disjoint=speaker_disjoint,
    )


def carve_validation_actors(
    actors: Sequence[str], num_validation_actors: int, seed: int, women: Collection[str]
) -> tuple[str, ...]:
    """Choose training actors to hold back for model selection, as many women as men where possible.

    Args:
        actors: The training actors; repeats are allowed and the order does not matter.
        num_validation_actors: How many to hold back. For an odd number, chance decides the gender of one.
        seed: The same seed and actors give the same choice.
        women: Those of the actors who are women.

    Returns:
        The chosen actors, ascending. The rest stay in training.

    Raises:
        ValueError: If fewer than one actor would stay in training, or the number is negative.
    """
    rng = np.random.default_rng(seed)
    candidates = np.unique(np.asarray(actors))
    if not 0 <= num_validation_actors < max(len(candidates), 1):
        raise ValueError(
            f"Cannot hold back {num_validation_actors} of {len(candidates)} training actors: "
            f"expected 0 to {max(len(candidates) - 1, 0)}, so that one or more stay in training."
        )
    is_woman = np.isin(candidates, sorted(women))
    queues = [rng.permutation(candidates[group]).tolist() for group in (is_woman, ~is_woman)]
    gender = int(rng.integers(2))
    chosen: list[str] = []
    while len(chosen) < num_validation_actors:
        if queues[gender]:
            chosen.append(queues[gender].pop())
        gender = 1 - gender
    return tuple(sorted(chosen))
