"""Scores by subgroup: gender, intensity, statement and speaker.

`labels` are integers (num_clips,), `predictions` integers (num_clips,) or (num_clips, num_seeds), where
scores are the mean over seeds; `actors` and `values` have one entry a clip. Scores are fractions from 0 to 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ser.evaluation.metrics import BOOTSTRAP_SEED, NUM_RESAMPLES, average_recall_of_hits, ends_of

MIN_CLIPS = 20  # smaller subgroups are left out
NUM_SHUFFLES = 500


def group_scores(
    labels: ArrayLike,
    predictions: ArrayLike,
    actors: ArrayLike,
    values: Sequence[Any],
    num_resamples: int = NUM_RESAMPLES,
) -> dict[str, dict[str, Any]]:
    """Score the clips of each value of a column.

    The interval is the percentile bootstrap over the speakers of the subgroup. In a subgroup of one speaker,
    the clips of each class are drawn instead: the interval shows how much other clips of the same speaker
    would change the score.

    Args:
        labels: The true classes.
        predictions: The predicted classes.
        actors: Speaker of each clip.
        values: Subgroup of each clip, None where the corpus does not define it.
        num_resamples: Bootstrap resamples for each interval.

    Returns:
        By value, in ascending order: `num_clips`, `num_actors`, `uar`, `accuracy` and `uar_interval`.
        Subgroups of fewer than `MIN_CLIPS` clips are left out.

    Raises:
        ValueError: If the lengths differ or there is no clip.
    """
    labels, hits, actors = _checked(labels, predictions, actors, values)
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    scores = {}
    for value, rows in _rows_of_values(values).items():
        num_actors = len(np.unique(actors[rows]))
        if num_actors > 1:
            strata, units = np.zeros(len(rows), dtype=int), actors[rows]
        else:
            strata, units = labels[rows], np.arange(len(rows))
        uars = _uars(labels[rows], hits[rows], units, _draw(strata, units, num_resamples, rng))
        scores[str(value)] = {
            "num_clips": len(rows),
            "num_actors": num_actors,
            "uar": average_recall_of_hits(labels[rows], hits[rows]),
            "accuracy": float(hits[rows].mean()),
            "uar_interval": ends_of(uars),
        }
    return scores


def largest_gap(
    labels: ArrayLike,
    predictions: ArrayLike,
    actors: ArrayLike,
    values: Sequence[Any],
    num_resamples: int = NUM_RESAMPLES,
) -> dict[str, Any] | None:
    """Return the difference in UAR between the best and the worst subgroup.

    Uses only the classes that every subgroup contains: strong RAVDESS has no "neutral". For the interval,
    whole speakers are resampled among the speakers of the same subgroups: women replace women, and both
    intensities of a speaker stay together. Where each speaker is a subgroup, no interval exists. Instead,
    `by_luck` is the mean difference after the clips of each class were assigned to the speakers at random: of
    many equally difficult speakers, one is the worst as well.

    Args:
        labels: The true classes.
        predictions: The predicted classes.
        actors: Speaker of each clip.
        values: Subgroup of each clip, None where the corpus does not define it.
        num_resamples: Bootstrap resamples for the interval.

    Returns:
        `worst` and `best`, the values; `difference`; and `interval` (of the difference; below 0
        where the order may be reversed) or `by_luck`. None unless two subgroups share a class.

    Raises:
        ValueError: If the lengths differ or there is no clip.
    """
    labels, hits, actors = _checked(labels, predictions, actors, values)
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    rows_of_value = _rows_of_values(values)
    shared = set(labels.tolist()).intersection(*(labels[rows].tolist() for rows in rows_of_value.values()))
    if len(rows_of_value) < 2 or not shared:
        return None
    compared = np.isin(labels, sorted(shared))
    labels, hits, actors = labels[compared], hits[compared], actors[compared]
    new_row = np.cumsum(compared) - 1
    rows_of_value = {value: new_row[rows[compared[rows]]] for value, rows in rows_of_value.items()}
    uars = {value: average_recall_of_hits(labels[rows], hits[rows]) for value, rows in rows_of_value.items()}
    worst, best = min(uars, key=uars.__getitem__), max(uars, key=uars.__getitem__)
    gap = {"worst": str(worst), "best": str(best), "difference": uars[best] - uars[worst]}
    groups_of_actor = {
        actor: frozenset(value for value, rows in rows_of_value.items() if actor in actors[rows])
        for actor in np.unique(actors)
    }
    peers = [groups_of_actor[actor] for actor in actors]
    if len(set(groups_of_actor.values())) == len(groups_of_actor):
        return gap | {"by_luck": _range_by_luck(labels, hits, list(rows_of_value.values()), rng)}
    names = sorted(set(peers), key=sorted)
    drawn = _draw(np.array([names.index(peer) for peer in peers]), actors, num_resamples, rng)
    ends = [
        _uars(labels, np.where(in_group, hits, 0.0), actors, drawn, in_group)
        for in_group in (np.isin(np.arange(len(labels)), rows_of_value[value]) for value in (best, worst))
    ]
    return gap | {"interval": ends_of(ends[0] - ends[1])}


def _checked(
    labels: ArrayLike, predictions: ArrayLike, actors: ArrayLike, values: Sequence[Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, the share of seeds that classify each clip correctly, and actors."""
    labels, predictions, actors = np.asarray(labels), np.asarray(predictions), np.asarray(actors)
    if not 0 < len(labels) == len(predictions) == len(actors) == len(values):
        raise ValueError(
            f"Got {len(labels)} labels, {len(predictions)} predictions, {len(actors)} actors and "
            f"{len(values)} values, expected one of each for every clip, and at least one clip."
        )
    right = predictions.reshape(len(labels), -1) == labels[:, None]
    return labels, right.mean(axis=1), actors


