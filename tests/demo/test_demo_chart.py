"""The drawing along time shows what happened when."""

import json
import re
from html import unescape

import numpy as np
import pytest

from ser.demo.chart import axis_row, chart_html, timeline_rows
from ser.demo.segments_view import clock, segments_table
from ser.recognizer import Analysis, Attention, Window
from ser.recognizer.confidence import Confidence
from ser.segments.segment import Segment

STYLES = {"happy": "--emotion:#111111", "sad": "--emotion:#222222"}

SEGMENTS = [
    Segment(0, 2, 1, "channel 1", "speech", {"happy": 0.7, "sad": 0.3}, Confidence(True, 0.8), False),
    Segment(2, 3, 1, "channel 1", "silence"),
    Segment(3, 6, 1, "channel 1", "speech", {"happy": 0.2, "sad": 0.8}, Confidence(False), True),
    Segment(0, 6, 2, "channel 2", "non-speech"),
]


def _windows() -> list[Window]:
    heard = [0.8, 0.6, None, 0.1]
    return [
        Window(float(i), i + 3.0, None if share is None else {"happy": share, "sad": 1 - share})
        for i, share in enumerate(heard)
    ]


def _polygons(row: str) -> list[tuple[str, list[list[float]]]]:
    """Class and points of each shape of a row."""
    shapes = re.findall(r'class="shape (\w+)" style="clip-path:polygon\(([^)]*)\)', row)
    return [
        (kind, [[float(x) for x in re.findall(r"-?[\d.]+", point)] for point in points.split(",")])
        for kind, points in shapes
    ]


def test_rows_are_as_high_as_the_emotion_is_probable():
    row = timeline_rows(_windows(), STYLES, 0.0, 6.0)[0]
    (first, points), (second, silence), (third, last) = _polygons(row)
    assert (first, second, third) == ("sounding", "silence", "sounding")
    assert [point[1] for point in points] == [100, 20, 20, 40, 40, 100]
    assert [point[1] for point in silence] == [100, 0, 0, 0, 100]
    assert [point[1] for point in last] == [100, 90, 90, 90, 100]


def test_shapes_meet_halfway_between_windows_and_fill_the_recording():
    shapes = [points for _, points in _polygons(timeline_rows(_windows(), STYLES, 0.0, 6.0)[1])]
    edges = [(points[0][0], points[-1][0]) for points in shapes]
    assert edges[0][0] == 0
    assert edges[-1][1] == 100
    assert [edge[1] for edge in edges[:-1]] == [edge[0] for edge in edges[1:]]
    assert edges[0][1] == pytest.approx(100 * 3 / 6)  # between middles at 2.5 and 3.5 s


def test_the_cursor_gets_every_value():
    analysis = Analysis(
        np.sin(np.arange(96_000) / 10).astype(np.float32),
        16_000,
        {"happy": 0.5, "sad": 0.5},
        _windows(),
        attention=Attention(np.arange(0, 6, 0.04), np.full(150, 1 / 150)),
    )
    html = chart_html(analysis, SEGMENTS, STYLES, name="<b>.wav", sound_file="/tmp/x/recording.wav")
    data = json.loads(unescape(re.search(r'data-chart="([^"]*)"', html)[1]))
    assert data["duration"] == 6
    assert data["windows"][0] == [0, 3, [80, 20]]
    assert data["windows"][2] == [2, 5, None]
    assert set(data["attention"]) == {100}
    assert re.findall(r'class="block ([^"]*)" style="left:([\d.]+)%', html) == [
        ("speech", "0.000"),
        ("speech unsure", "50.000"),
        ("non-speech unsure", "0.000"),
    ]
    assert "<b>.wav" not in html
    assert "data-autoplay" not in html


def test_a_recording_without_attention_can_be_drawn():
    analysis = Analysis(np.zeros(16_000, dtype=np.float32), 16_000, {"happy": 0.5, "sad": 0.5})
    html = chart_html(analysis, [], STYLES, name="a.wav", sound_file="a.wav", plays_at_once=True)
    assert "nan" not in html
    assert "Attention" not in html
    assert "data-autoplay" in html


def test_the_table_says_who_felt_what_when():
    html = segments_table(SEGMENTS, STYLES)
    rows = [[unescape(each) for each in re.findall(r">([^<>]+)<", row)] for row in html.split("<tr")[1:]]
    assert rows == [
        ["Time", "Speaker", "Emotion", "Confidence", "Unusual"],
        ["0:00.0 – 0:02.0", "Channel 1", "happy", "about 8 in 10 such answers are right", "no"],
        ["0:03.0 – 0:06.0", "Channel 1", "not sure (sad)", "not sure", "yes"],
    ]
    assert "Speaker" not in segments_table(SEGMENTS[:3], STYLES)
    assert segments_table(SEGMENTS[1:2], STYLES) == ""


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0:00"), (0.5, "0:00.5"), (59.96, "1:00"), (65, "1:05"), (599.4, "9:59.4")]
)
def test_clock(seconds: float, expected: str):
    assert clock(seconds) == expected


@pytest.mark.parametrize("seconds", [0.3, 1, 4.1, 37, 600])
def test_the_axis_has_a_few_ticks_at_any_length(seconds: float):
    ticks = re.findall(r"left:([\d.]+)%", axis_row(0.0, seconds))
    assert 1 <= len(ticks) <= 8
    assert ticks[0] == "0.00"
