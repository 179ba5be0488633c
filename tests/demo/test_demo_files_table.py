"""Many files: a row for each, whatever is in it."""

import csv
import io
from pathlib import Path

import pytest

from ser import EmotionRecognizer
from ser.demo.examples import example_clips
from ser.demo.files_table import HeardFile, csv_text, header, hear_files, table_rows

EMOTIONS = ("happy", "sad")
HEARD = [
    HeardFile("glad.wav", {"happy": 0.7, "sad": 0.3}),
    HeardFile("vague.wav", {"happy": 0.45, "sad": 0.55}),
    HeardFile("=1+1.wav", None, "=1+1.wav is empty."),
]


def test_a_broken_file_is_a_row_and_stops_nothing(recognizer: EmotionRecognizer, tmp_path: Path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF and then nothing")
    (tmp_path / "empty.flac").touch()
    clip = str(example_clips()[0][0])
    told: list[float] = []
    heard = hear_files(
        recognizer, [str(tmp_path / "broken.wav"), clip, str(tmp_path / "empty.flac"), clip], told.append
    )
    assert [file.probabilities is None for file in heard] == [True, False, True, False]
    assert heard[0].name in heard[0].reason
    assert heard[1].probabilities == pytest.approx(recognizer.predict(clip), abs=1e-6)
    assert told == [0.25, 0.5, 0.75, 1]


def test_the_table_says_emotion_doubt_and_reason():
    rows = table_rows(HEARD, EMOTIONS, threshold=0.6)
    assert [len(row) for row in rows] == [len(header(EMOTIONS))] * 3
    assert rows[0] == ["glad.wav", "happy", "sure", "70%", "30%"]
    assert rows[1][:3] == ["vague.wav", "sad", "not sure"]
    assert rows[2] == ["=1+1.wav", "–", "=1+1.wav is empty.", "–", "–"]


def test_csv_reads_back_and_runs_no_formula():
    rows = list(csv.DictReader(io.StringIO(csv_text(HEARD, EMOTIONS, threshold=0.6))))
    assert float(rows[0]["happy_prob"]) == 0.7
    assert rows[1]["doubt"] == "not sure"
    assert rows[2]["file"] == "'=1+1.wav"
    assert rows[2]["problem"].startswith("'=")
    assert rows[2]["happy_prob"] == ""