def _rows_of_values(values: Sequence[Any]) -> dict[Any, np.ndarray]:
    found = sorted({value for value in values if value is not None})
    rows = {value: np.array([row for row, other in enumerate(values) if other == value]) for value in found}
    return {value: of_value for value, of_value in rows.items() if len(of_value) >= MIN_CLIPS}


def _draw(strata: np.ndarray, units: np.ndarray, num_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the number of times each unit appears, (num_resamples, num_units), within each stratum."""
    all_units, first_rows = np.unique(units, return_index=True)
    stratum_of_unit = strata[first_rows]
    drawn = np.zeros((num_resamples, len(all_units)))
    for stratum in np.unique(stratum_of_unit):
        members = np.flatnonzero(stratum_of_unit == stratum)
        shares = np.full(len(members), 1 / len(members))
        drawn[:, members] = rng.multinomial(len(members), shares, size=num_resamples)
    return drawn


def _uars(
    labels: np.ndarray,
    hits: np.ndarray,
    units: np.ndarray,
    drawn: np.ndarray,
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """Return the UAR of each resample, (num_resamples,), over the clips for which `counts` is true."""
    _, unit_of_clip = np.unique(units, return_inverse=True)
    tallies = np.zeros((2, drawn.shape[1], labels.max() + 1))  # clips and hits by unit and class
    np.add.at(tallies[0], (unit_of_clip, labels), 1.0 if counts is None else counts)
    np.add.at(tallies[1], (unit_of_clip, labels), hits)
    num_clips, num_found = drawn @ tallies  # (num_resamples, num_classes) each
    recalls = np.divide(num_found, num_clips, out=np.zeros_like(num_found), where=num_clips > 0)
    return recalls.sum(axis=1) / (num_clips > 0).sum(axis=1)


def _range_by_luck(
    labels: np.ndarray, hits: np.ndarray, rows_of_groups: list[np.ndarray], rng: np.random.Generator
) -> float:
    """Return the mean difference between best and worst subgroup after random assignment of the clips."""
    rows_of_classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    ranges = []
    for _ in range(NUM_SHUFFLES):
        dealt = hits.copy()
        for rows in rows_of_classes:
            dealt[rows] = dealt[rng.permutation(rows)]
        uars = [average_recall_of_hits(labels[rows], dealt[rows]) for rows in rows_of_groups]
        ranges.append(max(uars) - min(uars))
    return float(np.mean(ranges))
