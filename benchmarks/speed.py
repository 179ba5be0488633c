"""How fast it is: every goal beside what was measured, in one run on the same real clips.

    python benchmarks/speed.py --model checkpoint --data_dir data/ravdess

Prints the table and writes it to `docs/performance.md`, goals that were missed among it. Paths in one process
are timed in turns by the processor time that they use, so that a neighbour on the machine slows all of them
or none; whole programs are timed by the clock.
"""

import argparse
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"  # before anything is imported that reads it
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from benchmarks.speed_paths import measure_files, measure_mfcc, measure_onnx  # noqa: E402
from benchmarks.speed_processes import measure_scoring, measure_starts  # noqa: E402
from benchmarks.speed_training import measure_training  # noqa: E402
from ser.audio import load_audio  # noqa: E402
from ser.corpora import load_ravdess  # noqa: E402
from ser.inference import EmotionRecognizer  # noqa: E402
from ser.onnx_backend import OnnxRecognizer  # noqa: E402
from ser.onnx_export import export_onnx  # noqa: E402
from ser.splits import SHIPPED_TEST_ACTORS  # noqa: E402

PACKAGES = ("torch", "transformers", "onnxruntime", "librosa", "soundfile", "soxr")


class Row(NamedTuple):
    """A line of the table; `is_met` is `None` where no goal is set."""

    what: str
    beside: str
    goal: str
    measured: str
    is_met: bool | None = None


