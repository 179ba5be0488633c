"""Write `docs/results.md`, `results.json` beside the result files, and the README's table from these files.

    python -m benchmarks.report.results

Every table names the command that made its result files.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.calibrate import calibration_table
from benchmarks.accuracy.cross_validate import settings_changed_since
from benchmarks.accuracy.robustness import robustness_table
from benchmarks.report.comparison import (
    Runs,
    baseline_of,
    compare,
    mean_uar,
    predictions_of,
    runs_by_seed,
)
from benchmarks.report.measurements import ACCURATE_RECIPE, SHIPPED_RECIPE, read_runs
from ser.corpora import CORPUS_TITLES
from ser.evaluation.metrics import accuracy, expected_calibration_error
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT, PROTOCOLS, ActorProtocol
from ser.evaluation.tables import percent_range
from ser.labels import EMOTIONS, restrict_probabilities

ROOT = Path(__file__).resolve().parents[2]

README_BLOCK = re.compile(r"(<!-- results: .*? -->\n).*?(<!-- end of results -->)", re.DOTALL)

PROTOCOL_TEXTS = {
    "luna5": "luna5: five folds by actor, every voice unseen (Luna-Jimenez et al. 2021)",
    "emobox6": "emobox6: six folds of four unseen actors (EmoBox 2024)",
    "dev5": "dev5: development folds of actors 1 to 20; they chose the recipe, so that they flatter it",
    "stratified80": "stratified80: a random 80/20 split of clips, **voices are shared** between the sides",
    "timnet10": "timnet10: ten random folds of the clips, **voices are shared** between the sides",
}

RECIPE_TEXTS = {
    "corpora": "the shipped recipe: RAVDESS's songs and nEMO in training",
    "hybrid": "three networks on RAVDESS's speech alone",
    "whisper-lstm": "accurate: heads on three frozen layers of **Whisper** base, songs and nEMO in training",
    "whisper-two-lstm": "two LSTM heads on the same layers of **Whisper**, RAVDESS at 35 % of the draws",
    "whisper-ravdess": "the same on RAVDESS alone: what **Whisper** gives without other corpora",
    "hybrid_14_passes": "three networks on RAVDESS's speech alone, trained twice as long",
    "plain": "an LSTM alone, without convolutions or ensemble",
    "alike": "two networks that hear the same",
    "alike_14_passes": "two networks that hear the same, trained twice as long",
    "single": "one network in place of three",
    "single_relative": "one network that hears the relative view",
    "single_delta": "one network that hears deltas",
    "single_no_copies": "one network, clips without the copies in other tempi and pitches",
    "single_no_noise": "one network, no noise or babble in training",
    "single_unbalanced": "one network, a loss that does not know how rare an emotion is",
    "single_wide_range": "one network, noise floor heard down to 80 dB below the loudest",
    "single_no_equaliser": "one network, no other microphones in training",
}


def summarise(folder: Path) -> dict[str, Any]:
    """Scores of one recipe on one protocol from its files, one a fold and seed.

    The interval is the bootstrap over actors of the UAR over all tested clips, averaged over seeds.
    `beside` is what `compare` gives for the recipe that this one is compared with, and the name of that one.
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
        "num_seeds": uars.shape[0],
        "seeds": sorted(runs),
        "train_seconds_per_fold": float(np.mean([run["train_seconds"] for run in all_runs])),
        "command": command_of(all_runs),
        "recipe_changed_since": settings_changed_since(first[0]),
        "beside": _beside(folder, runs),
    }


def _beside(folder: Path, runs: Runs) -> dict[str, Any] | None:
    baseline = folder.with_name(baseline_of(folder.name))
    if baseline == folder or not baseline.is_dir():
        return None
    compared = compare(runs, runs_by_seed(baseline))
    return compared and {"baseline": baseline.name, **compared}


def fold_numbers(runs: list[dict[str, Any]]) -> list[str]:
    """The folds of some result files by their numbers, each once however many seeds it has."""
    return list(dict.fromkeys(run["fold"].rpartition("-")[2] for run in runs))


def command_of(runs: list[dict[str, Any]]) -> str:
    """The command that makes all of some result files, whichever folds and seeds each was made with."""
    command = re.sub(r" --(folds|seeds)( \d+)+", "", runs[0]["command"])  # all folds, seed 0
    seeds = sorted({run["seed"] for run in runs})
    if seeds != [0]:
        command += f" --seeds {' '.join(map(str, seeds))}"
    protocol, _, _ = runs[0]["fold"].rpartition("-")
    plan = PROTOCOLS.get(protocol)
    if plan is None:
        return command
    num_folds = len(plan.test_actors) if isinstance(plan, ActorProtocol) else plan.splitter.get_n_splits()
    numbers = fold_numbers(runs)
    return command if len(numbers) == num_folds else f"{command} --folds {' '.join(numbers)}"


