"""Write `docs/results.md`, `results.json` beside the result files, and the README's table from these files.

    python -m benchmarks.report.results

Every table names the command that made its result files.
"""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cross_validate import settings_changed_since
from benchmarks.report.blocks import write_block
from benchmarks.report.checkpoints import checkpoint_section, training_section
from benchmarks.report.comparison import (
    BASELINE,
    Runs,
    compare,
    mean_uar,
    predictions_of,
    runs_by_seed,
)
from benchmarks.report.measurements import (
    ACCURATE_FOLDER,
    ACCURATE_RECIPE,
    SHIPPED_FOLDER,
    SHIPPED_RECIPE,
    shipped_results,
)
from ser.evaluation.metrics import accuracy
from ser.evaluation.protocols import PROTOCOLS, ActorProtocol
from ser.evaluation.tables import percent_range
from ser.hub.measurements import read_json

ROOT = Path(__file__).resolve().parents[2]

PROTOCOL_TEXTS = {
    "luna5": "luna5: five folds by actor, all speakers unseen (Luna-Jimenez et al. 2021)",
    "emobox6": "emobox6: six folds of four unseen actors (EmoBox 2024)",
    "dev5": "dev5: development folds of actors 1 to 20, which chose the recipe and therefore favour it",
    "stratified80": "stratified80: a random 80/20 split of clips, **with seen speakers**",
    "timnet10": "timnet10: ten random folds of the clips, **with seen speakers**",
}

SMALL = "MFCC-LSTM, with a teacher"  # in the table of the README, which explains it

RECIPE_TEXTS = {
    "teacher": "the shipped recipe: songs, nEMO and the class scores of heads on **Whisper** base",
    "corpora": "the shipped recipe without the teacher",
    "hybrid": "three networks on RAVDESS's speech alone",
    "whisper-lstm": "the accurate recipe: heads on three frozen layers of **Whisper** base, songs and nEMO",
    "whisper-ravdess": "the accurate recipe on RAVDESS speech alone, as many steps",
    "known-voices": "three networks on RAVDESS's speech alone, trained longer, with less noise",
    "whisper-known-voices": "the accurate recipe on RAVDESS speech alone, trained longer",
    "hybrid_14_passes": "three networks on RAVDESS's speech alone, trained twice as long",
}


def summarise(folder: Path) -> dict[str, Any]:
    """Summarise the scores of a recipe on a protocol from its files, one a fold and seed.

    The interval is the bootstrap over actors of the UAR over all tested clips, averaged over seeds.
    `beside` is the comparison with `BASELINE` by `compare`.
    """
    runs = runs_by_seed(folder)
    uars = np.array([[run["uar"] for run in seed_runs] for seed_runs in runs.values()])  # (seeds, folds)
    accuracies = np.array([[run["accuracy"] for run in seed_runs] for seed_runs in runs.values()])
    first = next(iter(runs.values()))
    all_runs = [run for seed_runs in runs.values() for run in seed_runs]
    answers = predictions_of(runs)
    return {
        "uar": float(uars.mean()),
        "uar_interval": answers.interval(mean_uar),
        "folds": fold_numbers(first),
        "uar_by_fold": uars.mean(axis=0).round(4).tolist(),
        "accuracy": float(accuracies.mean()),
        "pooled_accuracy": float(
            np.mean([accuracy(answers.labels, column) for column in answers.predictions.T])
        ),
        "num_clips": len(answers.labels),
        "num_folds": uars.shape[1],
        "is_complete": uars.shape[1] == num_folds_of(first),
        "num_seeds": uars.shape[0],
        "seeds": sorted(runs),
        "train_seconds_per_fold": float(np.mean([run["train_seconds"] for run in all_runs])),
        "command": command_of(all_runs),
        "recipe_changed_since": settings_changed_since(first[0]),
        "beside": _beside(folder, runs),
    }


def _beside(folder: Path, runs: Runs) -> dict[str, Any] | None:
    baseline = folder.with_name(BASELINE)
    if baseline == folder or not baseline.is_dir():
        return None
    return compare(runs, runs_by_seed(baseline))


def fold_numbers(runs: list[dict[str, Any]]) -> list[str]:
    """Return the numbers of the folds of some result files, each once."""
    return list(dict.fromkeys(run["fold"].rpartition("-")[2] for run in runs))


def command_of(runs: list[dict[str, Any]]) -> str:
    """Return the command that makes all of some result files, of whichever folds and seeds."""
    command = re.sub(r" --(folds|seeds)( \d+)+", "", runs[0]["command"])  # all folds, seed 0
    seeds = sorted({run["seed"] for run in runs})
    if seeds != [0]:
        command += f" --seeds {' '.join(map(str, seeds))}"
    numbers, num_folds = fold_numbers(runs), num_folds_of(runs)
    return command if num_folds in (None, len(numbers)) else f"{command} --folds {' '.join(numbers)}"


def num_folds_of(runs: list[dict[str, Any]]) -> int | None:
    """Return the number of folds of the protocol of some result files, if it is one of `PROTOCOLS`."""
    plan = PROTOCOLS.get(runs[0]["fold"].rpartition("-")[0])
    if plan is None:
        return None
    return len(plan.test_actors) if isinstance(plan, ActorProtocol) else plan.splitter.get_n_splits()


