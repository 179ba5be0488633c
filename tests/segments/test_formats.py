"""Each format is read back by a reader that shares no code with its writer."""

import json
from pathlib import Path

import pandas
import pysubs2
import pytest
import textgrid

from ser.recognizer.confidence import Confidence
from ser.segments.formats import write_segments
from ser.segments.segment import Segment
from ser.segments.summary import shares_of_speech, summarise
from ser.segments.turns import read_turns

EMOTIONS = ("calm", "angry")
SURE, NOT_SURE = Confidence(True, 0.75), Confidence(False, 0.25)


def spoken(start: float, end: float, speaker: str, calm: float, confidence: Confidence = SURE) -> Segment:
    return Segment(start, end, 1, speaker, "speech", {"calm": calm, "angry": 1 - calm}, confidence, False)


SEGMENTS = [
    Segment(0.0, 1.25, 1, "Anna <A&B>", "silence"),
    spoken(1.25, 3.5, "Anna <A&B>", 0.75),
    Segment(3.5, 3725.0, 1, "Anna <A&B>", "non-speech"),
    spoken(3725.0, 3726.5, "Anna <A&B>", 0.25),
    spoken(2.0, 4.0, "Ben", 0.6, NOT_SURE),
]


@pytest.fixture
def write(tmp_path: Path):
    def write_as(form: str, name: str) -> Path:
        write_segments(tmp_path / name, form, SEGMENTS, recording="calls/a call.wav", emotions=EMOTIONS)
        return tmp_path / name

    return write_as


def test_rttm_is_a_table_of_ten_columns(write):
    names = [
        "type",
        "file",
        "channel",
        "start",
        "duration",
        "words",
        "kind",
        "speaker",
        "confidence",
        "ahead",
    ]
    table = pandas.read_csv(write("rttm", "a.rttm"), sep=r"\s+", names=names, keep_default_na=False)
    assert set(table["type"]) == {"SPEAKER"}
    assert set(table["file"]) == {"a_call"}
    assert table["start"].tolist() == [1.25, 2.0, 3725.0]
    assert table["duration"].tolist() == [2.25, 2.0, 1.5]
    assert table["words"].tolist() == ["calm", "calm", "angry"]
    assert table["speaker"].tolist() == ["Anna_<A&B>", "Ben", "Anna_<A&B>"]
    assert table["confidence"].tolist() == [0.75, 0.6, 0.75]


def test_rttm_can_be_given_back_as_turns(write):
    assert [turn.start_seconds for turn in read_turns(write("rttm", "a.rttm"))] == [1.25, 2.0, 3725.0]


def test_textgrid_has_a_tier_for_each_speaker(write):
    grid = textgrid.TextGrid.fromFile(str(write("textgrid", "a.TextGrid")))
    assert grid.maxTime == 3726.5
    tiers = {
        tier.name: [(each.minTime, each.maxTime, each.mark) for each in tier if each.mark] for tier in grid
    }
    assert tiers == {
        "Anna <A&B>": [
            (0, 1.25, "silence"),
            (1.25, 3.5, "calm"),
            (3.5, 3725, "non-speech"),
            (3725, 3726.5, "angry"),
        ],
        "Ben": [(2, 4, "not sure (calm)")],
    }


def test_webvtt_has_a_cue_for_each_segment_with_speech(write):
    file = write("webvtt", "a.vtt")
    cues = [(each.start, each.end, each.text) for each in pysubs2.load(str(file))]
    assert [cue[:2] for cue in cues] == [(1250, 3500), (2000, 4000), (3_725_000, 3_726_500)]
    content = file.read_text()
    assert content.startswith("WEBVTT\n")
    assert "<v Anna &lt;A&amp;B&gt;>calm\n" in content
    assert "<v Ben>not sure (calm)\n" in content


def test_json_holds_segments_and_summaries(write):
    content = json.loads(write("json", "a.json").read_text())
    assert [each["emotion"] for each in content["segments"]] == [None, "calm", "calm", None, "angry"]
    assert content["segments"][1]["probabilities"] == {"calm": 0.75, "angry": 0.25}
    assert [each["speaker"] for each in content["speakers"]] == ["Anna <A&B>", "Ben"]

    assert content["segments"][1]["confidence"] == "about 8 in 10 such answers are right"


def test_csv_has_a_row_for_each_segment(write):
    table = pandas.read_csv(write("csv", "a.csv"))
    assert table["start_seconds"].tolist() == [0, 1.25, 2, 3.5, 3725]
    assert table["kind"].tolist() == ["silence", "speech", "speech", "non-speech", "speech"]
    assert table["calm"].fillna(-1).tolist() == [-1, 0.75, 0.6, -1, 0.25]
    assert table["confidence"][2] == "not sure; about 2 in 10 such answers are right"


def test_an_unknown_format_is_refused(write):
    with pytest.raises(ValueError, match="csv, rttm, textgrid, webvtt, json, got 'srt'"):
        write("srt", "a.srt")


def test_a_summary_adds_up():
    anna, ben = summarise(SEGMENTS, EMOTIONS)
    assert (anna.speech_seconds, anna.silence_seconds, anna.non_speech_seconds) == (3.75, 1.25, 3721.5)
    assert anna.shares == {"calm": 0.6, "angry": 0.4}
    assert (anna.num_segments, anna.num_changes, anna.not_sure_share) == (2, 1, 0)
    assert (anna.longest_emotion, anna.longest_start_seconds, anna.longest_end_seconds) == ("calm", 1.25, 3.5)
    assert (ben.not_sure_share, ben.shares) == (1, {"calm": 1, "angry": 0})
    assert shares_of_speech(SEGMENTS) == pytest.approx(
        {"calm": 2.25 / 5.75, "angry": 1.5 / 5.75, "not sure": 2 / 5.75}
    )
    assert list(shares_of_speech(SEGMENTS)) == ["calm", "angry", "not sure"]
    (nobody,) = summarise(SEGMENTS[:1], EMOTIONS)
    assert (nobody.speech_seconds, nobody.longest_emotion, set(nobody.shares.values())) == (0, None, {0})