def protocol_table(protocol: str, recipes: dict[str, dict[str, Any]]) -> list[str]:
    """Markdown lines of one protocol's table and the commands behind it."""
    lines = [
        f"### {PROTOCOL_TEXTS.get(protocol, protocol)}",
        "",
        "| recipe | UAR, mean of folds | 95 % interval over actors | points to another, same folds "
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
            "Not all of these recipes ran on the same folds: compare them by the points to another.",
        ]
    lines += ["", "Made by:", "", "```shell", *(result["command"] for result in recipes.values()), "```", ""]
    for name, result in recipes.items():
        if changed := result["recipe_changed_since"]:
            lines += [earlier_recipe(name, changed), ""]
    return lines


def _points(beside: dict[str, Any] | None) -> str:
    """What a recipe gains or loses beside another, with the interval; empty if it is compared with none."""
    if beside is None:
        return ""
    interval = percent_range(beside["uar_interval"])
    return f"{100 * beside['uar']:+.1f} ({interval}) to {beside['baseline']}"


def earlier_recipe(name: str, changed: str) -> str:
    """A warning that a result's command gives another one today."""
    return f"**{name} is of an earlier recipe**, trained with {changed}: run its command to measure it anew."


def report(results: dict[str, dict[str, Any]], train: dict[str, Any], more: list[str]) -> str:
    """The text of `docs/results.md`, with `more` lines about the shipped checkpoint."""
    lines = [
        "# Results",
        "",
        "Written by `python -m benchmarks.report.results` from the files in `benchmarks/results/` (the "
        "probabilities "
        "of every tested clip), `benchmarks/results/evaluation/` and `checkpoint/`. UAR is the "
        "unweighted average recall "
        "of the eight emotions, in percent; chance is 12.5. Choices are made on dev5 (actors 1 to 20); the "
        "other protocols are run with what was chosen, and share actors 1 to 20 with it. Actors 21 to 24 "
        "choose nothing. Points to another recipe are the difference of the means over the folds that both "
        "ran on, with its own 95 % interval by bootstrap over actors, both on the same clips "
        "(`benchmarks/report/comparison.py`).",
        "",
    ]
    measured = [protocol for protocol in PROTOCOL_TEXTS if protocol in results]
    if measured:
        lines += ["## Cross-validation", ""]
    for protocol in measured:
        lines += protocol_table(protocol, results[protocol])
    lines += shipped_table(results["shipped"]["checkpoint"]) + more + training_table(train)
    return "\n".join(lines)


def readme_table(results: dict[str, dict[str, Any]], root: Path = ROOT) -> str:
    """Return the README's rows: both checkpoints on unseen speakers, and their recipes on luna5."""
    rows = [
        ("MFCC-LSTM", "RAVDESS, actors 21 to 24, 8 emotions", results["shipped"]["checkpoint"]),
        ("MFCC-LSTM", "EmoDB (German), 4 emotions", _evaluated(root, "evaluation-emodb")),
        ("accurate", "RAVDESS, actors 21 to 24, 8 emotions", _evaluated(root, "evaluation-accurate")),
        ("accurate", "EmoDB (German), 4 emotions", _evaluated(root, "evaluation-accurate-emodb")),
    ]
    for model, recipe in (("MFCC-LSTM", SHIPPED_RECIPE), ("accurate", "whisper-lstm")):
        result = results.get("luna5", {}).get(recipe)
        if result and not result["recipe_changed_since"]:
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
    return "\n".join(lines) + "\n"


