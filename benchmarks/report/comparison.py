"""Result files of a recipe, and the comparison of two recipes on the same clips."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.report.measurements import read_runs
from ser.evaluation.metrics import bootstrap_interval_over_actors, unweighted_average_recall

Runs = dict[int, list[dict[str, Any]]]
"""Result files of a recipe on a protocol by their seed, each in the order of their folds."""

BASELINE = "hybrid"  # three networks on RAVDESS's speech alone, with which the other recipes are compared


class Predictions(NamedTuple):
    """Predictions for the same clips by several trainings, or under several conditions.

    Attributes:
        labels: The true classes, shape `(num_clips,)`.
        actors: The speaker of each clip, shape `(num_clips,)`.
        predictions: The predicted classes, shape `(num_clips, num_times)`.
    """

    labels: np.ndarray
    actors: np.ndarray
    predictions: np.ndarray

    def interval(self, metric: Callable[[np.ndarray, np.ndarray], float]) -> dict[str, float]:
        """Return the interval of `metric(labels, predictions)` over actors: `low`, `high`, `confidence`."""
        return bootstrap_interval_over_actors(self.labels, self.predictions, self.actors, metric)


def runs_by_seed(folder: Path) -> Runs:
    """Read the results of a recipe on a protocol.

    Raises:
        ValueError: If the seeds do not have the same folds.
    """
    runs: Runs = defaultdict(list)
    for run in read_runs(folder):
        runs[run["seed"]].append(run)
    if len({tuple(run["fold"] for run in seed_runs) for seed_runs in runs.values()}) != 1:
        raise ValueError(f"The seeds in {folder} do not have the same folds: run the missing ones.")
    return dict(runs)


def predictions_of(runs: Runs) -> Predictions:
    """Return the predictions in result files, fold after fold."""
    first = next(iter(runs.values()))
    return Predictions(
        np.concatenate([run["labels"] for run in first]),
        np.concatenate([[int(clip[-2:]) for clip in run["clips"]] for run in first]),
        np.stack(
            [
                np.concatenate([np.argmax(run["probabilities"], axis=1) for run in seed_runs])
                for seed_runs in runs.values()
            ],
            axis=1,
        ),
    )


def mean_uar(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Return the mean over seeds of the UAR of `predictions`, shape `(num_clips, num_seeds)`."""
    return float(np.mean([unweighted_average_recall(labels, column) for column in predictions.T]))


def compare(runs: Runs, baseline: Runs) -> dict[str, Any] | None:
    """Return how much more one recipe scores than another on the folds that both ran on.

    Returns:
        `folds`, `uar` (the difference of the means over folds and seeds) and `uar_interval` over actors, each
        resample holding the same clips for both. `None` where no fold is shared.

    Raises:
        ValueError: If the two were not tested on the same clips.
    """
    names, others = ([run["fold"] for run in next(iter(each.values()))] for each in (runs, baseline))
    folds = [name for name in names if name in others]
    if not folds:
        return None
    both = [
        {seed: [run for run in seed_runs if run["fold"] in folds] for seed, seed_runs in each.items()}
        for each in (runs, baseline)
    ]
    uar, other_uar = (np.mean([run["uar"] for part in each.values() for run in part]) for each in both)
    first, second = (predictions_of(each) for each in both)
    if not np.array_equal(first.labels, second.labels) or not np.array_equal(first.actors, second.actors):
        raise ValueError(f"On the folds {', '.join(folds)} two recipes were not tested on the same clips.")
    num_seeds = first.predictions.shape[1]
    paired = first._replace(predictions=np.concatenate([first.predictions, second.predictions], axis=1))
    interval = paired.interval(
        lambda labels, predictions: (
            mean_uar(labels, predictions[:, :num_seeds]) - mean_uar(labels, predictions[:, num_seeds:])
        )
    )
    return {"folds": folds, "uar": float(uar - other_uar), "uar_interval": interval}
