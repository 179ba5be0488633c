"""Whole programs: the demo from its start to its first answer and with eight users, and batch scoring."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.demo.load import APPS, drive, served
from benchmarks.speed.rows import Row

ROOT = Path(__file__).resolve().parents[2]
START = """
import pathlib, sys, time
from ser.demo.cli import load_recognizer, quick_import
with quick_import():
    from ser.demo.models import Models
    from ser.demo.page import build_demo
models = Models([sys.argv[1]], load_recognizer)
build_demo(models)
models.default.predict(sys.argv[2])
status = pathlib.Path("/proc/self/status").read_text()
print(time.process_time(), status.partition("VmHWM:")[2].split()[0])
"""
GRADIO = """
import time
from ser.demo.cli import quick_import
with quick_import():
    import gradio
print(time.process_time())
"""
NUM_SCORED = 4000


def measure_start(model: Path, clip: Path) -> list[Row]:
    """Start the demo's program and let it answer once."""
    seconds, kilobytes = map(float, _output(["-c", START, str(model), str(clip)]).split()[-2:])
    gradio = float(_output(["-c", GRADIO]))
    megabytes = kilobytes * 1024 / 1e6
    return [
        Row(
            "demo: start to first answer, processor time",
            "<= 1.5 s",
            f"{seconds:.1f} s, of which `import gradio` is {gradio:.1f} s",
            seconds <= 1.5,
        ),
        Row("demo: peak memory", "<= 250 MB", f"{megabytes:.0f} MB", megabytes <= 250),
    ]


def _output(arguments: list[str]) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def measure_users() -> list[Row]:
    """Serve the demo and let eight users ask for the emotions of example clips."""
    with served(APPS["demo"]) as (url, _):
        drive(url, num_users=8, num_requests=100)  # caches and pools fill
        found = drive(url, num_users=8, num_requests=600)
    rate, p95 = found["requests_per_second"], found["p95_ms"]
    return [
        Row(
            f"8 users on {os.cpu_count()} cores, who share them",
            ">= 50 requests a second, p95 <= 250 ms",
            f"{rate:.0f} a second, p95 {p95} ms",
            rate >= 50 and p95 <= 250,
        )
    ]


def measure_scoring(model: Path, files: Sequence[Path]) -> list[Row]:
    """Score the files again and again with one worker."""
    with tempfile.TemporaryDirectory() as folder:
        manifest, output = Path(folder) / "clips.txt", Path(folder) / "scores.parquet"
        lines = [str(files[row % len(files)]) for row in range(NUM_SCORED)]
        manifest.write_text("\n".join(lines), encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        arguments = ["predict.py", "--model", str(model), "--backend", "onnx", "--num_workers", "1"]
        printed = _output([*arguments, "--manifest", str(manifest), "--output", str(output)])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if f"({NUM_SCORED} clips)" not in printed:
        raise RuntimeError(f"predict.py did not score {NUM_SCORED} clips: {printed}")
    rate = NUM_SCORED / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    measured = f"{rate:.0f}: a million clips take {1e6 / rate / 3600:.1f} core hours"
    return [Row("batch scoring, clips a second a core", ">= 450", measured, rate >= 450)]
