"""One row a clip whatever happens: broken files, killed runs, crashing decoders, any number of workers."""

import csv
import json
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import soundfile
from random_checkpoint import save_random_checkpoint

from ser.audio import AudioError
from ser.batch import cli as predict
from ser.batch import job as jobs
from ser.batch.diary import MAX_DEATHS
from ser.batch.worker import score_part
from ser.labels import EMOTIONS
from ser.onnx.export import export_onnx
from ser.recognizer import EmotionRecognizer
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

RATE = 16_000
NUM_CLIPS = 24
BROKEN = {5: b"", 17: b"RIFF nothing of the kind"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    return str(save_random_checkpoint(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def graph(recognizer, tmp_path_factory) -> str:
    file, _ = export_onnx(recognizer, tmp_path_factory.mktemp("graph"))
    return str(file)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    for number in range(NUM_CLIPS):
        time_seconds = np.arange(int(rng.uniform(0.2, 0.6) * RATE)) / RATE
        waveform = 0.1 * np.sin(2 * np.pi * (100 + 20 * number) * time_seconds)
        waveform += 0.01 * rng.standard_normal(time_seconds.size)
        soundfile.write(folder / f"{number:02d}.wav", waveform, RATE)
    for number, content in BROKEN.items():
        (folder / f"{number:02d}.wav").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def recognizer(checkpoint) -> EmotionRecognizer:
    return EmotionRecognizer.from_pretrained(checkpoint)


def run(checkpoint: str, output: Path, *sources: object, workers: int = 1) -> list[dict]:
    options = ["--num_workers", str(workers), "--clips_per_part", "5"]
    predict.main(["--model", checkpoint, "--output", str(output), *options, *map(str, sources)])
    assert [file.name for file in output.parent.iterdir()] == [output.name], "something is left over"
    return pyarrow.parquet.read_table(output).to_pylist() if output.suffix == ".parquet" else []


def assert_right(rows: list[dict], clips: Path, recognizer: EmotionRecognizer) -> None:
    assert [row["path"] for row in rows] == [str(clips / f"{n:02d}.wav") for n in range(NUM_CLIPS)]
    for number, row in enumerate(rows):
        if number in BROKEN:
            with pytest.raises(AudioError) as error:
                recognizer.predict(row["path"])
            assert row["error"] == str(error.value)
            assert {row[name] for name in ("emotion", "duration_seconds", *EMOTIONS)} == {None}
        else:
            expected = recognizer.predict(row["path"])
            assert row["error"] is None
            assert row["emotion"] == max(expected, key=expected.__getitem__)
            np.testing.assert_allclose(
                [row[name] for name in EMOTIONS], list(expected.values()), rtol=0, atol=1e-5
            )
            seconds = soundfile.info(row["path"]).duration
            assert row["duration_seconds"] == pytest.approx(seconds, abs=1e-4)


def test_every_clip_has_its_row_and_a_broken_file_its_reason(checkpoint, clips, recognizer, tmp_path, capsys):
    rows = run(checkpoint, tmp_path / "scores.parquet", clips)
    assert_right(rows, clips, recognizer)
    assert f"{NUM_CLIPS} clips; 2 could not be read" in capsys.readouterr().out


@pytest.mark.parametrize("workers", [1, 2])
def test_clips_of_an_enrolled_speaker_are_compared_with_the_recordings(
    checkpoint, clips, recognizer, tmp_path, workers
):
    own = tmp_path / "own"
    own.mkdir()
    for number in (0, 1, 2):
        (own / f"{number}.wav").write_bytes((clips / f"{number:02d}.wav").read_bytes())
    output = tmp_path / "out" / "scores.parquet"
    output.parent.mkdir()
    rows = run(checkpoint, output, "--enrol", own, clips, workers=workers)
    assert_right(rows, clips, recognizer.enrol([clips / f"{number:02d}.wav" for number in range(3)]))
    with pytest.raises(SystemExit, match=r"05\.wav"):
        run(checkpoint, output.with_name("other.parquet"), "--enrol", clips, clips)  # one is broken


def test_every_format_holds_the_same_rows(checkpoint, clips, tmp_path):
    folders = {form: tmp_path / form for form in ("parquet", "csv", "jsonl")}
    for form, folder in folders.items():
        folder.mkdir()
        rows = run(checkpoint, folder / f"scores.{form}", clips) or rows  # noqa: F821 -- Parquet comes first
    with (folders["csv"] / "scores.csv").open(newline="") as lines:
        in_csv = list(csv.DictReader(lines))
    in_json = [json.loads(line) for line in (folders["jsonl"] / "scores.jsonl").read_text().splitlines()]
    assert len(in_csv) == len(in_json) == NUM_CLIPS
    for row, of_csv, of_json in zip(rows, in_csv, in_json, strict=True):
        for name, value in row.items():
            if isinstance(value, float):
                assert float(of_csv[name]) == of_json[name] == pytest.approx(value, abs=1e-6)
            else:
                assert of_csv[name] == (value or "")
                assert of_json[name] == value


def test_a_manifests_paths_start_from_where_it_lies(checkpoint, clips, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text(f"{os.path.relpath(clips, tmp_path)}/03.wav\nnot-there.wav\n")
    rows = run(checkpoint, tmp_path / "out" / "scores.parquet", "--manifest", tmp_path / "list.txt")
    assert [row["error"] is None for row in rows] == [True, False]
    assert "not-there.wav is not there" in rows[1]["error"]


def main_of_a_fork(arguments: list[str]) -> None:
    """Run the program without the server that earlier tests may have started, which is no child of a fork."""
    multiprocessing.forkserver._forkserver._forkserver_pid = None
    predict.main(arguments)


def kill_when_parts_are_there(process: multiprocessing.Process, folder: Path, num_parts: int) -> None:
    """Send SIGKILL as soon as so many parts are written."""
    while process.is_alive() and len(list(folder.glob("part-*.parquet"))) < num_parts:
        time.sleep(0.002)
    process.kill()
    process.join()


@pytest.mark.parametrize(("backend", "workers"), [("torch", 1), ("onnx", 2)])
def test_a_killed_run_goes_on_without_a_lost_or_double_row(
    checkpoint, graph, clips, recognizer, tmp_path, monkeypatch, capfd, backend, workers
):
    """Workers that an ONNX file suffices start in a moment; it is the same engine for both."""
    output = tmp_path / "scores.parquet"
    folder = jobs.parts_folder(output)
    model = ["--model", checkpoint if backend == "torch" else graph, "--backend", backend]
    arguments = [*model, "--output", str(output), "--num_workers", str(workers)]
    arguments += ["--clips_per_part", "2", str(clips)]
    for num_parts in (1, 4, 8):
        with monkeypatch.context() as patched:  # the job cannot end before it is killed
            patched.setattr(predict, "join_parts", lambda *_: time.sleep(600))
            killed = multiprocessing.get_context("fork").Process(target=main_of_a_fork, args=(arguments,))
            killed.start()
        kill_when_parts_are_there(killed, folder, num_parts)
        assert killed.exitcode == -signal.SIGKILL
        assert not output.exists()
    finished = list(folder.glob("part-*.parquet"))
    assert len(finished) >= 8
    scored: list[int] = []
    monkeypatch.setattr(
        "ser.batch.local_engine.score_part",
        lambda job, part, recognizer: scored.append(part) or score_part(job, part, recognizer),
    )
    rows = run(model[1], output, "--backend", backend, clips)
    assert len(scored) == NUM_CLIPS // 2 - len(finished), "what was done is done again"
    assert "Resuming after" in capfd.readouterr().err
    assert_right(rows, clips, recognizer)


def test_a_run_killed_while_it_tidied_up_is_finished(checkpoint, clips, recognizer, tmp_path, monkeypatch):
    output = tmp_path / "scores.parquet"
    monkeypatch.setattr(jobs, "clear", lambda folder: os.kill(os.getpid(), signal.SIGKILL))
    arguments = ["--model", checkpoint, "--output", str(output), "--num_workers", "1", str(clips)]
    killed = multiprocessing.get_context("fork").Process(target=predict.main, args=(arguments,))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert jobs.parts_folder(output).exists() == (not output.exists())
    monkeypatch.undo()
    assert_right(run(checkpoint, output, clips), clips, recognizer)
    jobs.parts_folder(output).mkdir()
    (
        jobs.parts_folder(output) / "part-00000000.parquet"
    ).touch()  # left by one that was killed a moment later
    with pytest.raises(SystemExit, match="exists"):
        run(checkpoint, output, clips)
    assert [file.name for file in tmp_path.iterdir()] == [output.name]


def test_a_job_is_not_mixed_with_another(checkpoint, clips, recognizer, tmp_path):
    output = tmp_path / "scores.parquet"
    folder = jobs.parts_folder(output)
    settings = {"sources": ["elsewhere"], "root": "."}
    with jobs.locked(folder):
        jobs.start_or_resume(folder, settings, ["1.wav"])
    with pytest.raises(SystemExit, match="emotions, model, path_column, root, sources differ"):
        run(checkpoint, output, clips)
    assert_right(run(checkpoint, output, "--overwrite", clips), clips, recognizer)
    with pytest.raises(SystemExit, match="exists"):
        run(checkpoint, output, clips)


def test_two_runs_at_a_time_are_refused(checkpoint, clips, tmp_path):
    output = tmp_path / "scores.parquet"
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()

    def hold() -> None:
        with jobs.locked(jobs.parts_folder(output)):
            ready.set()
            done.wait()

    other = context.Process(target=hold)
    other.start()
    ready.wait()
    with pytest.raises(SystemExit, match="Another process works on"):
        run(checkpoint, output, clips)
    done.set()
    other.join()
    assert not list(tmp_path.iterdir())


def test_a_clip_that_ends_its_process_is_left_unread(recognizer, clips, tmp_path):
    """As a decoder does that crashes: each process that reads the clip dies, the rows come all the same."""

    class Crashing(MfccLstmRecognizer):
        def load(self, clip):
            if clip.name == "03.wav":
                os.kill(os.getpid(), signal.SIGKILL)
            return super().load(clip)

    folder = tmp_path / "job"
    folder.mkdir()
    listed = [str(clips / f"{n:02d}.wav") for n in range(5)]
    job = jobs.start_or_resume(folder, {"root": "", "emotions": list(EMOTIONS)}, listed)
    crashing = Crashing(recognizer.model, recognizer.feature_extractor)
    context = multiprocessing.get_context("fork")
    for attempt in range(MAX_DEATHS + 1):
        process = context.Process(target=score_part, args=(job, 0, crashing))
        process.start()
        process.join()
        assert (process.exitcode == 0) == (attempt == MAX_DEATHS)
    rows = pyarrow.parquet.read_table(job.part_file(0)).to_pylist()
    assert [row["error"] is None for row in rows] == [True, True, True, False, True]
    assert "ended 3 times while reading" in rows[3]["error"]


def test_no_sound_among_the_sources_is_an_error_that_leaves_nothing(checkpoint, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").mkdir()
    with pytest.raises(SystemExit, match="no sound file"):
        run(checkpoint, tmp_path / "out" / "scores.csv", tmp_path / "empty")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--output", "x.parquet"], "give sources, or a --manifest"),
        (["--output", "x.parquet", "--manifest", "m.csv", "clip.wav"], "give sources, or a --manifest"),
        (["--output", "x.xlsx", "clip.wav"], "must end in one of .parquet, .csv, .jsonl, got x.xlsx"),
        (["--output", "x.csv", "--num_workers", "0", "clip.wav"], "--num_workers must be 1 or more, got 0"),
    ],
)
def test_a_command_line_that_cannot_be_is_refused(options, said, capsys):
    with pytest.raises(SystemExit):
        predict.parse_arguments(["--model", "checkpoint", *options])
    assert said in capsys.readouterr().err
