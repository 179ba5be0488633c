"""Fit the temperature of a recipe and the point below which to say "not sure"; see what both are worth.

    python benchmarks/calibrate.py --recipe hybrid

Reads the probabilities that `benchmarks/cross_validate.py` left for dev5. Its clips were held out of the
training that scored them, and its actors are none of 21 to 24: on these everything is fitted. Where luna5 has
been run, its clips say what that is worth, each fold with a temperature and a threshold fitted without the
clips of its test actors. Writes docs/calibration.json and docs/images/reliability.png;
`python benchmarks/report.py` puts the table into docs/results.md.
"""

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ser.calibration import (  # noqa: E402
    apply_temperature,
    choose_operating_point,
    fit_temperature,
    operating_point,
)
from ser.metrics import expected_calibration_error  # noqa: E402
from ser.plots import reliability_figure  # noqa: E402

WANTED_ACCURACY = 0.7  # of the answers the demo gives
FITTED_ON, MEASURED_ON = "dev5", "luna5"


class HeldOutClips(NamedTuple):
    """Clips with what a model that did not know their voices said of them, before any calibration."""

    probabilities: np.ndarray
    labels: np.ndarray
    actors: np.ndarray
    folds: np.ndarray


def held_out_clips(folder: Path) -> HeldOutClips | None:
    """Every clip of every fold and seed in a folder of results, or `None` where there are none."""
    runs = [json.loads(file.read_text()) for file in sorted(folder.glob("fold*-seed*.json"))]
    if not runs:
        return None
    return HeldOutClips(
        # What a recipe had divided its scores by is undone.
        np.concatenate(
            [apply_temperature(run["probabilities"], 1 / run["recipe"]["temperature"]) for run in runs]
        ),
        np.concatenate([run["labels"] for run in runs]),
        np.array([int(clip[-2:]) for run in runs for clip in run["clips"]]),
        np.concatenate([[run["fold"]] * len(run["labels"]) for run in runs]),
    )


def calibrate(fitted_on: HeldOutClips, measured_on: HeldOutClips | None) -> dict[str, Any]:
    """The temperature and threshold of the recipe, and what they do on clips they were not fitted on."""
    temperature = fit_temperature(fitted_on.probabilities, fitted_on.labels)
    calibrated = apply_temperature(fitted_on.probabilities, temperature)
    chosen = choose_operating_point(calibrated, fitted_on.labels, WANTED_ACCURACY)
    result: dict[str, Any] = {
        "temperature": round(temperature, 2),
        "wanted_accuracy": WANTED_ACCURACY,
        FITTED_ON: {
            "num_clips": len(fitted_on.labels),
            "ece_uncalibrated": expected_calibration_error(fitted_on.probabilities, fitted_on.labels),
            "ece": expected_calibration_error(calibrated, fitted_on.labels),
            **chosen._asdict(),
        },
    }
    if measured_on is not None:
        probabilities, answered = cross_fitted(fitted_on, measured_on)
        right = probabilities.argmax(axis=1) == measured_on.labels
        result[MEASURED_ON] = {
            "num_clips": len(measured_on.labels),
            "ece_uncalibrated": expected_calibration_error(measured_on.probabilities, measured_on.labels),
            "ece": expected_calibration_error(probabilities, measured_on.labels),
            "threshold": None,
            "coverage": float(answered.mean()),
            "accuracy": float(right[answered].mean()),
            "accuracy_of_all": operating_point(probabilities, measured_on.labels, 0.0).accuracy,
        }
    return result


def cross_fitted(fitted_on: HeldOutClips, measured_on: HeldOutClips) -> tuple[np.ndarray, np.ndarray]:
    """Each fold's probabilities calibrated, and which clips get an answer, without its own test actors."""
    probabilities = np.empty_like(measured_on.probabilities)
    answered = np.empty(len(probabilities), dtype=bool)
    for fold in np.unique(measured_on.folds):
        test = measured_on.folds == fold
        others = ~np.isin(fitted_on.actors, measured_on.actors[test])
        temperature = fit_temperature(fitted_on.probabilities[others], fitted_on.labels[others])
        calibrated = apply_temperature(fitted_on.probabilities[others], temperature)
        point = choose_operating_point(calibrated, fitted_on.labels[others], WANTED_ACCURACY)
        probabilities[test] = apply_temperature(measured_on.probabilities[test], temperature)
        answered[test] = probabilities[test].max(axis=1) >= point.threshold
    return probabilities, answered


def calibration_table(result: dict[str, Any]) -> list[str]:
    """Markdown lines for docs/results.md."""
    threshold, wanted = 100 * result[FITTED_ON]["threshold"], 100 * result["wanted_accuracy"]
    lines = [
        '## Calibration, and when to say "not sure"',
        "",
        f"Scores are divided by a temperature of **{result['temperature']:.2f}**, fitted on held-out "
        f"voices of {FITTED_ON}. Below a highest probability of **{threshold:.0f} %** the demo says "
        f'"not sure": the lowest '
        f"threshold whose answers were right {wanted:.0f} % of the time there. On {MEASURED_ON} each fold's "
        "temperature and threshold are fitted without the clips of its test actors. ECE is the expected "
        "calibration error in 15 bins.",
        "",
        "| clips | ECE uncalibrated | ECE | gets an answer | answers that are right |",
        "|---|---|---|---|---|",
    ]
    for protocol in (FITTED_ON, MEASURED_ON):
        if protocol in result:
            scores = result[protocol]
            coverage, accuracy = 100 * scores["coverage"], 100 * scores["accuracy"]
            lines.append(
                f"| {protocol}, {scores['num_clips']} clips | {scores['ece_uncalibrated']:.3f} "
                f"| **{scores['ece']:.3f}** | {coverage:.0f} % | {accuracy:.1f} % |"
            )
    picture = "![Reliability diagram of the calibrated probabilities](images/reliability.png)"
    return [*lines, "", picture, "", "Made by:", "", "```shell", result["command"], "```", ""]


def main(arguments: list[str], root: Path = ROOT) -> None:
    """Parse, fit, write, show."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--recipe", default="hybrid", help="folder of its results")
    args = parser.parse_args(arguments)
    fitted_on, measured_on = (
        held_out_clips(root / "benchmarks" / "results" / protocol / args.recipe)
        for protocol in (FITTED_ON, MEASURED_ON)
    )
    if fitted_on is None:
        sys.exit(
            f"Error: no results of {args.recipe} on {FITTED_ON}: run benchmarks/cross_validate.py first."
        )
    result = calibrate(fitted_on, measured_on)
    result["command"] = shlex.join(["python", "benchmarks/calibrate.py", *arguments])
    (root / "docs" / "calibration.json").write_text(json.dumps(result, indent=1) + "\n")
    shown = fitted_on if measured_on is None else measured_on
    probabilities = (
        apply_temperature(fitted_on.probabilities, result["temperature"])
        if measured_on is None
        else cross_fitted(fitted_on, measured_on)[0]
    )
    protocol = FITTED_ON if measured_on is None else MEASURED_ON
    figure = reliability_figure(probabilities, shown.labels, title=f"Reliability on {protocol}")
    figure.savefig(root / "docs" / "images" / "reliability.png", dpi=110)
    print("\n".join(calibration_table(result)))


if __name__ == "__main__":
    main(sys.argv[1:])
