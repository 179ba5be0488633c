"""Fit the temperature of a recipe and the point below which to say "not sure"; see what both are worth.

    python -m benchmarks.accuracy.calibrate --recipe hybrid

Reads the probabilities that `benchmarks/accuracy/cross_validate.py` left, each of a clip held out of the
training that
scored it. What ships is fitted on dev5, whose models never heard actors 21 to 24 either. What such a fit is
worth luna5 says, each fold with a temperature and a threshold fitted on the other folds, so without its test
actors. With `--strangers nemo` what ships is fitted on models that were trained without that corpus and
tested on it (leave-one-corpus-out): for people, languages and microphones that training did not know. With
`--strangers emodb --data_dir data/emodb --checkpoint checkpoint` it is fitted on what the checkpoint itself
answers on a corpus that it was not trained on.
Writes benchmarks/results/calibration.json and docs/images/reliability.png;
`python -m benchmarks.report.results` puts the table into docs/results.md.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.report.measurements import read_runs
from ser.__main__ import CommandParser
from ser.corpora import CORPUS_TITLES
from ser.corpora.together import load_corpus
from ser.evaluation.calibration import (
    apply_temperature,
    choose_operating_point,
    fit_confidence_steps,
    fit_temperature,
)
from ser.evaluation.metrics import expected_calibration_error
from ser.evaluation.plots import reliability_figure
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT, SHIPPED_TEST_ACTORS
from ser.evaluation.training_record import heard_speakers, read_training_record
from ser.labels import EMOTIONS, corpus_classes, restrict_probabilities
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

ROOT = Path(__file__).resolve().parents[2]

WANTED_ACCURACY = 0.7  # of the answers the demo gives
FITTED_ON = "dev5"
MEASURED_ON = "luna5"


class HeldOutClips(NamedTuple):
    """Clips with what a model that did not know their voices said of them, before any calibration."""

    probabilities: np.ndarray
    labels: np.ndarray
    actors: np.ndarray
    folds: np.ndarray
    seeds: np.ndarray


def held_out_clips(root: Path, protocol: str, recipe: str, corpus: str = "ravdess") -> HeldOutClips:
    """Every clip of every fold and seed of a recipe; leaves the program where there are none.

    Args:
        root: The repository.
        protocol: The protocol.
        recipe: The recipe.
        corpus: The tested corpus; folds that test others are left out.
    """
    folder = root / "benchmarks" / "results" / protocol / recipe
    runs = [run for run in read_runs(folder) if list(run.get("per_corpus", [corpus])) == [corpus]]
    if not runs:
        sys.exit(
            f"Error: no results of {recipe} on {protocol}: run benchmarks/accuracy/cross_validate.py first."
        )
    return HeldOutClips(
        # What a recipe had divided its scores by is undone.
        np.concatenate(
            [apply_temperature(run["probabilities"], 1 / run["recipe"]["temperature"]) for run in runs]
        ),
        np.concatenate([run["labels"] for run in runs]),
        # RAVDESS's names end with the actor; of other corpora nobody has to be left out.
        np.array([int(clip[-2:]) if corpus == "ravdess" else 0 for run in runs for clip in run["clips"]]),
        np.concatenate([[run["fold"]] * len(run["labels"]) for run in runs]),
        np.concatenate([[run["seed"]] * len(run["labels"]) for run in runs]),
    )


def clips_of_checkpoint(folder: Path, corpus: str, data_dir: str) -> HeldOutClips:
    """Score a corpus whose speakers a checkpoint was not trained on, as if its temperature were 1.

    Raises:
        ValueError: If the checkpoint was trained on some of them, or does not say on whom.
    """
    clips = load_corpus(corpus, data_dir)
    known = heard_speakers(read_training_record(folder))
    if known is None or known & set(clips["actor"]):
        raise ValueError(f"{folder} was trained on speakers of {data_dir}, or does not say on whom.")
    recognizer = MfccLstmRecognizer.from_pretrained(folder)
    recognizer.model.config.temperature = 1.0
    scores = recognizer.predict([audio["path"] for audio in clips["audio"]])
    num_clips = len(clips)
    return HeldOutClips(
        np.array([list(score.values()) for score in scores]),
        np.array(clips["emotion"][:]),
        np.zeros(num_clips, int),
        np.array([corpus] * num_clips),
        np.zeros(num_clips, int),
    )


def fit_shipped(clips: HeldOutClips, strangers: str | None = None) -> dict[str, Any]:
    """The temperature and threshold that ship, and what they do on the clips that they were fitted on.

    Args:
        clips: Of development folds, or of a corpus left out of training.
        strangers: The name of that corpus; its classes alone are asked about.

    Raises:
        ValueError: If one of the actors who decide nothing is among them.
    """
    tested = {int(actor.partition(":")[2]) for actor in SHIPPED_TEST_ACTORS}
    if found := sorted(tested & set(clips.actors.tolist())):
        raise ValueError(f"What ships must not be fitted on actors {found}: they test it.")
    temperature, probabilities = fit_temperature(clips.probabilities, clips.labels), clips.probabilities
    calibrated = apply_temperature(probabilities, temperature)
    if strangers:
        classes = corpus_classes(strangers)
        labels = np.array([classes.index(EMOTIONS[label]) for label in clips.labels])
        temperature = fit_temperature(probabilities, labels, classes)
        calibrated = restrict_probabilities(apply_temperature(probabilities, temperature), classes)
        clips = clips._replace(probabilities=restrict_probabilities(probabilities, classes), labels=labels)
    return {
        **({"fitted_on": f"{CORPUS_TITLES[strangers]}, left out of training"} if strangers else {}),
        "temperature": round(temperature, 2),
        "wanted_accuracy": WANTED_ACCURACY,
        "fitted": {
            **calibration_errors(clips, calibrated),
            **choose_operating_point(calibrated, clips.labels, WANTED_ACCURACY)._asdict(),
            "confidence_steps": fit_confidence_steps(calibrated, clips.labels),
        },
    }


def measure(clips: HeldOutClips, calibrated: np.ndarray, answered: np.ndarray) -> dict[str, Any]:
    """What a fit on other voices does, for clips as `cross_fitted` calibrates and answers them."""
    right = calibrated.argmax(axis=1) == clips.labels
    return {
        **calibration_errors(clips, calibrated),
        "coverage": float(answered.mean()),
        "accuracy": float(right[answered].mean()),
        "accuracy_of_all": float(right.mean()),
    }


def calibration_errors(clips: HeldOutClips, calibrated: np.ndarray) -> dict[str, Any]:
    """How many clips there are, however many seeds scored them, and their ECE before and after."""
    return {
        "num_clips": len(clips.labels) // len(np.unique(clips.seeds)),
        "ece_uncalibrated": mean_ece(clips.probabilities, clips.labels, clips.seeds),
        "ece": mean_ece(calibrated, clips.labels, clips.seeds),
    }


def mean_ece(probabilities: np.ndarray, labels: np.ndarray, seeds: np.ndarray) -> float:
    """Expected calibration error of each seed's clips by themselves; their mean.

    Clips counted once a seed would make it look smaller than it is.
    """
    return float(
        np.mean(
            [
                expected_calibration_error(probabilities[seeds == seed], labels[seeds == seed])
                for seed in np.unique(seeds)
            ]
        )
    )


def cross_fitted(clips: HeldOutClips) -> tuple[np.ndarray, np.ndarray]:
    """Each fold's probabilities calibrated, and which clips get an answer, by the clips of other folds."""
    probabilities = np.empty_like(clips.probabilities)
    answered = np.empty(len(probabilities), dtype=bool)
    for fold in np.unique(clips.folds):
        test = clips.folds == fold
        others = ~np.isin(clips.actors, clips.actors[test])
        temperature = fit_temperature(clips.probabilities[others], clips.labels[others])
        calibrated = apply_temperature(clips.probabilities[others], temperature)
        point = choose_operating_point(calibrated, clips.labels[others], WANTED_ACCURACY)
        probabilities[test] = apply_temperature(clips.probabilities[test], temperature)
        answered[test] = probabilities[test].max(axis=1) >= point.threshold
    return probabilities, answered


