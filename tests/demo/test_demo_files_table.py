"""Many files: a row for each, whatever is in it."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ser import EmotionRecognizer
from ser.demo.examples import example_clips
from ser.demo.files_table import FileResult, analyse_files, csv_text, header, table_html, table_rows
from ser.demo.judgement import Judgement
from ser.recognizer import Analysis
from ser.recognizer.confidence import Confidence

EMOTIONS = ("happy", "sad")


def _judged(happy: float, confidence: Confidence) -> Judgement:
    probabilities = {"happy": happy, "sad": 1 - happy}
    analysis = Analysis(np.zeros(16_000, np.float32), 16_000, probabilities)
    return Judgement("clip.wav", EMOTIONS, analysis, confidence, [])


RESULTS = [
    FileResult("glad.wav", _judged(0.7, Confidence(True, 0.81))),
    FileResult("vague.wav", _judged(0.45, Confidence(False, 0.31))),
    FileResult("=1+1.wav", None, "=1+1.wav is <empty>."),
]


def test_a_broken_file_is_a_row_and_stops_nothing(recognizer: EmotionRecognizer, tmp_path: Path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF and then nothing")
    (tmp_path / "empty.flac").touch()
    clip = str(example_clips()[0].path)
    told: list[float] = []
    results = analyse_files(
        recognizer, [str(tmp_path / "broken.wav"), clip, str(tmp_path / "empty.flac"), clip], told.append
    )
    assert [result.judgement is None for result in results] == [True, False, True, False]
    assert results[0].name in results[0].reason
    assert results[1].judgement.analysis.probabilities == pytest.approx(recognizer.predict(clip), abs=1e-6)
    assert told == [0.25, 0.5, 0.75, 1]


def test_files_of_one_speaker_are_compared_with_each_other(recognizer: EmotionRecognizer, tmp_path: Path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF and then nothing")
    clips = [str(each.path) for each in example_clips()[:3]]
    told: list[float] = []
    results = analyse_files(
        recognizer, [clips[0], str(tmp_path / "broken.wav"), *clips[1:]], told.append, one_speaker=True
    )
    enrolled = recognizer.enrol(clips)
    assert [result.judgement is None for result in results] == [False, True, False, False]
    for clip, result in zip(clips, [results[0], *results[2:]], strict=True):
        assert result.name == Path(clip).name
        assert result.judgement.analysis.probabilities == pytest.approx(enrolled.predict(clip), abs=1e-5)
    assert told == sorted(told)
    assert told[-1] == 1
    (broken,) = analyse_files(recognizer, [str(tmp_path / "broken.wav")], one_speaker=True)
    assert broken.judgement is None


def test_a_long_recording_without_speech_is_not_sure(recognizer: EmotionRecognizer, tmp_path: Path):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(12 * 16_000) / 16_000)
    soundfile.write(tmp_path / "tone.wav", tone, 16_000)
    (result,) = analyse_files(recognizer, [str(tmp_path / "tone.wav")])
    assert result.words[1] == "not sure"
    assert result.judgement.shares == {}


def test_the_table_says_emotion_confidence_and_reason():
    rows = table_rows(RESULTS, EMOTIONS)
    assert [len(row) for row in rows] == [len(header(EMOTIONS))] * 3
    assert rows[0] == ["glad.wav", "happy", "about 8 in 10 such answers are right", "70%", "30%"]
    assert rows[1][:3] == ["vague.wav", "sad", "not sure; about 3 in 10 such answers are right"]
    assert rows[2] == ["=1+1.wav", "–", "=1+1.wav is <empty>.", "–", "–"]


def test_the_page_shows_what_others_wrote_and_does_not_obey_it():
    html = table_html(RESULTS, EMOTIONS, {"happy": "--emotion:#123456"})
    assert "&lt;empty&gt;" in html
    assert html.count("--emotion:#123456") == 1


def test_csv_reads_back_and_runs_no_formula():
    rows = list(csv.DictReader(io.StringIO(csv_text(RESULTS, EMOTIONS))))
    assert float(rows[0]["happy_prob"]) == 0.7
    assert rows[1]["confidence"].startswith("not sure")
    assert rows[2]["file"] == "'=1+1.wav"
    assert rows[2]["problem"].startswith("'=")
    assert rows[2]["happy_prob"] == ""
