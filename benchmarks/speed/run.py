"""How fast it is: each goal beside what was measured on real clips.

    python -m benchmarks.speed.run --data_dir data/ravdess --emodb_dir data/emodb

Prints the table, keeps it in `benchmarks/results/speed.json` and writes it to `docs/performance.md`, missed
goals included. `--only files,start` measures these steps anew and keeps the others.
"""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before anything is imported that reads it
import torch

from benchmarks.speed.browser import measure_browser
from benchmarks.speed.paths import measure_files, measure_integers
from benchmarks.speed.programs import measure_scoring, measure_start, measure_users
from benchmarks.speed.rows import Row
from benchmarks.speed.training import measure_training
from ser.__main__ import CommandParser
from ser.corpora.together import load_corpus
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.onnx.recognizer import GRAPH_FILE, QUANTIZED_FILE, OnnxRecognizer
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("torch", "transformers", "onnxruntime", "gradio", "librosa", "soundfile", "soxr")
STEPS = ("files", "scoring", "start", "users", "browser", "training", "integers", "accurate")
NUM_CLIPS, NUM_REPEATS = 24, 7
VERDICTS = {True: "met", False: "**missed**", None: ""}


def steps(model: Path, accurate: Path, data_dir: str, emodb_dir: str) -> dict[str, Callable[[], list[Row]]]:
    """Return what measures each of `STEPS`, on clips of speakers that no training saw."""
    clips = load_corpus("ravdess", data_dir, actors=SHIPPED_TEST_ACTORS)
    files = [Path(audio["path"]).resolve() for audio in clips["audio"]]
    some = files[:: len(files) // NUM_CLIPS][:NUM_CLIPS]
    recognizer, onnx = MfccLstmRecognizer.from_pretrained(model), OnnxRecognizer(model / GRAPH_FILE)
    return {
        "files": lambda: measure_files(recognizer, onnx, some, NUM_REPEATS),
        "scoring": lambda: measure_scoring(model, files),
        "start": lambda: measure_start(model, files[0]),
        "users": measure_users,
        "browser": lambda: measure_browser(model, files[0]),
        "training": lambda: measure_training(recognizer.model, recognizer.feature_extractor, files[::2], 3),
        "integers": lambda: measure_integers(
            "8-bit graph beside the float32 graph",
            onnx,
            OnnxRecognizer(model / QUANTIZED_FILE),
            load_corpus("emodb", emodb_dir),
            NUM_REPEATS,
        ),
        "accurate": lambda: measure_integers(
            "graph of the accurate model beside torch",
            MfccLstmRecognizer.from_pretrained(accurate),
            OnnxRecognizer(accurate / GRAPH_FILE),
            load_corpus("emodb", emodb_dir),
            NUM_REPEATS,
        ),
    }


def document(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of `docs/performance.md`."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield "# Performance"
    yield ""
    yield (
        f"Written by `make bench`: {_processor()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {versions}. The clips are RAVDESS's, actors 21 to 24, 48 kHz FLAC. "
        f"Times are processor time and medians of {NUM_REPEATS}, taken in turns; users and browser are timed "
        "by the clock. The load is the number of other programs that were running before."
    )
    yield ""
    yield "| what | goal | measured | | date | load |"
    yield "|---|---|---|---|---|---|"
    for step in STEPS:
        if step in found:
            for row in (Row(*each) for each in found[step]["rows"]):
                cells = (row.what, row.goal, row.measured, VERDICTS[row.is_met])
                yield f"| {' | '.join(cells)} | {found[step]['date']} | {found[step]['load']} |"
        else:
            yield f"| {step} | | not measured | | | |"
    yield ""
    yield from (ROOT / "benchmarks" / "speed" / "notes.md").read_text(encoding="utf-8").splitlines()


def _processor() -> str:
    names = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("model name")[2].partition("\n")[0]
    return names.strip(" \t:") or platform.machine()


def main(arguments: list[str]) -> None:
    """Measure the steps, print their rows, and write result file and document after each."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "checkpoint", help="folder of a checkpoint")
    parser.add_argument(
        "--accurate", type=Path, default=ROOT / "checkpoint-accurate", help="the accurate one"
    )
    parser.add_argument("--data_dir", required=True, help="RAVDESS's folder")
    parser.add_argument("--emodb_dir", required=True, help="EmoDB's folder")
    parser.add_argument("--only", default=",".join(STEPS), help="steps to measure, separated by commas")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "speed.json")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    args = parser.parse_args(arguments)
    wanted = args.only.split(",")
    if unknown := set(wanted) - set(STEPS):
        parser.error(f"--only takes {', '.join(STEPS)}; got {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    measures = steps(args.model.resolve(), args.accurate, args.data_dir, args.emodb_dir)
    found = json.loads(args.results.read_text(encoding="utf-8")) if args.results.exists() else {}
    for step in wanted:
        load = round(os.getloadavg()[0], 1)
        rows = measures[step]()
        found[step] = {"date": date.today().isoformat(), "load": load, "rows": rows}
        for row in rows:
            print(f"{VERDICTS[row.is_met]:10} {row.what}: {row.measured}  [{row.goal}]", flush=True)
        args.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        args.output.write_text("\n".join(document(found)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