def calibration_table(result: dict[str, Any]) -> list[str]:
    """Markdown lines for docs/results.md."""
    threshold, wanted = 100 * result["fitted"]["threshold"], 100 * result["wanted_accuracy"]
    lines = [
        '## Calibration, and when to say "not sure"',
        "",
        f"Scores are divided by a temperature of **{result['temperature']:.2f}**, fitted on the held-out "
        f"clips of {result.get('fitted_on', FITTED_ON)}, whose models never heard actors 21 to 24. Below a "
        "highest probability of "
        f'**{threshold:.0f} %** the demo says "not sure": the lowest threshold whose answers were right '
        f"{wanted:.0f} % of the time there. ECE is the expected calibration error in 15 bins.",
        "",
        "| clips | ECE uncalibrated | ECE | gets an answer | answers that are right |",
        "|---|---|---|---|---|",
    ]
    rows = {"fitted": "what ships, on the clips it was fitted on", "cross_fitted": "fitted on other voices"}
    if "cross_fitted" in result:
        lines[2] += (
            " What such a fit is worth on other voices stands in the second row, where each fold of "
            f"{MEASURED_ON} takes its temperature and threshold from the other folds."
        )
    for name, text in rows.items():
        if name not in result:
            continue
        scores = result[name]
        coverage, accuracy = 100 * scores["coverage"], 100 * scores["accuracy"]
        lines.append(
            f"| {text}, {scores['num_clips']} | {scores['ece_uncalibrated']:.3f} "
            f"| **{scores['ece']:.3f}** | {coverage:.0f} % | {accuracy:.1f} % |"
        )
    name = result.get("picture", "reliability")
    picture = f"![Reliability diagram of the calibrated probabilities](images/{name}.png)"
    return [*lines, "", picture, "", "Made by:", "", "```shell", result["command"], "```", ""]


