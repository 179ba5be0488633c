"""Measure how much enrolment helps: some unlabelled recordings of each speaker, scored on the others.

    python -m benchmarks.accuracy.enrolment --ravdess_dir data/ravdess --emodb_dir data/emodb

Scores both checkpoints on EmoDB and on RAVDESS's test actors, and takes their recipes on nEMO left out of the
training from benchmarks/results/leave-one-corpus-out. Writes benchmarks/results/enrolment.json, which
`python -m benchmarks.report.generalisation` shows in docs/generalisation.md.
"""

import argparse
import json
import shlex
import sys
from typing import Any, NamedTuple

import numpy as np
import torch
from datasets import Dataset

from benchmarks.report.measurements import (
    ACCURATE_FOLDER,
    ACCURATE_RECIPE,
    ROOT,
    SHIPPED_FOLDER,
    SHIPPED_RECIPE,
    at_temperature,
    read_runs,
)
from ser.__main__ import CommandParser
from ser.corpora import CORPUS_TITLES, load_emodb, load_ravdess
from ser.evaluation.enrolment import enrol_speakers
from ser.evaluation.metrics import (
    bootstrap_interval_over_actors,
    expected_calibration_error,
    unweighted_average_recall,
)
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT, SHIPPED_TEST_ACTORS
from ser.hub.measurements import read_json
from ser.labels import CLASS_SETS, EMOTIONS, corpus_classes, restrict_probabilities
from ser.recognizer import EmotionRecognizer

RESULTS = ROOT / "benchmarks" / "results" / "enrolment.json"
MODELS = {"small": (SHIPPED_FOLDER, SHIPPED_RECIPE), "accurate": (ACCURATE_FOLDER, ACCURATE_RECIPE)}
NUMBERS = (3, 10)  # of recordings of each speaker, or half of them if there are fewer
NUM_DRAWS = 5  # of these recordings


class Answers(NamedTuple):
    """What a model said of clips: `labels`, an index of `EMOTIONS`, and `speakers` are (num_clips,)."""

    labels: np.ndarray
    speakers: np.ndarray
    probabilities: np.ndarray  # (num_clips, 8)


def measure(answers: Answers, classes: tuple[str, ...], number: int) -> dict[str, Any]:
    """Score on some emotions without and with enrolment, over all draws.

    Clips of other emotions are neither enrolled nor scored. The interval of the gain is a bootstrap over
    speakers.
    """
    chosen = [EMOTIONS.index(emotion) for emotion in classes]
    is_chosen = np.isin(answers.labels, chosen)
    answers = Answers(*(each[is_chosen] for each in answers))
    truth = np.array([chosen.index(label) for label in answers.labels])
    labels, speakers, plain, adapted = [], [], [], []
    for draw in range(NUM_DRAWS):
        relative, is_scored = enrol_speakers(answers.probabilities, answers.speakers, number, seed=draw)
        labels.append(truth[is_scored])
        speakers.append(answers.speakers[is_scored])
        plain.append(restrict_probabilities(answers.probabilities[is_scored], classes))
        adapted.append(restrict_probabilities(relative[is_scored], classes))
    both = [np.concatenate(each) for each in (plain, adapted)]
    all_labels = np.concatenate(labels)
    without, enrolled_uar = (unweighted_average_recall(all_labels, each.argmax(axis=1)) for each in both)
    pairs = both[0].argmax(axis=1) * len(classes) + both[1].argmax(axis=1)

    def gain(labels: np.ndarray, pairs: np.ndarray) -> float:
        before, after = np.divmod(pairs, len(classes))
        return unweighted_average_recall(labels, after) - unweighted_average_recall(labels, before)

    return {
        "uar": without,
        "uar_enrolled": enrolled_uar,
        "gain_interval": bootstrap_interval_over_actors(all_labels, pairs, np.concatenate(speakers), gain),
        "ece": expected_calibration_error(both[0], all_labels),
        "ece_enrolled": expected_calibration_error(both[1], all_labels),
    }


def left_out_answers(folder: str, recipe: str) -> Answers:
    """Return what a recipe says of nEMO when its training leaves nEMO out."""
    (run,) = read_runs(ROOT / "benchmarks" / "results" / LEAVE_ONE_CORPUS_OUT / recipe)
    temperature = read_json(ROOT / folder / "config.json")["temperature"]
    return Answers(np.array(run["labels"]), np.array(run["speakers"]), at_temperature(run, temperature))


def answers_of(recognizer: EmotionRecognizer, rows: Dataset) -> Answers:
    """Return what a checkpoint says of clips."""
    waveforms = [recognizer.load(audio["path"]) for audio in rows["audio"]]
    return Answers(
        np.array(rows["emotion"]), np.array(rows["actor"]), recognizer.predict_probabilities(waveforms)
    )


def main(arguments: list[str]) -> None:
    """Measure and write."""
    parser: argparse.ArgumentParser = CommandParser(description=__doc__)
    parser.add_argument("--ravdess_dir", required=True, help="the RAVDESS speech clips")
    parser.add_argument("--emodb_dir", required=True, help="the clips of EmoDB")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    ravdess, emodb = load_ravdess(args.ravdess_dir), load_emodb(args.emodb_dir)
    unseen = ravdess.select(np.flatnonzero(np.isin(ravdess["actor"], SHIPPED_TEST_ACTORS)))
    rows = []
    for model, (folder, recipe) in MODELS.items():
        recognizer = EmotionRecognizer.from_pretrained(ROOT / folder)
        found = {
            "nemo": left_out_answers(folder, recipe),
            "emodb": answers_of(recognizer, emodb),
            "ravdess": answers_of(recognizer, unseen),
        }
        for corpus, answers in found.items():
            own = corpus_classes(corpus)
            sets = [own] if corpus == "ravdess" else [own, CLASS_SETS["4"]]
            for classes in sets:
                scores = {str(number): measure(answers, classes, number) for number in NUMBERS}
                rows.append({"corpus": corpus, "model": model, "num_emotions": len(classes), **scores})
                print(CORPUS_TITLES[corpus], model, len(classes), scores, flush=True)
    command = shlex.join(["python", "-m", "benchmarks.accuracy.enrolment", *arguments])
    RESULTS.write_text(json.dumps({"rows": rows, "command": command}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
