"""Read the committed result files about a shipped checkpoint and its recipe."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ser.corpora.ravdess import RAVDESS
from ser.evaluation.calibration import apply_temperature
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT
from ser.evaluation.scoring import GROUPS
from ser.evaluation.subgroups import group_scores, largest_gap
from ser.hub.measurements import Measurements, measurements_of, read_json

ROOT = Path(__file__).resolve().parents[2]
SHIPPED_FOLDER = "checkpoint"
SHIPPED_RECIPE = "teacher"  # of the recipes in the results, the one of the checkpoint
ACCURATE_FOLDER, ACCURATE_RECIPE = "checkpoint-accurate", "whisper-lstm"
SPREAD_PROTOCOL = "luna5"  # its folds test every actor once
# Without dev5, on which recipes are chosen: scores there flatter the one that was.
PROTOCOL_ORDER = ("luna5", "emobox6", "loso24", "stratified80", "timnet10")


class Spread(NamedTuple):
    """Scores by subgroup, each the mean over seeds, as `ser.evaluation.subgroups` returns them.

    Attributes:
        per_group: By column ("gender") and value ("female").
        gaps: By column, its largest gap.
    """

    per_group: dict[str, dict[str, dict[str, Any]]]
    gaps: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class ShippedResults:
    """Everything measured about a shipped checkpoint; what was not measured is empty.

    Attributes:
        checkpoint: Its files and its evaluations.
        protocols: By protocol, the summary that `benchmarks.report.results` makes of the recipe's files.
        spread: How results of the recipe differ between speakers, on `SPREAD_PROTOCOL`.
        left_out: Results of the recipe on corpora that a training left out, one dictionary per training.
        robustness: What `benchmarks.accuracy.robustness` wrote about disturbed recordings.
        calibration: What `benchmarks.accuracy.calibrate` wrote.
        out_of_distribution: What `benchmarks.accuracy.out_of_distribution` measured, by kind of sound.
    """

    checkpoint: Measurements = field(default_factory=Measurements)
    protocols: dict[str, dict[str, Any]] = field(default_factory=dict)
    spread: Spread | None = None
    left_out: list[dict[str, Any]] = field(default_factory=list)
    robustness: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    out_of_distribution: dict[str, Any] = field(default_factory=dict)


def shipped_results(
    root: Path = ROOT, folder: str = SHIPPED_FOLDER, recipe: str = SHIPPED_RECIPE
) -> ShippedResults:
    """Read the result files of a shipped checkpoint.

    Args:
        root: The repository.
        folder: The checkpoint's folder.
        recipe: What it was trained with.
    """
    results = root / "benchmarks" / "results"
    evaluations = [read_json(file) for file in sorted(results.glob("evaluation*/metrics.json"))]
    checkpoint = replace(
        measurements_of(root / folder),
        evaluations=[each for each in evaluations if each["model"]["name"] == folder],
    )
    summaries = read_json(results / "results.json")
    recipes = {name: by_recipe.get(recipe) for name, by_recipe in summaries.items()}
    protocols = {
        name: summary
        for name in PROTOCOL_ORDER
        if (summary := recipes.get(name)) and summary["is_complete"] and not summary["recipe_changed_since"]
    }
    spread = None
    if SPREAD_PROTOCOL in protocols:
        spread = speaker_spread(results / SPREAD_PROTOCOL / recipe)
    suffix = folder.removeprefix(SHIPPED_FOLDER)  # of the result files of this checkpoint
    return ShippedResults(
        checkpoint=checkpoint,
        protocols=protocols,
        spread=spread,
        left_out=read_runs(results / LEAVE_ONE_CORPUS_OUT / recipe),
        robustness=read_json(results / f"robustness{suffix}.json"),
        calibration=read_json(results / f"calibration{suffix}.json"),
        out_of_distribution=read_json(results / f"out_of_distribution{suffix}.json"),
    )


def speaker_spread(folder: Path) -> Spread | None:
    """Score by gender, intensity, statement and actor on a protocol whose folds test every actor once.

    Args:
        folder: Holds `foldN-seedS.json` of RAVDESS clips, written by `benchmarks.accuracy.cross_validate`.

    Returns:
        The spread, or `None` where there are no files.
    """
    runs = read_runs(folder)
    if not runs:
        return None
    names = sorted({name for run in runs for name in run["clips"]})
    answers = {
        (run["seed"], name): (label, int(np.argmax(probabilities)))
        for run in runs
        for name, label, probabilities in zip(run["clips"], run["labels"], run["probabilities"], strict=True)
    }
    seeds = sorted({run["seed"] for run in runs})
    labels = np.array([answers[seeds[0], name][0] for name in names])
    predictions = np.array([[answers[seed, name][1] for seed in seeds] for name in names])
    actors = [int(name[-2:]) for name in names]
    clips = [RAVDESS.read_name(Path(f"{name}.wav")) for name in names]
    spread = Spread({}, {})
    for column in GROUPS:
        values = [getattr(clip, column) for clip in clips]
        arguments = (labels, predictions, actors, values)
        spread.per_group[column] = group_scores(*arguments)
        if gap := largest_gap(*arguments):
            spread.gaps[column] = gap
    return spread


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """Read the files of `benchmarks.accuracy.cross_validate` in a folder, one dictionary a fold and seed."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("fold*-seed*.json"))]


def at_temperature(run: dict[str, Any], temperature: float = 1.0) -> np.ndarray:
    """Return the probabilities of a result file at a temperature in place of the one that its recipe set."""
    return apply_temperature(run["probabilities"], temperature / run["recipe"]["temperature"])