def measure(model: Path, data_dir: Path, num_clips: int, num_repeats: int, num_scored: int) -> list[Row]:
    """Every row, in the order of the table."""
    torch.set_num_threads(1)
    clips = load_ravdess(data_dir, actors=list(SHIPPED_TEST_ACTORS))
    all_files = [Path(audio["path"]).resolve() for audio in clips["audio"]]
    files = all_files[:: max(1, len(all_files) // num_clips)][:num_clips]
    recognizer = EmotionRecognizer.from_pretrained(model)
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        export_onnx(recognizer, graph)
        onnx_recognizer = OnnxRecognizer(graph)
        labels = [recognizer.emotions.index(name) for name in _names(clips)]
        rows = _mfcc_rows(recognizer, files, num_repeats)
        rows += _file_rows(recognizer, onnx_recognizer, files, num_repeats)
        rows += _onnx_rows(recognizer, onnx_recognizer, all_files, labels, num_repeats)
        found = measure_training(recognizer.model, recognizer.feature_extractor, all_files[::2], 3)
        rows.append(
            Row(
                "training, clips a second an epoch",
                "the same network, packed sequences, features made anew each epoch",
                ">= 4x",
                f"{found['ours'] / found['usual']:.1f}x ({found['ours']:.0f} beside {found['usual']:.0f})",
                found["ours"] >= 4 * found["usual"],
            )
        )
        rows += _start_rows(model, graph, files[0])
        rows += _scoring_rows(graph, all_files, num_scored)
    return rows


def _names(clips: object) -> Iterable[str]:
    feature = clips.features["emotion"]  # type: ignore[attr-defined]
    return (feature.int2str(label) for label in clips["emotion"])  # type: ignore[index]


def _mfcc_rows(recognizer: EmotionRecognizer, files: list[Path], num_repeats: int) -> list[Row]:
    found = measure_mfcc([load_audio(file, recognizer.sampling_rate) for file in files], num_repeats)
    return [
        Row(
            "MFCC of a batch of real clips",
            "`librosa.feature.mfcc`, same settings",
            ">= 8x, largest difference <= 1e-3 of the range",
            f"{found['ratio']:.1f}x ({found['ours_ms']:.2f} beside {found['librosa_ms']:.2f} ms a clip), "
            f"{found['difference']:.0e}",
            found["ratio"] >= 8 and found["difference"] <= 1e-3,
        )
    ]


def _file_rows(
    recognizer: EmotionRecognizer, onnx_recognizer: OnnxRecognizer, files: list[Path], num_repeats: int
) -> list[Row]:
    found = measure_files(recognizer, onnx_recognizer, files, num_repeats)
    rows = []
    for backend in ("torch", "onnx"):
        ours = found[f"{backend}_ms"]
        what = f"file on disk -> probabilities, one by one, {backend}"
        for beside, name, goal in (
            ("wav2vec2-base of transformers (random weights), end to end", "wav2vec2", 100),
            ("the notebook path: `librosa.load`, `librosa.feature.mfcc`, the same network", "notebook", 3),
        ):
            other = found[f"{name}_ms"]
            measured = f"{other / ours:.1f}x ({ours:.1f} beside {other:.1f} ms)"
            rows.append(Row(what, beside, f">= {goal}x", measured, other >= goal * ours))
        floor = (
            f"the floor of {found['floor_ms']:.2f} ms: decoding ({found['decode_ms']:.2f} ms) and the "
            f"network's multiplications at this machine's {found['gigaflops']:.0f} GFLOP/s"
        )
        ratio = ours / found["floor_ms"]
        rows.append(Row(what, floor, "<= 2x the floor", f"{ratio:.1f}x the floor", ratio <= 2))
    return rows


def _onnx_rows(
    recognizer: EmotionRecognizer,
    onnx_recognizer: OnnxRecognizer,
    files: list[Path],
    labels: list[int],
    num_repeats: int,
) -> list[Row]:
    found = measure_onnx(recognizer, onnx_recognizer, files, labels, num_repeats)
    rows = []
    for name, text in (("onnx", "ONNX file"), ("int8", "its int8 variant")):
        ratio, difference = found["torch_ms"] / found[f"{name}_ms"], found[f"{name}_difference"]
        goal = ">= 1.5x, difference <= 1e-4" if name == "onnx" else "its accuracy measured"
        rows.append(
            Row(
                f"{text}, waveform -> probabilities, one by one",
                "the torch path",
                goal,
                f"{ratio:.1f}x ({found[f'{name}_ms']:.2f} beside {found['torch_ms']:.2f} ms), "
                f"largest difference {difference:.0e}; "
                f"UAR {found[f'{name}_uar']:.1f} beside {found['torch_uar']:.1f} "
                f"over {len(files)} clips of unseen actors",
                ratio >= 1.5 and difference <= 1e-4 if name == "onnx" else None,
            )
        )
    return rows


def _start_rows(model: Path, graph: Path, clip: Path) -> list[Row]:
    found = measure_starts(model.resolve(), graph, clip)

    def cost(name: str) -> str:
        return f"{found[name]['cpu_seconds']:.2f} s of processor, {found[name]['megabytes']:.0f} MB"

    encoder = "a wav2vec2-base pipeline from start to first answer: "
    encoder += cost("first answer, wav2vec2-base pipeline")
    return [
        Row(
            "`import ser`",
            f"`from transformers import AutoModel...`: {cost('import transformers')}",
            "lazily imported",
            cost("import ser"),
        ),
        *(
            Row(f"start to {name.replace(', ', ' with ')}", encoder, "measured", cost(name))
            for name in ("first answer, torch", "first answer, ONNX", "first answer, app")
        ),
    ]


def _scoring_rows(graph: Path, files: list[Path], num_scored: int) -> list[Row]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    one = measure_scoring(graph, files, 1000, 1)
    small = measure_scoring(graph, files, 1000, cores)
    large = measure_scoring(graph, files, num_scored, cores)
    growth = large["megabytes"] / small["megabytes"] - 1
    speed_up = large["clips_per_second"] / one["clips_per_second"]
    return [
        Row(
            f"`predict.py --backend onnx`, {cores} workers",
            f"1 worker: {one['clips_per_second']:.0f} clips a second, "
            f"{one['clips_per_cpu_second']:.0f} a second of processor",
            "scales with cores",
            f"{speed_up:.2f}x ({large['clips_per_second']:.0f} clips a second, "
            f"{large['clips_per_cpu_second']:.0f} a second of processor)",
            speed_up >= 0.8 * cores,
        ),
        Row(
            f"peak memory of all its processes at {num_scored} clips",
            f"at 1000 clips: {small['megabytes']:.0f} MB",
            "flat within 10 %",
            f"{large['megabytes']:.0f} MB, {100 * growth:+.0f} %",
            growth <= 0.1,
        ),
    ]


def document(rows: list[Row], command: str) -> str:
    """The text of `docs/performance.md`."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    lines = [
        "# Performance",
        "",
        f"Written by `{command}` (`make bench`) on {date.today().isoformat()}: {_processor()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}. Clips are those of "
        "RAVDESS's actors 21 to 24. Paths in one process use one thread and are timed in turns, by processor "
        "time, and compared "
        "by their medians; whole programs are timed by the clock.",
        "",
        "| what | beside | goal | measured | |",
        "|---|---|---|---|---|",
    ]
    verdicts = {True: "met", False: "**missed**", None: ""}
    lines += ["| " + " | ".join([*row[:4], verdicts[row.is_met]]) + " |" for row in rows]
    return "\n".join(lines) + "\n\n" + (ROOT / "benchmarks" / "speed_notes.md").read_text()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main(arguments: list[str]) -> None:
    """Parses, measures, prints, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--model", type=Path, default=ROOT / "checkpoint", help="folder of a checkpoint")
    parser.add_argument("--data_dir", required=True, help="RAVDESS's folder")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--num_clips", type=int, default=24, help="clips that paths are timed on")
    parser.add_argument("--num_repeats", type=int, default=7, help="times each path is timed")
    parser.add_argument("--num_scored", type=int, default=20_000, help="clips of the long run of predict.py")
    args = parser.parse_args(arguments)
    rows = measure(args.model, args.data_dir, args.num_clips, args.num_repeats, args.num_scored)
    for row in rows:
        verdict = {True: "met", False: "MISSED", None: "-"}[row.is_met]
        print(f"{verdict:7s} {row.what}\n        {row.measured}  [{row.goal}; beside {row.beside}]")
    args.output.write_text(document(rows, shlex.join(["python", "benchmarks/speed.py", *arguments])))
    print(f"Written: {args.output}")


if __name__ == "__main__":
    main(sys.argv[1:])
