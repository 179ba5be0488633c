"""A recording drawn along time, which is its player too: waveform, attention, speakers and emotions.

The drawing is HTML: a shape is a box cut out by `clip-path`, so that patterns and lines stay as they are
while the page grows and shrinks. `chart.js` plays the recording and reads out the values of a moment.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np

from ser.demo.segments_view import clock, segments_table, speaker_rows
from ser.recognizer import Analysis, Attention, Window
from ser.segments.segment import Segment

MAX_NUM_COLUMNS = 200  # of the waveform and of attention; more would be finer than a phone's pixels
TICK_STEPS_SECONDS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120)
MAX_NUM_TICKS = 7


def empty_chart_html() -> str:
    """Keep the place of the drawing, so that nothing moves when it comes."""
    return (
        '<div class="chart empty"><p>The recording will be drawn here: what the model paid attention to and, '
        "if it is longer than five seconds, which emotions it found when.</p></div>"
    )


def chart_html(
    analysis: Analysis,
    segments: Sequence[Segment],
    styles: Mapping[str, str],
    *,
    name: str,
    sound_file: str,
    plays_at_once: bool = False,
) -> str:
    """Draw one recording.

    Args:
        analysis: The recording and what the model found in it.
        segments: Those of a long recording, which are drawn and listed; empty for a short one.
        styles: CSS of each emotion; its keys are the rows from top to bottom.
        name: Name of the recording.
        sound_file: Path of the sound to play, in a folder that Gradio serves.
        plays_at_once: Whether it plays as soon as it is drawn.
    """
    duration = analysis.duration_seconds
    attention = attention_columns(analysis.attention, duration)
    data: dict[str, Any] = {
        "duration": round(duration, 3),
        "attention": [round(100 * float(share / attention.max())) for share in attention]
        if attention.any()
        else [],
        "windows": [_window_data(window, list(styles)) for window in analysis.windows],
        "emotions": list(styles),
    }
    rows = [_waveform_row(analysis.waveform, attention), *speaker_rows(segments, styles, duration)]
    if analysis.windows:
        rows += timeline_rows(analysis.windows, styles, 0.0, duration)
    rows.append(axis_row(0.0, duration))
    caption = f"<b>{escape(name)}</b> {clock(duration)}. Click or use the arrow keys to play from a moment."
    if data["attention"]:
        caption += " Stronger colour: more attention of the model."
    if analysis.windows:
        caption += " Rows: probability over three seconds; hatched: nobody speaks."
    if segments:
        caption += " Blocks: segments; framed: not sure."
    return (
        f'<figure class="chart" data-chart="{escape(json.dumps(data))}"{" data-autoplay" * plays_at_once}>'
        f'<div class="player"><button type="button" class="play" aria-label="Play"></button>'
        f"<figcaption>{caption}</figcaption></div>"
        f'<audio preload="none" data-path="{escape(sound_file)}"></audio>'
        f'<div class="rows">{"".join(rows)}'
        f'<div class="plot-area" role="slider" tabindex="0" aria-label="Moment of the recording" '
        f'aria-valuemin="0" aria-valuemax="{duration:.1f}" aria-valuenow="0" '
        f'aria-valuetext="start">'
        '<div class="cursor" hidden></div><div class="head"></div></div></div>'
        f'<p class="moment" aria-hidden="true">&nbsp;</p>{segments_table(segments, styles)}</figure>'
    )


def timeline_rows(
    windows: Sequence[Window], styles: Mapping[str, str], start_seconds: float, end_seconds: float
) -> list[str]:
    """Draw a row for each emotion, as high as the emotion is probable, hatched in silence.

    Args:
        windows: In order; what lies before the start or after the end is cut off.
        styles: CSS of each emotion; its keys are the rows from top to bottom.
        start_seconds: Time at the left edge.
        end_seconds: Time at the right edge.
    """
    rows = []
    for emotion, style in styles.items():
        shapes = []
        for run in _runs(windows):
            kind = "sounding" if run[0][2].probabilities is not None else "silence"
            points = _outline(run, emotion, start_seconds, end_seconds)
            shapes.append(f'<div class="shape {kind}" style="clip-path:polygon({points})"></div>')
        rows.append(
            f'<div class="row" style="{escape(style)}"><span class="name"><span class="swatch"></span>'
            f'{escape(emotion.capitalize())}</span><div class="plot">{"".join(shapes)}</div>'
            f'<span class="value" data-emotion="{escape(emotion)}"></span></div>'
        )
    return rows


def axis_row(start_seconds: float, end_seconds: float) -> str:
    """Mark the time below the rows."""
    span = end_seconds - start_seconds
    step = next((step for step in TICK_STEPS_SECONDS if span / step <= MAX_NUM_TICKS), TICK_STEPS_SECONDS[-1])
    first = np.ceil(max(start_seconds, 0) / step) * step
    ticks = [float(tick) for tick in np.arange(first, end_seconds + 1e-6, step)]
    marks = "".join(
        f'<span style="left:{100 * (tick - start_seconds) / span:.2f}%">{clock(tick)}</span>'
        for tick in ticks
    )
    return (
        '<div class="row axis" aria-hidden="true"><span></span>'
        f'<div class="plot">{marks}</div><span></span></div>'
    )


def attention_columns(attention: Attention | None, duration_seconds: float) -> np.ndarray:
    """Return the mean attention of each column, shape `(num_columns,)`; zeros where there is none."""
    if attention is None or len(attention.weights) < 2:
        return np.zeros(1)
    frame_seconds = np.median(np.diff(attention.times_seconds))
    num_columns = int(np.clip(duration_seconds / frame_seconds, 1, MAX_NUM_COLUMNS))
    column = (attention.times_seconds / duration_seconds * num_columns).astype(int).clip(0, num_columns - 1)
    num_frames = np.bincount(column, minlength=num_columns)
    return np.bincount(column, weights=attention.weights, minlength=num_columns) / np.maximum(num_frames, 1)


def waveform_peaks(waveform: np.ndarray, num_columns: int = MAX_NUM_COLUMNS) -> np.ndarray:
    """Return the highest magnitude of each column relative to the highest of all, at most `num_columns`."""
    pieces = np.array_split(np.abs(waveform), min(num_columns, len(waveform)))
    peaks = np.array([piece.max() for piece in pieces])
    return peaks / max(float(peaks.max()), 1e-9)


def _window_data(window: Window, emotions: Sequence[str]) -> list[Any]:
    percent = None
    if window.probabilities is not None:
        percent = [round(100 * window.probabilities[emotion]) for emotion in emotions]
    return [round(window.start_seconds, 2), round(window.end_seconds, 2), percent]


def _waveform_row(waveform: np.ndarray, attention: np.ndarray) -> str:
    """Draw the outline of the waveform, coloured by attention, and attention as a line over it."""
    peaks = 48 * waveform_peaks(waveform) + 1
    x = np.linspace(0, 100, len(peaks))
    upper = [f"{left:.2f}% {50 - peak:.1f}%" for left, peak in zip(x, peaks, strict=True)]
    lower = [f"{left:.2f}% {50 + peak:.1f}%" for left, peak in zip(x, peaks, strict=True)]
    outline = f"clip-path:polygon({','.join(upper + lower[::-1])})"
    attended = ""
    if attention.any():
        share = attention / float(attention.max())
        middles = (np.arange(len(share)) + 0.5) * 100 / len(share)
        points = list(zip(middles, share, strict=True))
        stops = ",".join(f"rgb(0 0 0/{value:.2f}) {left:.2f}%" for left, value in points)
        line = " ".join(f"{left:.2f},{98 - 94 * value:.1f}" for left, value in points)
        mask = f"mask-image:linear-gradient(to right,{stops})"
        attended = (
            f'<div class="shape attended" style="{outline};{mask}"></div>'
            '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
            f'<polyline points="{line}" vector-effect="non-scaling-stroke"/></svg>'
        )
    name = "Attention" if attended else "Recording"
    return (
        f'<div class="row waveform"><span class="name">{name}</span><div class="plot">'
        f'<div class="shape sound" style="{outline}"></div>{attended}'
        '</div><span class="value" data-attention></span></div>'
    )


def window_spans(windows: Sequence[Window]) -> list[tuple[float, float, Window]]:
    """Return each window with the times between which it is shown.

    Windows overlap; the edge between two lies halfway between their middles.
    """
    middles = [(window.start_seconds + window.end_seconds) / 2 for window in windows]
    inner = [(left + right) / 2 for left, right in pairwise(middles)]
    edges = [windows[0].start_seconds, *inner, windows[-1].end_seconds] if windows else []
    return [(left, right, window) for (left, right), window in zip(pairwise(edges), windows, strict=True)]


def _runs(windows: Sequence[Window]) -> list[list[tuple[float, float, Window]]]:
    """Group neighbouring windows that all hold sound or are all silent."""
    runs: list[list[tuple[float, float, Window]]] = []
    for span in window_spans(windows):
        if not runs or (runs[-1][-1][2].probabilities is None) != (span[2].probabilities is None):
            runs.append([])
        runs[-1].append(span)
    return runs


def _outline(
    run: Sequence[tuple[float, float, Window]], emotion: str, start_seconds: float, end_seconds: float
) -> str:
    """Return a polygon as high as the emotion is probable at the middle of each window, level to its ends."""
    heights = [1.0 if each.probabilities is None else each.probabilities[emotion] for _, _, each in run]
    heights = [heights[0], *heights, heights[-1]]
    middles = [(window.start_seconds + window.end_seconds) / 2 for _, _, window in run]
    times = [run[0][0], *middles, run[-1][1]]
    span = end_seconds - start_seconds
    x = [min(max(100 * (time - start_seconds) / span, 0), 100) for time in times]
    top = [f"{left:.2f}% {100 - 100 * height:.1f}%" for left, height in zip(x, heights, strict=True)]
    return ",".join([f"{x[0]:.2f}% 100%", *top, f"{x[-1]:.2f}% 100%"])
