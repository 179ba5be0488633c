"""Result files of a recipe, and what one recipe scores beside another on the same voices."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ser.metrics import bootstrap_interval_over_actors, unweighted_average_recall
from ser.shipped import SHIPPED_RECIPE

NUM_RESAMPLES = 2000


class Predictions(NamedTuple):
    """What several trainings answered on the same clips.

    Attributes:
        labels: The true classes, (num_clips,).
        actors: Who speaks each clip, (num_clips,).
        predictions: The classes that each seed's training chose, (num_clips, num_seeds).
    """

    labels: np.ndarray
    actors: np.ndarray
    predictions: np.ndarray


def runs_by_seed(folder: Path) -> dict[int, list[dict[str, Any]]]:
    """The result files of a recipe on a protocol, in the order of their folds.

    Raises:
        ValueError: If the seeds do not have the same folds.
    """
    runs: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for file in sorted(folder.glob("fold*-seed*.json")):
        result = json.loads(file.read_text())
        runs[result["seed"]].append(result)
    if len({tuple(run["fold"] for run in seed_runs) for seed_runs in runs.values()}) != 1:
        raise ValueError(f"The seeds in {folder} do not have the same folds: run the missing ones.")
    return dict(runs)


def predictions_of(runs: dict[int, list[dict[str, Any]]]) -> Predictions:
    """The answers in result files, fold after fold."""
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
    """Unweighted average recall of each seed's `predictions`, (num_clips, num_seeds); their mean."""
    return float(np.mean([unweighted_average_recall(labels, column) for column in predictions.T]))


def baseline_of(name: str) -> str:
    """Which recipe another is compared with: itself where it is one that others are compared with."""
    if name.startswith("single_"):
        return "single"
    return SHIPPED_RECIPE + ("_14_passes" if name.endswith("_14_passes") else "")


def compare(folder: Path, baseline: Path) -> dict[str, Any] | None:
    """How much more one recipe scores than another on the folds that both ran on.

    Args:
        folder: Results of the recipe.
        baseline: Results of the other.

    Returns:
        `baseline` (its name), `folds`, `uar` (the difference of the means over folds and seeds) and
        `uar_interval`, 95 % by bootstrap over actors, each resample holding the same clips for both. None
        where no fold is shared.

    Raises:
        ValueError: If the two were not tested on the same clips.
    """
    both = [runs_by_seed(each) for each in (folder, baseline)]
    folds = [run["fold"] for run in next(iter(both[0].values()))]
    shared = [fold for fold in folds if any(run["fold"] == fold for run in next(iter(both[1].values())))]
    if not shared:
        return None
    both = [
        {seed: [run for run in seed_runs if run["fold"] in shared] for seed, seed_runs in runs.items()}
        for runs in both
    ]
    uars = [np.mean([run["uar"] for seed_runs in runs.values() for run in seed_runs]) for runs in both]
    first, second = (predictions_of(runs) for runs in both)
    if not np.array_equal(first.labels, second.labels) or not np.array_equal(first.actors, second.actors):
        raise ValueError(f"{folder} and {baseline} were not tested on the same clips.")
    num_seeds = first.predictions.shape[1]

    def difference(labels: np.ndarray, predictions: np.ndarray) -> float:
        return mean_uar(labels, predictions[:, :num_seeds]) - mean_uar(labels, predictions[:, num_seeds:])

    low, high = bootstrap_interval_over_actors(
        first.labels,
        np.concatenate([first.predictions, second.predictions], axis=1),
        first.actors,
        difference,
        NUM_RESAMPLES,
        np.random.default_rng(0),
    )
    return {
        "baseline": baseline.name,
        "folds": shared,
        "uar": float(uars[0] - uars[1]),
        "uar_interval": {"low": low, "high": high, "confidence": 0.95},
    }