def write_into_checkpoint(config_file: Path, result: dict[str, Any]) -> None:
    """Write what was fitted into the configuration of a checkpoint, whose other values stay as they are."""
    config = json.loads(config_file.read_text(encoding="utf-8"))
    config["temperature"] = result["temperature"]
    config["not_sure_below"] = result["fitted"]["threshold"]
    config["confidence_steps"] = result["fitted"]["confidence_steps"]
    text = json.dumps(dict(sorted(config.items())), indent=2)
    config_file.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str], root: Path = ROOT) -> None:
    """Parse, fit, write, show."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--recipe", default="corpora", help="folder of its results")
    parser.add_argument(
        "--strangers", help="corpus, left out of training, to fit on; development folds if not given"
    )
    parser.add_argument(
        "--data_dir",
        help="folder of the strangers' corpus: fit on the answers of --checkpoint itself, which must not "
        "have been trained on them, in place of models that left them out",
    )
    parser.add_argument("--output", default="calibration", help="name of the result file and the picture")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        help="write temperature, threshold and confidence steps into its config.json",
    )
    args = parser.parse_args(arguments)
    recipe = [] if args.recipe == parser.get_default("recipe") else ["--recipe", args.recipe]
    if args.strangers:
        recipe += ["--strangers", args.strangers]
    if args.strangers and args.data_dir:
        recipe += ["--data_dir", args.data_dir, "--checkpoint", str(args.checkpoint)]
        development = clips_of_checkpoint(args.checkpoint, args.strangers, args.data_dir)
    elif args.strangers:
        development = held_out_clips(root, LEAVE_ONE_CORPUS_OUT, args.recipe, args.strangers)
    else:
        development = held_out_clips(root, FITTED_ON, args.recipe)
    if args.output != parser.get_default("output"):
        recipe += ["--output", args.output]
    fitted, cross = fit_shipped(development, args.strangers), {}
    if (root / "benchmarks" / "results" / MEASURED_ON / args.recipe).is_dir():
        clips = held_out_clips(root, MEASURED_ON, args.recipe)
        calibrated, answered = cross_fitted(clips)
        cross = {"cross_fitted": measure(clips, calibrated, answered)}
        figure = reliability_figure(calibrated, clips.labels, title=f"Reliability on {MEASURED_ON}")
    else:
        calibrated = apply_temperature(development.probabilities, fitted["temperature"])
        title = f"Reliability on {fitted.get('fitted_on', FITTED_ON)}"
        figure = reliability_figure(calibrated, development.labels, title=title)
    named = args.output != parser.get_default("output")
    result = {
        **({"picture": args.output.replace("calibration", "reliability")} if named else {}),
        **fitted,
        **cross,
        "command": shlex.join(["python", "-m", "benchmarks.accuracy.calibrate", *recipe]),
    }
    (root / "benchmarks" / "results" / f"{args.output}.json").write_text(json.dumps(result, indent=1) + "\n")
    if args.checkpoint:
        write_into_checkpoint(args.checkpoint / "config.json", result)
    picture = result.get("picture", "reliability")
    figure.savefig(root / "docs" / "images" / f"{picture}.png", dpi=110)
    print("\n".join(calibration_table(result)))


if __name__ == "__main__":
    main(sys.argv[1:])
