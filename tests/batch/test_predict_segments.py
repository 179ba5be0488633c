"""Segments by the command: tables, summaries and files for other programs, resumed like any job."""

import csv
import json
from pathlib import Path

import pyarrow.parquet
import pytest
import soundfile
import textgrid
from random_checkpoint import save_random_checkpoint

import predict
from ser.audio import load_audio
from ser.batch import job as jobs
from ser.labels import EMOTIONS
from ser.recognizer import EmotionRecognizer

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.flac"))
RATE = 16_000


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_random_checkpoint(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for number, example in enumerate(EXAMPLES[:4]):
        soundfile.write(folder / f"{number}.wav", load_audio(example, RATE), RATE)
    (folder / "broken.wav").write_bytes(b"RIFF nothing of the kind")
    return folder


def run(checkpoint: str, recordings: Path, output: Path, *options: str) -> None:
    arguments = ["--segments", "--model", checkpoint, "--output", str(output), "--num_workers", "1"]
    predict.main([*arguments, *options, str(recordings)])


def test_tables_hold_every_segment_and_each_speaker(
    checkpoint: str, recordings: Path, tmp_path: Path, capsys
):
    run(checkpoint, recordings, tmp_path / "all.parquet")
    assert "5 clips; 1 could not be read" in capsys.readouterr().out
    rows = pyarrow.parquet.read_table(tmp_path / "all.parquet").to_pylist()
    recognizer = EmotionRecognizer.from_pretrained(checkpoint)
    for number in range(4):
        path = str(recordings / f"{number}.wav")
        found = [row for row in rows if row["path"] == path]
        expected = list(recognizer.segments(path))
        assert [row["emotion"] for row in found] == [each.emotion for each in expected]
        assert [row["start_seconds"] for row in found] == [each.start_seconds for each in expected]
        for row, each in zip(found, expected, strict=True):
            assert each.probabilities is None or each.probabilities == pytest.approx(
                {emotion: row[emotion] for emotion in EMOTIONS}, abs=1e-5
            )
    (broken,) = [row for row in rows if row["error"]]
    assert broken["path"].endswith("broken.wav")
    assert broken["emotion"] is None
    summary = pyarrow.parquet.read_table(tmp_path / "all.summary.parquet").to_pylist()
    assert [Path(row["path"]).name for row in summary] == ["0.wav", "1.wav", "2.wav", "3.wav"]
    for row in summary:
        assert row["speech_seconds"] > 1
        assert sum(row[emotion] for emotion in EMOTIONS) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_text_tables_hold_the_same(checkpoint: str, recordings: Path, tmp_path: Path, kind: str):
    run(checkpoint, recordings, tmp_path / "all.parquet")
    run(checkpoint, recordings, tmp_path / f"all.{kind}")
    expected = pyarrow.parquet.read_table(tmp_path / "all.parquet").to_pylist()
    for name in ("all", "all.summary"):
        with (tmp_path / f"{name}.{kind}").open(newline="") as file:
            rows = list(csv.DictReader(file)) if kind == "csv" else [json.loads(line) for line in file]
        if name == "all":
            assert [row["emotion"] or None for row in rows] == [row["emotion"] for row in expected]
        assert {row["path"] for row in rows} <= {row["path"] for row in expected}


def test_each_recording_gets_a_file_of_another_program(checkpoint: str, recordings: Path, tmp_path: Path):
    run(checkpoint, recordings, tmp_path / "tiers", "--format", "textgrid")
    files = sorted((tmp_path / "tiers").rglob("*.TextGrid"))
    assert [file.name for file in files] == ["0.TextGrid", "1.TextGrid", "2.TextGrid", "3.TextGrid"]
    marks = {each.mark for file in files for each in textgrid.TextGrid.fromFile(str(file))[0]}
    assert any(emotion in mark for emotion in EMOTIONS for mark in marks)


def test_turns_of_all_recordings_are_analysed(checkpoint: str, recordings: Path, tmp_path: Path):
    (tmp_path / "turns.csv").write_text(
        "recording,start,end,speaker\n0.wav,0.5,2.5,anna\n1.wav,0.25,2.75,ben\n1.wav,0.5,1.5,carl\n"
    )
    run(checkpoint, recordings, tmp_path / "all.jsonl", "--turns", str(tmp_path / "turns.csv"))
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    spoken = [(row["speaker"], row["start_seconds"], row["end_seconds"]) for row in rows if not row["error"]]
    assert spoken == [("anna", 0.5, 2.5), ("ben", 0.25, 2.75), ("carl", 0.5, 1.5)]
    assert "holds no turn of 2" in next(row["error"] for row in rows if row["path"].endswith("2.wav"))


def test_a_killed_job_goes_on_after_its_last_part(
    checkpoint: str, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run(checkpoint, recordings, tmp_path / "whole.csv", "--clips_per_part", "1")
    replacing, num_calls = jobs.replacing, 0

    def kill_later(*arguments):
        nonlocal num_calls
        num_calls += "part-" in str(arguments[0])
        if num_calls == 3:
            raise KeyboardInterrupt
        return replacing(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("ser.batch.segmenting.replacing", kill_later)
        with pytest.raises(SystemExit, match="Give the same command again"):
            run(checkpoint, recordings, tmp_path / "all.csv", "--clips_per_part", "1")
    assert len(list((tmp_path / "all.csv.parts").glob("part-*.parquet"))) == 2
    run(checkpoint, recordings, tmp_path / "all.csv", "--clips_per_part", "1", "--num_workers", "2")
    for name in ("csv", "summary.csv"):
        assert (tmp_path / f"all.{name}").read_text() == (tmp_path / f"whole.{name}").read_text()
    assert not (tmp_path / "all.csv.parts").exists()


@pytest.mark.parametrize("options", [["--format", "json"], ["--turns", "turns.rttm"]])
def test_options_of_segments_need_segments(options: list[str], capsys):
    with pytest.raises(SystemExit):
        predict.main(["--model", "m", "--output", "a.csv", "clip.wav", *options])
    assert "goes with --segments" in capsys.readouterr().err
