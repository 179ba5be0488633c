"""The benchmark of speed measures the steps it is asked for, keeps the others, and shows what was missed."""

import json
from functools import partial
from pathlib import Path

import pytest

from benchmarks.speed import run as speed
from benchmarks.speed.rows import Row, milliseconds


@pytest.fixture
def measured(monkeypatch, tmp_path) -> Path:
    """A folder with the results and the document of two steps, one of them measured again."""
    answers = {"files": [Row("file", "<= 1 ms", "2 ms", False)], "start": [Row("start", "", "1 s")]}
    monkeypatch.setattr(speed, "steps", lambda *_: {name: partial(answers.get, name) for name in answers})
    options = [
        "--data_dir",
        ".",
        "--emodb_dir",
        ".",
        "--results",
        str(tmp_path / "speed.json"),
        "--output",
        str(tmp_path / "speed.md"),
    ]
    speed.main([*options, "--only", "files,start"])
    answers["start"] = [Row("start", "<= 1 s", "0.5 s", True)]
    speed.main([*options, "--only", "start"])
    return tmp_path


def test_a_step_is_measured_again_and_the_others_are_kept(measured):
    found = json.loads((measured / "speed.json").read_text())
    assert found["files"]["rows"] == [["file", "<= 1 ms", "2 ms", False]]
    assert found["start"]["rows"] == [["start", "<= 1 s", "0.5 s", True]]


def test_the_document_shows_what_was_missed_and_what_was_not_measured(measured):
    lines = (measured / "speed.md").read_text().splitlines()
    assert any(line.startswith("| file | <= 1 ms | 2 ms | **missed** |") for line in lines)
    assert any(line.startswith("| start | <= 1 s | 0.5 s | met |") for line in lines)
    assert "| training | | not measured | | | |" in lines


def test_an_unknown_step_is_refused(capsys):
    with pytest.raises(SystemExit):
        speed.main(["--data_dir", ".", "--emodb_dir", ".", "--only", "file"])
    assert "--only takes files" in capsys.readouterr().err


def test_the_first_call_of_a_path_does_not_count():
    calls = []

    def path():
        calls.append(None)
        if len(calls) == 1:
            sum(range(10**6))

    assert milliseconds({"path": path}, num_repeats=3)["path"] < 5
    assert len(calls) == 4