def protocol_table(protocol: str, recipes: dict[str, dict[str, Any]]) -> list[str]:
    """Return the Markdown lines of a protocol's table and the commands behind it."""
    lines = [
        f"### {PROTOCOL_TEXTS.get(protocol, protocol)}",
        "",
        f"| recipe | UAR, mean of folds | 95 % interval over actors | points to {BASELINE}, same folds "
        "| accuracy | UAR by fold | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, result in recipes.items():
        recipe = f"{name}: {RECIPE_TEXTS[name]}" if name in RECIPE_TEXTS else name
        by_fold = ", ".join(
            f"{fold}: {100 * uar:.1f}"
            for fold, uar in zip(result["folds"], result["uar_by_fold"], strict=True)
        )
        lines.append(
            f"| {recipe} | **{100 * result['uar']:.1f}** | {percent_range(result['uar_interval'])} "
            f"| {_points(result['beside'])} | {100 * result['accuracy']:.1f} | {by_fold} "
            f"| {result['num_seeds']} |"
        )
    if len({tuple(result["folds"]) for result in recipes.values()}) > 1:
        lines += [
            "",
            f"Not all of these recipes ran on the same folds: compare them by the points to {BASELINE}.",
        ]
    lines += ["", "Made by:", "", "```shell", *(result["command"] for result in recipes.values()), "```", ""]
    names_by_change: dict[str, list[str]] = defaultdict(list)
    for name, result in recipes.items():
        names_by_change[result["recipe_changed_since"]].append(name)
    for changed, names in names_by_change.items():
        if changed:
            lines += [earlier_recipe(names, changed), ""]
    return lines


def _points(beside: dict[str, Any] | None) -> str:
    """Return the points gained or lost beside the baseline, with the interval; empty if there is none."""
    if beside is None:
        return ""
    interval = percent_range(beside["uar_interval"])
    return f"{100 * beside['uar']:+.1f} ({interval})"


def earlier_recipe(names: list[str], changed: str) -> str:
    """Return a warning that the commands of some results would train with other settings today."""
    return f"**Of an earlier recipe**, trained with {changed}: {', '.join(names)}."


def report(results: dict[str, dict[str, Any]], sections: list[str]) -> str:
    """Return the text of `docs/results.md`: cross-validation, then `sections` about the checkpoints."""
    lines = [
        "# Results",
        "",
        "Written by `python -m benchmarks.report.results` from the files in `benchmarks/results/`, which "
        "hold the probabilities of every tested clip, and from both checkpoints. UAR is the unweighted "
        "average recall of the eight emotions, in percent; chance is 12.5. Recipes were chosen on dev5 "
        "(actors 1 to 20), on EmoDB and on corpora left out of training; the other protocols were run with "
        "the chosen recipe and share actors 1 to 20 with dev5. Actors 21 to 24 decided nothing. Points to "
        f"{BASELINE} are the difference of the means over the folds that both ran on, with a 95 % "
        "interval by bootstrap over actors on the same clips (`benchmarks/report/comparison.py`).",
        "",
    ]
    measured = [protocol for protocol in PROTOCOL_TEXTS if protocol in results]
    if measured:
        lines += ["## Cross-validation", ""]
    for protocol in measured:
        lines += protocol_table(protocol, results[protocol])
    return "\n".join(lines + sections)


def readme_table(results: dict[str, dict[str, Any]], root: Path = ROOT) -> list[str]:
    """Return the README's rows: both checkpoints on unseen speakers, and their recipes on luna5."""
    rows = [
        (model, text, read_json(root / "benchmarks" / "results" / f"evaluation{suffix}" / "metrics.json"))
        for model, of_model in ((SMALL, ""), ("accurate", "-accurate"))
        for text, suffix in (
            ("RAVDESS, actors 21 to 24, 8 emotions", of_model),
            ("EmoDB (German), 4 emotions", f"{of_model}-emodb"),
        )
    ]
    for model, recipe in ((SMALL, SHIPPED_RECIPE), ("accurate", ACCURATE_RECIPE)):
        result = results.get("luna5", {}).get(recipe)
        if result and result["is_complete"] and not result["recipe_changed_since"]:
            rows.append((model, "RAVDESS, all 24 actors in five folds (luna5), 8 emotions", result))
    lines = [
        "| model | unseen speakers of | UAR | 95 % interval over speakers | accuracy |",
        "|---|---|---|---|---|",
    ]
    for model, text, result in rows:
        if result:
            scores = result["per_class_set"]["4"] if "4 emotions" in text else result
            uar, accuracy = f"{100 * scores['uar']:.1f}", f"{100 * scores['accuracy']:.1f}"
            lines.append(
                f"| {model} | {text} | **{uar}** | {percent_range(scores['uar_interval'])} | {accuracy} |"
            )
    return lines


def main(root: Path = ROOT) -> None:
    """Read every result file, write the reports and the README's table.

    Args:
        root: The repository, or a folder with its `README.md` and result files.
    """
    results: dict[str, dict[str, Any]] = {}
    for folder in sorted(path for path in root.glob("benchmarks/results/*/*") if path.is_dir()):
        if folder.parent.name not in PROTOCOLS:
            continue  # of several corpora: for benchmarks/report/generalisation.py
        results.setdefault(folder.parent.name, {})[folder.name] = summarise(folder)
    (root / "benchmarks" / "results" / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    sections = []
    for checkpoint, recipe in ((SHIPPED_FOLDER, SHIPPED_RECIPE), (ACCURATE_FOLDER, ACCURATE_RECIPE)):
        sections += checkpoint_section(shipped_results(root, checkpoint, recipe))
    sections += training_section(read_json(root / SHIPPED_FOLDER / "training_metrics.json"))
    (root / "docs" / "results.md").write_text(report(results, sections))
    write_block(root / "README.md", "results", readme_table(results, root))


if __name__ == "__main__":
    main()
