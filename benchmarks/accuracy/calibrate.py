"""Fit the temperature and the "not sure" threshold of a checkpoint on corpora that it was not trained on.

    python -m benchmarks.accuracy.calibrate

Two kinds of answers count: those of models that the same recipe trained without one corpus (`--left_out`,
from the result files of `benchmarks.accuracy.cross_validate`), and those of the checkpoint itself on a corpus
that is in no training (`--unseen`). Each corpus counts the same, whatever its size. What the fit does for
speakers of RAVDESS is measured on luna5, and decides nothing.

Writes `benchmarks/results/calibration.json`, `docs/images/reliability.png` and the settings of the
checkpoint; `python -m benchmarks.report.results` puts the table into `docs/results.md`.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.report.measurements import SHIPPED_RECIPE, at_temperature, read_runs
from ser.__main__ import CommandParser
from ser.corpora import CORPUS_TITLES
from ser.corpora.together import load_corpus
from ser.evaluation.calibration import (
    apply_temperature,
    choose_operating_point,
    fit_confidence_steps,
    fit_shared_temperature,
    operating_point,
)
from ser.evaluation.metrics import expected_calibration_error
from ser.evaluation.plots import reliability_figure
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT
from ser.evaluation.training_record import read_training_record, training_speakers
from ser.labels import EMOTIONS, corpus_classes, restrict_probabilities
from ser.recognizer import EmotionRecognizer

ROOT = Path(__file__).resolve().parents[2]

WANTED_ACCURACY = 0.7  # of the answers that are given without reserve
HOME = "luna5"  # measures the fit on RAVDESS
NEVER_FITTED_ON = "ravdess"


class UnseenClips(NamedTuple):
    """Answers about clips of one corpus by models that were not trained on their speakers.

    Attributes:
        corpus: Name of the corpus.
        probabilities: Of all `EMOTIONS`, at a temperature of 1, shape `(num_clips, 8)`.
        labels: Indices of the true emotions in `classes`, shape `(num_clips,)`.
        seeds: Seed of the model that answered, shape `(num_clips,)`.
    """

    corpus: str
    probabilities: np.ndarray
    labels: np.ndarray
    seeds: np.ndarray

    @property
    def classes(self) -> tuple[str, ...]:
        """The emotions of the corpus; probabilities are restricted to them."""
        return corpus_classes(self.corpus)

    def at_temperature(self, temperature: float) -> np.ndarray:
        """Return the calibrated probabilities of `classes`, shape `(num_clips, num_classes)`."""
        return restrict_probabilities(apply_temperature(self.probabilities, temperature), self.classes)

    def evenly_spaced(self, num_clips: int) -> "UnseenClips":
        """Return that many of the clips, evenly spaced, so that no corpus outweighs another."""
        rows = np.linspace(0, len(self.labels) - 1, num_clips).round().astype(int)
        return UnseenClips(self.corpus, self.probabilities[rows], self.labels[rows], self.seeds[rows])


def labels_within(emotions: np.ndarray, corpus: str) -> np.ndarray:
    """Turn indices in `EMOTIONS` into indices in the classes of a corpus."""
    classes = corpus_classes(corpus)
    return np.array([classes.index(EMOTIONS[emotion]) for emotion in emotions])


def clips_of_results(folder: Path, corpus: str) -> UnseenClips:
    """Read what models answered about a corpus in cross-validation, all folds and seeds.

    Args:
        folder: Results of a recipe on a protocol.
        corpus: Name of the tested corpus; files about others are left out.

    Raises:
        FileNotFoundError: If there are none.
    """
    runs = [run for run in read_runs(folder) if list(run.get("per_corpus", [corpus])) == [corpus]]
    if not runs:
        raise FileNotFoundError(
            f"{folder} holds no results on {corpus}: run benchmarks.accuracy.cross_validate first."
        )
    return UnseenClips(
        corpus,
        np.concatenate([at_temperature(run) for run in runs]),
        labels_within(np.concatenate([run["labels"] for run in runs]), corpus),
        np.concatenate([[run["seed"]] * len(run["labels"]) for run in runs]),
    )


def clips_of_checkpoint(folder: Path, corpus: str, data_dir: str) -> UnseenClips:
    """Score a corpus with a checkpoint that was not trained on its speakers.

    Raises:
        ValueError: If the checkpoint was trained on some of them, or does not say on whom.
    """
    clips = load_corpus(corpus, data_dir)
    known = training_speakers(read_training_record(folder))
    if known is None or known & set(clips["actor"]):
        raise ValueError(f"{folder} was trained on speakers of {data_dir}, or does not say on whom.")
    recognizer: Any = EmotionRecognizer.from_pretrained(folder)
    recognizer.model.config.temperature = 1.0
    scores = recognizer.predict([audio["path"] for audio in clips["audio"]])
    probabilities = np.array([list(score.values()) for score in scores])
    labels = labels_within(np.array(clips["emotion"][:]), corpus)
    return UnseenClips(corpus, probabilities, labels, np.zeros(len(labels), int))


def fit(corpora: dict[str, UnseenClips]) -> dict[str, Any]:
    """Fit temperature, threshold and confidence steps, each corpus counting the same.

    Args:
        corpora: The answers, by what a table calls them.

    Returns:
        `temperature`, `not_sure_below` and `confidence_steps`; `wanted_accuracy`; and by corpus, in
        `fitted_on`, what `measure` says.

    Raises:
        ValueError: If one of them is RAVDESS, whose speakers test the checkpoint.
    """
    if any(clips.corpus.startswith(NEVER_FITTED_ON) for clips in corpora.values()):
        raise ValueError(
            f"{NEVER_FITTED_ON} has the speakers that test the checkpoint: fit on other corpora."
        )
    smallest = min(len(clips.labels) for clips in corpora.values())
    even = [clips.evenly_spaced(smallest) for clips in corpora.values()]
    temperature = fit_shared_temperature([(each.probabilities, each.labels, each.classes) for each in even])
    temperature = round(temperature, 2)
    calibrated = [each.at_temperature(temperature) for each in even]
    # Corpora differ in their classes, but thresholds and steps only ask whether the likeliest one is right.
    highest = np.concatenate([each.max(axis=1) for each in calibrated])
    is_right = np.concatenate(
        [each.argmax(axis=1) == clips.labels for each, clips in zip(calibrated, even, strict=True)]
    )
    answers, wrong = np.stack([highest, np.zeros_like(highest)], axis=1), (~is_right).astype(int)
    threshold = choose_operating_point(answers, wrong, WANTED_ACCURACY).threshold
    return {
        "temperature": temperature,
        "wanted_accuracy": WANTED_ACCURACY,
        "not_sure_below": threshold,
        "confidence_steps": fit_confidence_steps(answers, wrong),
        "fitted_on": {name: measure(clips, temperature, threshold) for name, clips in corpora.items()},
    }


def measure(clips: UnseenClips, temperature: float, threshold: float) -> dict[str, Any]:
    """Measure a fit on a corpus.

    Returns:
        `num_clips`, however many seeds answered; the expected calibration error before (`ece_uncalibrated`)
        and after (`ece`), the mean over seeds; `coverage`, the share of clips with an answer; and `accuracy`,
        the share of those answers that are right.
    """
    errors = []
    for seed in np.unique(clips.seeds):  # the clips of several seeds at once would look better calibrated
        of_seed = clips.seeds == seed
        errors.append(
            [
                expected_calibration_error(clips.at_temperature(each)[of_seed], clips.labels[of_seed])
                for each in (1.0, temperature)
            ]
        )
    point = operating_point(clips.at_temperature(temperature), clips.labels, threshold)
    return {
        "num_clips": len(clips.labels) // len(errors),
        **dict(zip(("ece_uncalibrated", "ece"), np.mean(errors, axis=0).tolist(), strict=True)),
        "coverage": point.coverage,
        "accuracy": point.accuracy,
    }


def calibration_table(result: dict[str, Any]) -> list[str]:
    """Return the Markdown lines for `docs/results.md`."""
    threshold, wanted = 100 * result["not_sure_below"], 100 * result["wanted_accuracy"]
    lines = [
        '## Calibration, and when to answer "not sure"',
        "",
        f"Scores are divided by a temperature of **{result['temperature']:.2f}**. Where no emotion reaches a "
        f'probability of **{threshold:.0f} %**, the answer is "not sure": the lowest threshold above which '
        f"{wanted:.0f} % of the answers were right. Both were fitted on unseen speakers of the other corpora "
        "below, each of which counts the same; RAVDESS decided nothing. ECE is the expected calibration "
        "error in 15 bins.",
        "",
        "| speakers | clips | ECE uncalibrated | ECE | gets an answer | answers that are right |",
        "|---|---|---|---|---|---|",
    ]
    for name, scores in {**result["fitted_on"], **result["measured_on"]}.items():
        lines.append(
            f"| {name} | {scores['num_clips']} | {scores['ece_uncalibrated']:.3f} | **{scores['ece']:.3f}** "
            f"| {100 * scores['coverage']:.0f} % | {100 * scores['accuracy']:.1f} % |"
        )
    picture = f"![Reliability diagram of the calibrated probabilities](images/{result['picture']}.png)"
    return [*lines, "", picture, "", "Made by:", "", "```shell", result["command"], "```", ""]


def write_into_checkpoint(config_file: Path, result: dict[str, Any]) -> None:
    """Write the fit into the configuration of a checkpoint, whose other values stay as they are."""
    config = json.loads(config_file.read_text(encoding="utf-8"))
    config |= {name: result[name] for name in ("temperature", "not_sure_below", "confidence_steps")}
    text = json.dumps(dict(sorted(config.items())), indent=2)
    config_file.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str], root: Path = ROOT) -> None:
    """Parse, fit, write, show."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--recipe", default=SHIPPED_RECIPE, help="folder of the recipe's results")
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoint"), help="folder to write into")
    parser.add_argument("--left_out", default="nemo", help="corpus that models of the recipe left out")
    parser.add_argument("--unseen", default="emodb", help="corpus that the checkpoint itself scores")
    parser.add_argument("--data_dir", default="data/emodb", help="folder of that corpus")
    parser.add_argument("--output", default="calibration", help="name of the result file")
    args = parser.parse_args(arguments)
    results = root / "benchmarks" / "results"
    corpora = {
        f"{CORPUS_TITLES[args.left_out]}, the recipe trained without it": clips_of_results(
            results / LEAVE_ONE_CORPUS_OUT / args.recipe, args.left_out
        ),
        f"{CORPUS_TITLES[args.unseen]}, the checkpoint": clips_of_checkpoint(
            root / args.checkpoint, args.unseen, args.data_dir
        ),
    }
    fitted = fit(corpora)
    at_home = {}
    if (results / HOME / args.recipe).is_dir():
        clips = clips_of_results(results / HOME / args.recipe, "ravdess")
        at_home[f"RAVDESS, the recipe on {HOME}"] = measure(
            clips, fitted["temperature"], fitted["not_sure_below"]
        )
    result = {
        **fitted,
        "measured_on": at_home,
        "picture": args.output.replace("calibration", "reliability"),
        "command": shlex.join(["python", "-m", "benchmarks.accuracy.calibrate", *arguments]),
    }
    (results / f"{args.output}.json").write_text(json.dumps(result, indent=1) + "\n")
    write_into_checkpoint(root / args.checkpoint / "config.json", result)
    shown = list(corpora.values())[-1]
    figure = reliability_figure(
        shown.at_temperature(fitted["temperature"]),
        shown.labels,
        title=f"Reliability on {CORPUS_TITLES[shown.corpus]}",
    )
    figure.savefig(root / "docs" / "images" / f"{result['picture']}.png", dpi=110)
    print("\n".join(calibration_table(result)))
    print(f"\nIts ONNX graph has other settings now: run `python -m ser export --model {args.checkpoint}`.")


if __name__ == "__main__":
    main(sys.argv[1:])
