"""Ray's engine gives the rows of the local one, also when a machine dies; the local one needs no Ray."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet
import pytest
import soundfile
from random_checkpoint import save_random_checkpoint

from ser.batch import cli as predict
from ser.batch import job as jobs
from ser.batch.ray_engine import score_on_worker
from ser.batch.worker import ModelChoice
from ser.labels import EMOTIONS
from ser.onnx.export import export_onnx
from ser.recognizer import EmotionRecognizer

REPO = Path(__file__).resolve().parents[2]
RATE = 16_000
NUM_FILES, NUM_REPEATS, CLIPS_PER_PART = 12, 40, 5
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason="Ray is not installed: pip install -r requirements-ray.txt",
)


@pytest.fixture(scope="module")
def graph(tmp_path_factory) -> str:
    folder = save_random_checkpoint(tmp_path_factory.mktemp("model"))
    file, _ = export_onnx(EmotionRecognizer.from_pretrained(folder), tmp_path_factory.mktemp("graph"))
    return str(file)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory) -> Path:
    """A dozen files, one of them broken."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    for number in range(NUM_FILES):
        waveform = 0.1 * rng.standard_normal(int(rng.uniform(0.2, 0.6) * RATE))
        soundfile.write(folder / f"{number}.wav", waveform, RATE)
    (folder / "7.wav").write_bytes(b"RIFF nothing of the kind")
    manifest = folder / "list.txt"
    manifest.write_text("".join(f"{number}.wav\n" for number in range(NUM_FILES)))
    return manifest


@pytest.fixture(scope="module")
def expected(graph, manifest, tmp_path_factory) -> list[dict]:
    """What the local engine says of each file."""
    output = tmp_path_factory.mktemp("expected") / "scores.parquet"
    model = ["--model", graph, "--backend", "onnx"]
    imported = "ray" in sys.modules  # by another test
    predict.main([*model, "--manifest", str(manifest), "--output", str(output), "--num_workers", "1"])
    assert ("ray" in sys.modules) == imported, "the local engine imports Ray"
    rows = pyarrow.parquet.read_table(output).to_pylist()
    assert sum(row["error"] is not None for row in rows) == 1
    return rows


def assert_rows(output: Path, expected: list[dict]) -> None:
    rows = pyarrow.parquet.read_table(output).to_pylist()
    assert len(rows) == len(expected)
    for row, known in zip(rows, expected, strict=True):
        numbers = [name for name, value in known.items() if isinstance(value, float)]
        assert {name: row[name] for name in row if name not in numbers} == {
            name: known[name] for name in known if name not in numbers
        }
        difference = max((abs(row[name] - known[name]) for name in numbers), default=0)
        assert difference < 1e-5
    assert [file.name for file in output.parent.iterdir()] == [output.name], "something is left over"


@needs_ray
@pytest.mark.timeout(600)
def test_a_machine_that_is_killed_loses_and_doubles_no_row(graph, manifest, expected, tmp_path):
    output = tmp_path / "scores.parquet"
    long = manifest.with_name("long.txt")  # seconds of work for two workers
    long.write_text(NUM_REPEATS * manifest.read_text())
    command = [sys.executable, str(Path(__file__).with_name("lose_a_machine.py")), "20", str(output)]
    command += ["--model", graph, "--backend", "onnx", "--manifest", str(long)]
    command += ["--clips_per_part", str(CLIPS_PER_PART), "--num_workers", "2"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    report = json.loads(run.stdout.splitlines()[-1])
    assert report["status"] == 0, report["errors"][-3000:]
    assert report["workers"], "the machine that was lost had taken no part"
    assert 20 <= report["num_parts"] < 0.9 * NUM_REPEATS * NUM_FILES / CLIPS_PER_PART
    assert_rows(output, NUM_REPEATS * expected)


@needs_ray
@pytest.mark.timeout(600)
def test_a_cluster_of_ones_own_is_reached_from_this_machine_alone(graph, manifest, expected, tmp_path):
    output = tmp_path / "scores.parquet"
    command = [sys.executable, "predict.py", "--model", graph, "--backend", "onnx", "--engine", "ray"]
    command += ["--manifest", str(manifest), "--output", str(output)]
    command += ["--clips_per_part", str(CLIPS_PER_PART), "--num_workers", "2"]
    scoring = subprocess.Popen(command, cwd=REPO, stderr=subprocess.PIPE, text=True)
    addresses: set[str] = set()
    while scoring.poll() is None:
        addresses |= listening(scoring.pid)
        time.sleep(0.2)
    assert scoring.returncode == 0, scoring.stderr.read()[-3000:]
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert_rows(output, expected)


def listening(pid: int) -> set[str]:
    """Addresses at which a process and its children take connections."""
    addresses: set[str] = set()
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return addresses
    for process in processes:
        try:
            connections = process.net_connections("inet")
        except psutil.Error:
            continue
        addresses |= {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    return addresses


def test_a_part_is_scored_and_another_model_is_refused(graph, manifest, tmp_path):
    recognizer = EmotionRecognizer.from_pretrained(graph, backend="onnx")
    settings = {"root": str(manifest.parent), "emotions": list(EMOTIONS), "model": recognizer.fingerprint()}
    job = jobs.start_or_resume(tmp_path, settings, ["0.wav", "1.wav", "2.wav"], clips_per_part=2)
    model = ModelChoice(graph, backend="onnx")
    assert [score_on_worker(job, model, part) for part in (0, 1)] == [2, 1]
    assert list(job.unfinished_parts()) == []
    job.settings["model"] = "another"
    with pytest.raises(ValueError, match=f"is another model on {os.uname().nodename}"):
        score_on_worker(job, model, 0)


def test_without_ray_the_engine_says_how_to_get_it(graph, manifest, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    model = ["--model", graph, "--backend", "onnx", "--engine", "ray"]
    with pytest.raises(SystemExit, match="pip install -r requirements-ray"):
        predict.main([*model, "--manifest", str(manifest), "--output", str(tmp_path / "scores.parquet")])