def _evaluated(root: Path, name: str) -> dict[str, Any] | None:
    file = root / "benchmarks" / "results" / name / "metrics.json"
    return json.loads(file.read_text()) if file.exists() else None


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
    evaluation = json.loads((root / "benchmarks" / "results" / "evaluation" / "metrics.json").read_text())
    results["shipped"] = {"checkpoint": evaluation}
    train = json.loads((root / "checkpoint" / "training_metrics.json").read_text())
    more = []
    for name, table in (("robustness", robustness_table), ("calibration", calibration_table)):
        file = root / "benchmarks" / "results" / f"{name}.json"
        if file.exists():
            more += table(json.loads(file.read_text()))
    more += accurate_tables(root)
    (root / "docs" / "results.md").write_text(report(results, train, more))
    (root / "benchmarks" / "results" / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    readme = root / "README.md"
    readme.write_text(README_BLOCK.sub(rf"\g<1>{readme_table(results, root)}\g<2>", readme.read_text()))


def shipped_table(metrics: dict[str, Any]) -> list[str]:
    """Markdown lines about the checkpoint on the actors it never met."""
    return [
        "## The shipped checkpoint on actors 21 to 24",
        "",
        "| UAR | 95 % interval over actors | accuracy | macro F1 | clips |",
        "|---|---|---|---|---|",
        f"| **{100 * metrics['uar']:.1f}** | {percent_range(metrics['uar_interval'])} "
        f"| {100 * metrics['accuracy']:.1f} | {100 * metrics['macro_f1']:.1f} | {metrics['num_clips']} |",
        "",
        "Four voices make a wide interval. They were scored eight times, by six earlier checkpoints (UAR "
        "48.8, 60.2, 66.0, 59.8, 60.9 and 66.0), by this one, and by one of four networks (66.4), which did "
        "not score more on dev5 and was left out. They chose none of them.",
        "",
        "Made by:",
        "",
        "```shell",
        metrics["command"],
        "```",
        "",
    ]


def accurate_tables(root: Path) -> list[str]:
    """Markdown lines about the accurate checkpoint; none before it was measured."""
    folder = root / "benchmarks" / "results"
    files = {name: folder / f"evaluation-accurate{name}" / "metrics.json" for name in ("", "-emodb")}
    lines = []
    for name, title in (("", "RAVDESS, actors 21 to 24"), ("-emodb", "EmoDB, never trained on")):
        if not files[name].exists():
            continue
        metrics = json.loads(files[name].read_text())
        for classes, scores in metrics["per_class_set"].items():
            ece = scores.get("expected_calibration_error")
            lines.append(
                f"| {title}, {classes} emotions | **{100 * scores['uar']:.1f}** "
                f"| {percent_range(scores['uar_interval'])} | {100 * scores['accuracy']:.1f} "
                f"| {'' if ece is None else f'{ece:.3f}'} | {scores['num_clips']} |"
            )
    if not lines:
        return []
    made_by = [json.loads(file.read_text())["command"] for file in files.values() if file.exists()]
    for run in read_runs(folder / LEAVE_ONE_CORPUS_OUT / ACCURATE_RECIPE):
        lines += stranger_rows(run)
        made_by.append(run["command"])
    lines = [
        "## The accurate checkpoint",
        "",
        "`checkpoint-accurate/` learned speech from **Whisper** base, whose first three layers it keeps, and "
        "emotions from RAVDESS, its songs and nEMO. EmoDB helped to choose its recipe; actors 21 to 24 chose "
        "nothing.",
        "",
        "| measured on | UAR | 95 % interval over speakers | accuracy | ECE | clips |",
        "|---|---|---|---|---|---|",
        *lines,
        *("", "Made by:", "", "```shell", *made_by, "```", ""),
    ]
    for name, table in (("robustness", robustness_table), ("calibration", calibration_table)):
        file = folder / f"{name}-accurate.json"
        if file.exists():
            heading, *rest = table(json.loads(file.read_text()))
            lines += [f"#{heading}: the accurate checkpoint", *rest]
    return lines


def stranger_rows(run: dict[str, Any]) -> Iterator[str]:
    """Table rows of a corpus that a training left out, with scores as they were trained."""
    for corpus, by_set in run["per_corpus"].items():
        for name, scores in by_set.items():
            if name == "shared":
                continue
            chosen = [EMOTIONS.index(emotion) for emotion in scores["classes"]]
            rows = np.flatnonzero(np.isin(run["labels"], chosen))
            ece = expected_calibration_error(
                restrict_probabilities(np.array(run["probabilities"])[rows], scores["classes"]),
                np.array([chosen.index(run["labels"][row]) for row in rows]),
            )
            yield (
                f"| the recipe on {CORPUS_TITLES[corpus]}, left out of training, {name} emotions "
                f"| **{100 * scores['uar']:.1f}** | | {100 * scores['accuracy']:.1f} | {ece:.3f} "
                f"| {scores['num_clips']} |"
            )


def training_table(train: dict[str, Any]) -> list[str]:
    """Markdown lines about what the shipped training cost."""
    minutes, network_minutes = train["total_seconds"] / 60, train["train_runtime"] / 60
    gibibytes = train["peak_memory_bytes"] / 2**30
    return [
        "## Cost of the shipped training",
        "",
        f"{minutes:.1f} minutes from the clips to the checkpoint: the network took {network_minutes:.1f} of "
        "them, and the features of every copy the rest (nothing where they are still in the cache). At most "
        f"{gibibytes:.2f} GiB of memory, the processes that compute features included "
        "(`checkpoint/training_metrics.json`; command, versions and processors in "
        "`checkpoint/training_provenance.json`).",
        "",
    ]


if __name__ == "__main__":
    main()
