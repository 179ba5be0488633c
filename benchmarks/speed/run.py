"""How fast it is: every goal beside what was measured, in one run on the same real clips.

    python -m benchmarks.speed.run --model checkpoint --data_dir data/ravdess

Prints the table and writes it to `docs/performance.md`, goals that were missed among it, and what many clips
cost to `docs/scale.md`. The same command given again goes on with a run that was broken off. Paths in one
process are timed in turns by the processor time that they use, so that a neighbour on the machine slows all
of them or none; whole programs are timed by the clock.
"""

import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before anything is imported that reads it
import torch

from benchmarks.speed.paths import measure_files, measure_mfcc, measure_onnx
from benchmarks.speed.processes import measure_scoring, measure_starts
from benchmarks.speed.rows import FEW, MANY, Found, Row, all_rows, num_cores
from benchmarks.speed.scale import write_costs
from benchmarks.speed.training import measure_training
from ser.__main__ import CommandParser
from ser.audio import load_audio
from ser.corpora.together import load_corpus
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.onnx.export import export_onnx
from ser.onnx.recognizer import OnnxRecognizer
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = ("torch", "transformers", "onnxruntime", "librosa", "soundfile", "soxr")
# What is read when the numbers below mean something else: a run that was broken off is not gone on with then.
KEPT_HELP = "where findings are kept until the run is over"
MEASURED_CODE = ("ser/**/*.py", "benchmarks/speed/*.py")


def measure(
    model: Path, data_dir: str, num_clips: int, num_repeats: int, num_scored: int, kept: Path
) -> Iterator[dict[str, Found]]:
    """What has been found, after each step; what a run that was broken off had found is not measured again.

    Args:
        model: Folder of a checkpoint.
        data_dir: RAVDESS's folder.
        num_clips: Clips that paths are timed on.
        num_repeats: Times each path is timed.
        num_scored: Clips of the long run of `predict.py`.
        kept: Where findings are kept until the run is over.
    """
    torch.set_num_threads(1)
    clips = load_corpus("ravdess", data_dir, actors=SHIPPED_TEST_ACTORS)
    all_files = [Path(audio["path"]).resolve() for audio in clips["audio"]]
    files = all_files[:: max(1, len(all_files) // num_clips)][:num_clips]
    labels = list(clips["emotion"])
    recognizer = MfccLstmRecognizer.from_pretrained(model)
    rate = recognizer.sampling_rate
    with tempfile.TemporaryDirectory() as folder:
        graph, _ = export_onnx(recognizer, folder)
        onnx = OnnxRecognizer(graph)
        steps: dict[str, Callable[[], Found]] = {
            "mfcc": lambda: measure_mfcc([load_audio(file, rate) for file in files], num_repeats),
            "files": lambda: measure_files(recognizer, onnx, files, num_repeats),
            "onnx": lambda: measure_onnx(recognizer, onnx, all_files, labels, num_repeats),
            "training": lambda: measure_training(
                recognizer.model, recognizer.feature_extractor, all_files[::2], 3
            ),
            "starts": lambda: measure_starts(model.resolve(), graph, files[0]),
            "one worker": lambda: measure_scoring(graph, all_files, FEW, 1),
            "few clips": lambda: measure_scoring(graph, all_files, FEW, num_cores()),
            "many clips": lambda: measure_scoring(graph, all_files, num_scored, num_cores()),
        }
        code = [file.read_bytes() for pattern in MEASURED_CODE for file in sorted(ROOT.glob(pattern))]
        settings = [recognizer.fingerprint(), str(data_dir), num_clips, num_repeats, num_scored, _processor()]
        settings.append(hashlib.sha256(b"".join(code)).hexdigest())
        yield from _all_found(steps, settings, kept)


def _all_found(
    steps: dict[str, Callable[[], Found]], settings: list[Any], kept: Path
) -> Iterator[dict[str, Found]]:
    found: dict[str, Found] = {}
    with suppress(OSError, ValueError):
        before = json.loads(kept.read_text())
        if before["settings"] == settings:
            found = before["found"]
    kept.parent.mkdir(parents=True, exist_ok=True)
    for name, step in steps.items():
        if name in found:
            print(f"{name}: found before", flush=True)
            continue
        start = time.monotonic()
        found[name] = step()
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
        unfinished = kept.with_suffix(".tmp")
        unfinished.write_text(json.dumps({"settings": settings, "found": found}, indent=1))
        unfinished.replace(kept)
        yield found
    yield found


def document(rows: list[Row], num_clips: int, num_repeats: int, load: float) -> str:
    """The text of `docs/performance.md`; `load` is the machine's load average before."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        "# Performance",
        "",
        f"Written by `make bench` on {date.today().isoformat()}: {_processor()}, "
        f"{num_cores()} cores, Python {platform.python_version()}, {versions}. Clips are those of "
        f"RAVDESS's actors 21 to 24. Paths in one process use one thread and are timed in turns, "
        f"{num_repeats} times over {num_clips} clips, by processor time, and compared by their medians; "
        f"whole programs are timed by the clock. Before, {load:.1f} programs were running on the average"
        + (", so that the clock says little." if load > 1 else "."),
        "",
        "| what | beside | goal | measured | |",
        "|---|---|---|---|---|",
    ]
    verdicts = {True: "met", False: "**missed**", None: ""}
    lines += ["| " + " | ".join([*row[:4], verdicts[row.is_met]]) + " |" for row in rows]
    return "\n".join(lines) + "\n\n" + (ROOT / "benchmarks" / "speed" / "notes.md").read_text()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main(arguments: list[str]) -> None:
    """Parses, measures, prints, writes."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ROOT / "checkpoint", help="folder of a checkpoint")
    parser.add_argument("--data_dir", required=True, help="RAVDESS's folder")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--scale", type=Path, default=ROOT / "docs" / "scale.md", help="gets its costs")
    parser.add_argument("--num_clips", type=int, default=24, help="clips that paths are timed on")
    parser.add_argument("--num_repeats", type=int, default=7, help="times each path is timed")
    parser.add_argument("--num_scored", type=int, default=MANY, help="clips of the long run of predict.py")
    parser.add_argument("--kept", type=Path, default=ROOT / "output" / "speed.json", help=KEPT_HELP)
    args = parser.parse_args(arguments)
    load = os.getloadavg()[1]
    settings = (args.num_clips, args.num_repeats)
    rows: list[Row] = []
    # Written after each step, so that a run that is broken off leaves what it found.
    for found in measure(args.model, args.data_dir, *settings, args.num_scored, args.kept):
        rows = all_rows(found)
        args.output.write_text(document(rows, *settings, load), encoding="utf-8")
    write_costs(args.scale, found["few clips"], found["many clips"])
    for row in rows:
        verdict = {True: "met", False: "MISSED", None: "-"}[row.is_met]
        print(f"{verdict:7s} {row.what}\n        {row.measured}  [{row.goal}; beside {row.beside}]")
    args.kept.unlink()
    print(f"Written: {args.output}, {args.scale}")


if __name__ == "__main__":
    main(sys.argv[1:])
