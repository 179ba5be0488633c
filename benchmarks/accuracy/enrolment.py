"""Measure how much enrolment helps: a speaker's features shifted towards the mean of the training data.

    python -m benchmarks.accuracy.enrolment --ravdess_dir data/ravdess --emodb_dir data/emodb

Some recordings of each speaker, without labels, are enrolled (`MfccLstmRecognizer.enrol`), and the speaker's
other clips are scored. Writes benchmarks/results/enrolment.json and the table of docs/conversations.md.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sklearn.metrics import recall_score

from benchmarks.report.blocks import write_block
from ser.__main__ import CommandParser
from ser.corpora import load_emodb, load_ravdess
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

ROOT = Path(__file__).resolve().parents[2]
RESULTS, DOCUMENT = ROOT / "benchmarks/results/enrolment.json", ROOT / "docs/conversations.md"
NUM_ENROLLED = 10  # recordings of each speaker, at most
NUM_DRAWS = 5  # of these recordings
KINDS = {"clips of any emotion": None, "neutral clips": "neutral"}


def measure(recognizer: MfccLstmRecognizer, rows: Dataset) -> dict[str, dict[str, Any]]:
    """Return the UAR without and with enrolment, for each kind of enrolled recordings.

    Of a speaker's clips of the kind, at most half are enrolled; the others of all kinds are scored. Scores
    are means over the draws; the interval of the gain in accuracy is a bootstrap over speakers.
    """
    names = np.array(rows.features["emotion"].names)
    labels, speakers = names[rows["emotion"]], np.array(list(map(str, rows["actor"])))
    clips = [(recognizer.load(audio["path"]), recognizer.sampling_rate) for audio in rows["audio"]]
    plain = answers(recognizer, clips)
    found = {}
    for kind, emotion in KINDS.items():
        scores = []
        gains: dict[str, list[float]] = {speaker: [] for speaker in np.unique(speakers)}
        for draw in range(NUM_DRAWS):
            rng = np.random.default_rng(draw)
            adapted, scored = plain.copy(), np.ones(len(labels), dtype=bool)
            for speaker, gain in gains.items():
                own = np.flatnonzero(speakers == speaker)
                choice = own if emotion is None else own[labels[own] == emotion]
                enrolled = rng.choice(choice, min(NUM_ENROLLED, len(choice) // 2), replace=False)
                scored[enrolled] = False
                own = np.setdiff1d(own, enrolled)
                adapted[own] = answers(
                    recognizer.enrol([clips[i] for i in enrolled]), [clips[i] for i in own]
                )
                gain.append(np.mean(adapted[own] == labels[own]) - np.mean(plain[own] == labels[own]))
            scores.append(
                [
                    recall_score(labels[scored], each[scored], average="macro", labels=np.unique(labels))
                    for each in (plain, adapted)
                ]
            )
        of_speakers = np.array([np.mean(gain) for gain in gains.values()])
        drawn = np.random.default_rng(0).choice(of_speakers, (10_000, len(of_speakers))).mean(axis=1)
        without, enrolled_uar = np.mean(scores, axis=0).tolist()
        found[kind] = {
            "uar": without,
            "uar_enrolled": enrolled_uar,
            "accuracy_gain": float(of_speakers.mean()),
            "accuracy_gain_interval": np.quantile(drawn, [0.025, 0.975]).tolist(),
        }
    return found


def answers(recognizer: MfccLstmRecognizer, clips: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """Return the likeliest emotion of each clip."""
    waveforms = [waveform for waveform, _ in clips]
    return np.array(recognizer.emotions)[recognizer.predict_probabilities(waveforms).argmax(axis=1)]


def table(result: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the document."""
    yield "| corpus | enrolled | UAR without | UAR with | gain in accuracy, 95 % interval over speakers |"
    yield "|---|---|---|---|---|"
    for corpus, kinds in result["scores"].items():
        for kind, scores in kinds.items():
            low, high = scores["accuracy_gain_interval"]
            yield (
                f"| {corpus} | {kind} | {100 * scores['uar']:.1f} % | {100 * scores['uar_enrolled']:.1f} % "
                f"| {100 * scores['accuracy_gain']:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f}) |"
            )
    yield from ("", "Made by:", "", "```shell", result["command"], "```")


def main(arguments: list[str]) -> None:
    """Measure and write."""
    parser: argparse.ArgumentParser = CommandParser(description=__doc__)
    parser.add_argument("--model", default="checkpoint", help="folder of an MFCC-LSTM")
    parser.add_argument("--ravdess_dir", required=True, help="the RAVDESS speech clips")
    parser.add_argument("--emodb_dir", required=True, help="the clips of EmoDB")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    recognizer = MfccLstmRecognizer.from_pretrained(args.model)
    ravdess = load_ravdess(args.ravdess_dir)
    unseen = ravdess.select(np.flatnonzero(np.isin(ravdess["actor"], SHIPPED_TEST_ACTORS)))
    emodb = load_emodb(args.emodb_dir)
    names = np.array(emodb.features["emotion"].names)
    known = emodb.select(np.flatnonzero(np.isin(names[emodb["emotion"]], recognizer.emotions)))
    corpora = {"EmoDB": known, "RAVDESS, unseen actors": unseen}
    result = {
        "scores": {name: measure(recognizer, rows) for name, rows in corpora.items()},
        "command": shlex.join(["python", "-m", "benchmarks.accuracy.enrolment", *arguments]),
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    write_block(DOCUMENT, "enrolment", table(result))
    print("\n".join(table(result)))


if __name__ == "__main__":
    main(sys.argv[1:])
