"""Division of your own recordings into training, validation and test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from datasets import Dataset

from ser.corpora.folders import shortened
from ser.corpora.own_data import UNKNOWN_SPEAKER, labels_of

NUM_DRAWS = 200
NO_SPEAKERS = (
    "The speakers are not known: the same people may be in training and test, so the scores are too high and "
    "new speakers will be recognised less well. Name a speaker column to measure that."
)
ONE_SPEAKER = (
    "All recordings are of one speaker, who is in training and test: the scores say nothing about other "
    "speakers, who will be recognised less well."
)


@dataclass(frozen=True)
class Split:
    """Recordings divided for training.

    Attributes:
        train: Recordings to train on.
        validation: Recordings to calibrate on; `None` if none are held out.
        test: Recordings to score at the end; `None` if none are held out.
        warning: Why the scores are too high; `None` if no speaker is in two parts.
    """

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    warning: str | None

    @property
    def parts(self) -> dict[str, Dataset]:
        """The existing parts by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}


def split_clips(
    clips: Dataset, *, validation_share: float = 0.15, test_share: float = 0.2, seed: int = 0
) -> Split:
    """Divide recordings by speaker, or by recording if speakers are not known.

    The column `split` decides if there is one. Otherwise whole speakers are drawn so that each label has
    about its share; validation and test have at least one speaker each.

    Args:
        clips: As `load_own_data` returns them.
        validation_share: Share of the recordings held out for calibration, 0 for none.
        test_share: Share of the recordings held out for the test, 0 for none.
        seed: Equal seeds and recordings give equal parts.

    Raises:
        ValueError: If there are fewer than two labels, a label has a single recording, no division leaves
            every label in training, or the column `split` has a speaker in two parts.
    """
    shares = {"test": test_share, "validation": validation_share}
    _check_shares(shares)
    labels, speakers = labels_of(clips), np.asarray(clips["actor"])
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2:
        raise ValueError(f"All recordings are labelled '{names[0]}'; expected two labels or more.")
    if (counts < 2).any():
        raise ValueError(
            f"The label '{names[counts < 2][0]}' has one recording, expected 2 or more: one to learn from "
            "and one to test on. Add recordings of it, or leave it out."
        )
    if clips["split"][0] is not None:
        parts = np.asarray(clips["split"])
        _check_given(parts, labels, speakers)
    else:
        parts = _draw_parts(labels, speakers, shares, np.random.default_rng(seed))
    divided = {
        name: clips.select(np.flatnonzero(parts == name)) if (parts == name).any() else None
        for name in ("train", "validation", "test")
    }
    return Split(divided["train"], divided["validation"], divided["test"], _warning(speakers))


def _check_shares(shares: dict[str, float]) -> None:
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"The share of {name} must be from 0 to below 1, got {share}.")
    if sum(shares.values()) >= 1:
        raise ValueError(
            f"The shares of {' and '.join(shares)}, {' and '.join(map(str, shares.values()))}, leave nothing "
            "to train on. Make their sum less than 1."
        )


def _draw_parts(
    labels: np.ndarray, speakers: np.ndarray, shares: dict[str, float], rng: np.random.Generator
) -> np.ndarray:
    """Return the name of the part of each recording."""
    parts = np.full(len(labels), "train", dtype="<U10")
    for name, share in shares.items():
        if not share:
            continue
        left = np.flatnonzero(parts == "train")
        share_of_left = min(share * len(labels) / len(left), 0.5)
        if len(set(speakers.tolist())) > 1:
            chosen = _held_out_speakers(labels[left], speakers[left], share_of_left, rng)
            if name == "test" and not len(chosen):
                raise ValueError(
                    "No division by speaker leaves every label in training: some labels have one speaker "
                    "alone. Add other speakers, leave such labels out, or pass --test_share 0."
                )
        else:
            chosen = _held_out_clips(labels[left], share_of_left, rng)
        parts[left[chosen]] = name
    return parts


def _check_given(parts: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> None:
    missing = sorted(set(labels.tolist()) - set(labels[parts == "train"].tolist()))
    if missing:
        raise ValueError(f"No recording labelled {shortened(missing)} has the split train. Move some there.")
    in_parts = {
        speaker: sorted(set(parts[speakers == speaker].tolist()))
        for speaker in np.unique(speakers).tolist()
        if speaker != UNKNOWN_SPEAKER
    }
    if len(in_parts) > 1 and (shared := [who for who, where in in_parts.items() if len(where) > 1]):
        raise ValueError(
            f"The column split has {shortened(shared)} in {' and '.join(in_parts[shared[0]])}: the scores "
            "would not be those of new speakers. Move each speaker into one part, or leave out the column."
        )


def _held_out_speakers(
    labels: np.ndarray, speakers: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Return rows of held-out speakers: of many draws, the one whose label counts come closest to `share`."""
    everyone = np.unique(speakers)
    num_drawn = min(max(1, round(share * len(everyone))), len(everyone) - 1)
    label_of_clip = np.unique(labels, return_inverse=True)[1]
    wanted = share * np.bincount(label_of_clip)
    best, least = np.array([], dtype=int), np.inf
    for _ in range(NUM_DRAWS if num_drawn else 0):
        held_out = np.isin(speakers, rng.choice(everyone, num_drawn, replace=False))
        counts = np.bincount(label_of_clip[held_out], minlength=len(wanted))
        distance = np.abs(counts - wanted).sum()
        if distance < least and len(set(label_of_clip[~held_out])) == len(wanted):
            best, least = np.flatnonzero(held_out), distance
    return best


def _held_out_clips(labels: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return held-out rows: the share of each label, at least one, but never all."""
    rows = []
    for name in np.unique(labels):
        of_label = rng.permutation(np.flatnonzero(labels == name))
        rows += of_label[: min(max(1, round(share * len(of_label))), len(of_label) - 1)].tolist()
    return np.sort(np.array(rows, dtype=int))


def _warning(speakers: np.ndarray) -> str | None:
    known = set(speakers.tolist())
    if known == {UNKNOWN_SPEAKER}:
        return NO_SPEAKERS
    return ONE_SPEAKER if len(known) == 1 else None
