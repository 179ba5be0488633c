"""What whole programs cost: start, first answer, memory, and the throughput of `predict.py`."""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pyarrow.compute
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[2]
ENCODER = """
import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification, pipeline
from ser.audio import load_audio
model = Wav2Vec2ForSequenceClassification(Wav2Vec2Config())
classify = pipeline("audio-classification", model=model, feature_extractor=Wav2Vec2FeatureExtractor())
classify(load_audio(CLIP, 16000))
"""
APP = """
from ser.demo.cli import load_recognizer
from ser.demo.models import Models
from ser.demo.page import build_demo
models = Models([MODEL], load_recognizer)
build_demo(models)
models.default.predict(CLIP)
"""
STARTS = {
    "import transformers": "from transformers import AutoModelForAudioClassification",
    "import ser": "import ser",
    "first answer, torch": (
        "from ser import EmotionRecognizer; EmotionRecognizer.from_pretrained(MODEL).predict(CLIP)"
    ),
    "first answer, ONNX": (
        "from ser import EmotionRecognizer; "
        "EmotionRecognizer.from_pretrained(GRAPH, backend='onnx').predict(CLIP)"
    ),
    "first answer, app": APP,
    "first answer, wav2vec2-base pipeline": ENCODER,
}


# The peak of getrusage would be that of this program, which the new one was forked from, if that is larger.
REPORT = """
import pathlib, resource, time
seconds = time.process_time()
try:
    status = pathlib.Path("/proc/self/status").read_text()
    kilobytes = int(status.partition("VmHWM:")[2].split()[0])
except OSError:
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seconds, kilobytes)
"""


class Watch:
    """Runs a program; knows afterwards how long it took and what it and its children used at most.

    Attributes:
        wall_seconds: By the clock.
        cpu_seconds: Of all its processes, as far as they were seen.
        peak_bytes: Largest sum of their memory, shared pages divided among those who share them.
        output: What it wrote to stdout.
    """

    def __init__(self, command: Sequence[str], interval_seconds: float = 0.1):
        start = time.monotonic()
        self.peak_bytes = 0
        self._cpu_seconds: dict[int, float] = {}
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        ended = threading.Event()
        watching = threading.Thread(target=self._watch, args=(process.pid, ended, interval_seconds))
        watching.start()
        self.output, errors = process.communicate()
        ended.set()
        watching.join()
        if process.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{errors[-2000:]}")
        self.wall_seconds = time.monotonic() - start
        self.cpu_seconds = sum(self._cpu_seconds.values())

    def _watch(self, pid: int, ended: threading.Event, interval_seconds: float) -> None:
        while not ended.wait(interval_seconds):
            total = 0
            try:
                parent = psutil.Process(pid)
                processes = [parent, *parent.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for each in processes:
                try:
                    total += each.memory_full_info().pss
                    times = each.cpu_times()
                    self._cpu_seconds[each.pid] = times.user + times.system
                except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
                    continue
            self.peak_bytes = max(self.peak_bytes, total)


def measure_starts(model: Path, graph: Path, clip: Path) -> dict[str, dict[str, float]]:
    """Seconds and megabytes of a fresh process up to each of `STARTS`."""
    names = f"MODEL, GRAPH, CLIP = {str(model)!r}, {str(graph)!r}, {str(clip)!r}\n"
    found = {}
    for name, script in STARTS.items():
        watch = Watch([sys.executable, "-c", names + script + REPORT])
        cpu_seconds, kilobytes = watch.output.split()[-2:]
        found[name] = {
            "cpu_seconds": float(cpu_seconds),
            "wall_seconds": watch.wall_seconds,
            "megabytes": float(kilobytes) * 1024 / 1e6,
        }
    return found


def measure_scoring(graph: Path, files: Sequence[Path], num_clips: int, num_workers: int) -> dict[str, float]:
    """Clips a second and peak memory of `predict.py` over so many clips, the files again and again."""
    with tempfile.TemporaryDirectory() as folder:
        manifest, output = Path(folder) / "clips.txt", Path(folder) / "scores.parquet"
        lines = [str(files[row % len(files)].resolve()) for row in range(num_clips)]
        manifest.write_text("\n".join(lines))
        command = [sys.executable, "predict.py", "--model", str(graph), "--backend", "onnx"]
        command += ["--manifest", str(manifest), "--output", str(output), "--clips_per_part", "256"]
        watch = Watch([*command, "--num_workers", str(num_workers)])
        if f"({num_clips} clips)" not in watch.output:
            raise RuntimeError(f"predict.py did not score {num_clips} clips: {watch.output}")
        seconds = pyarrow.parquet.read_table(output, columns=["duration_seconds"])["duration_seconds"]
    return {
        "num_clips": num_clips,
        "num_workers": num_workers,
        "clips_per_second": num_clips / watch.wall_seconds,
        "clips_per_cpu_second": num_clips / watch.cpu_seconds,
        "megabytes": watch.peak_bytes / 1e6,
        "seconds_a_clip": pyarrow.compute.mean(seconds).as_py(),
        "kilobytes_a_clip": sum(file.stat().st_size for file in files) / len(files) / 1000,
    }
