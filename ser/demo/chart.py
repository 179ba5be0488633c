"""A recording drawn along time: its waveform with what the model listened to, and a row for each emotion.

The drawing is HTML: a shape is a box cut out by `clip-path`, so that patterns and lines stay as they are
while the page grows and shrinks. `chart.js` adds the cursor, for pointer and keyboard, that reads out values.
"""

import json
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np

from ser.recognizer import Analysis, Attention, Window

MAX_NUM_COLUMNS = 200  # of the waveform and of attention; more would be finer than a phone's pixels
TICK_STEPS_SECONDS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120)
MAX_NUM_TICKS = 7


def empty_chart_html() -> str:
    """What will be drawn, so that the page keeps its height when it is."""
    return (
        '<div class="chart empty"><p>Here the recording will be drawn: what the model listened to, and, if '
        "it is longer than five seconds, which emotions were heard when.</p></div>"
    )


def chart_html(analysis: Analysis, emotions: Sequence[str]) -> str:
    """The drawing of one recording.

    Args:
        analysis: The recording and what the model said about it.
        emotions: The rows from top to bottom.
    """
    duration = analysis.duration_seconds
    attention = _attention_columns(analysis.attention, duration)
    data: dict[str, Any] = {
        "duration": round(duration, 3),
        "attention": [round(100 * float(share / attention.max())) for share in attention]
        if attention.any()
        else [],
        "windows": [_window_data(window, emotions) for window in analysis.windows],
        "emotions": list(emotions),
    }
    parts = [_waveform_row(analysis.waveform, attention)]
    caption = "The recording. The stronger its colour and the higher the line, the more that moment counted."
    if analysis.windows:
        parts += timeline_rows(analysis.windows, emotions, 0.0, duration)
        caption += (
            " Below, the probability of each emotion over windows of three seconds; hatched is silence."
        )
    parts.append(axis_row(0.0, duration))
    return (
        f'<figure class="chart" data-chart="{escape(json.dumps(data))}">'
        f"<figcaption>{caption} Point at it, or use the arrow keys, for the values.</figcaption>"
        f'<div class="rows">{"".join(parts)}'
        f'<div class="plot-area" role="slider" tabindex="0" aria-label="Moment of the recording" '
        f'aria-valuemin="0" aria-valuemax="{duration:.1f}" aria-valuenow="0" '
        f'aria-valuetext="{escape(summary(analysis.windows) or "start")}">'
        '<div class="cursor" hidden></div></div></div>'
        '<p class="moment" aria-hidden="true">&nbsp;</p></figure>'
    )


def timeline_rows(
    windows: Sequence[Window], emotions: Sequence[str], start_seconds: float, end_seconds: float
) -> list[str]:
    """A row for each emotion between two times, as high as the emotion is probable, hatched in silence.

    Args:
        windows: In order; what lies before the start or after the end is cut off.
        emotions: The rows from top to bottom.
        start_seconds: Time at the left edge.
        end_seconds: Time at the right edge.
    """
    rows = []
    for emotion in emotions:
        shapes = []
        for run in _runs(windows):
            kind = "sounding" if run[0][2].probabilities is not None else "silence"
            points = _outline(run, emotion, start_seconds, end_seconds)
            shapes.append(f'<div class="shape {kind}" style="clip-path:polygon({points})"></div>')
        rows.append(
            f'<div class="row emotion-{escape(emotion)}"><span class="name"><span class="swatch"></span>'
            f'{escape(emotion.capitalize())}</span><div class="plot">{"".join(shapes)}</div>'
            f'<span class="value" data-emotion="{escape(emotion)}"></span></div>'
        )
    return rows


def axis_row(start_seconds: float, end_seconds: float) -> str:
    """Marks of the time below the rows."""
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


def clock(seconds: float) -> str:
    """Minutes and seconds, such as 1:05, with tenths where there are some, such as 0:00.5."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}".removesuffix(".0")


def summary(windows: Sequence[Window], max_num_parts: int = 8) -> str:
    """The strongest emotion of each part of a recording in words: "0:00 sad, 0:06 angry, 0:09 silence"."""
    parts: list[tuple[float, str]] = []
    for window in windows:
        heard = window.probabilities
        name = "silence" if heard is None else max(heard, key=heard.__getitem__)
        if not parts or parts[-1][1] != name:
            parts.append((window.start_seconds, name))
    shown = ", ".join(f"{clock(start)} {name}" for start, name in parts[:max_num_parts])
    return shown + (", and so on" if len(parts) > max_num_parts else "")


def _window_data(window: Window, emotions: Sequence[str]) -> list[Any]:
    percent = None
    if window.probabilities is not None:
        percent = [round(100 * window.probabilities[emotion]) for emotion in emotions]
    return [round(window.start_seconds, 2), round(window.end_seconds, 2), percent]


def _attention_columns(attention: Attention | None, duration_seconds: float) -> np.ndarray:
    """Attention a column, the mean of its frames, shape `(num_columns,)`; zeros where there is none."""
    if attention is None or len(attention.weights) < 2:
        return np.zeros(1)
    frame_seconds = np.median(np.diff(attention.times_seconds))
    num_columns = int(np.clip(duration_seconds / frame_seconds, 1, MAX_NUM_COLUMNS))
    column = (attention.times_seconds / duration_seconds * num_columns).astype(int).clip(0, num_columns - 1)
    num_frames = np.bincount(column, minlength=num_columns)
    return np.bincount(column, weights=attention.weights, minlength=num_columns) / np.maximum(num_frames, 1)


def _waveform_row(waveform: np.ndarray, attention: np.ndarray) -> str:
    """The outline of the waveform, coloured by attention, and attention as a line over it."""
    pieces = np.array_split(np.abs(waveform), min(MAX_NUM_COLUMNS, len(waveform)))
    peaks = np.array([piece.max() for piece in pieces])
    peaks = 48 * peaks / max(float(peaks.max()), 1e-9) + 1
    x = np.linspace(0, 100, len(peaks))
    upper = [f"{left:.2f}% {50 - peak:.1f}%" for left, peak in zip(x, peaks, strict=True)]
    lower = [f"{left:.2f}% {50 + peak:.1f}%" for left, peak in zip(x, peaks, strict=True)]
    outline = f"clip-path:polygon({','.join(upper + lower[::-1])})"
    share = attention / max(float(attention.max()), 1e-12)
    middles = (np.arange(len(share)) + 0.5) * 100 / len(share)
    stops = ",".join(
        f"rgb(0 0 0/{value:.2f}) {left:.2f}%" for left, value in zip(middles, share, strict=True)
    )
    line = " ".join(f"{left:.2f},{98 - 94 * value:.1f}" for left, value in zip(middles, share, strict=True))
    return (
        '<div class="row waveform"><span class="name">Listened to</span><div class="plot">'
        f'<div class="shape sound" style="{outline}"></div>'
        f'<div class="shape attended" style="{outline};mask-image:linear-gradient(to right,{stops})"></div>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        f'<polyline points="{line}" vector-effect="non-scaling-stroke"/></svg>'
        '</div><span class="value" data-attention></span></div>'
    )


def _runs(windows: Sequence[Window]) -> list[list[tuple[float, float, Window]]]:
    """Neighbouring windows that are all heard or all silent, each with the times between which it is shown.

    Windows overlap; the edge between two lies halfway between their middles.
    """
    middles = [_middle(window) for window in windows]
    inner = [(left + right) / 2 for left, right in pairwise(middles)]
    edges = [windows[0].start_seconds, *inner, windows[-1].end_seconds] if windows else []
    runs: list[list[tuple[float, float, Window]]] = []
    for (left, right), window in zip(pairwise(edges), windows, strict=True):
        if not runs or (runs[-1][-1][2].probabilities is None) != (window.probabilities is None):
            runs.append([])
        runs[-1].append((left, right, window))
    return runs


def _outline(
    run: Sequence[tuple[float, float, Window]], emotion: str, start_seconds: float, end_seconds: float
) -> str:
    """A polygon as high as the emotion is probable, at the middle of each window, level towards its ends."""
    heights = [1.0 if each.probabilities is None else each.probabilities[emotion] for _, _, each in run]
    heights = [heights[0], *heights, heights[-1]]
    times = [run[0][0], *(_middle(window) for _, _, window in run), run[-1][1]]
    span = end_seconds - start_seconds
    x = [min(max(100 * (time - start_seconds) / span, 0), 100) for time in times]
    top = [f"{left:.2f}% {100 - 100 * height:.1f}%" for left, height in zip(x, heights, strict=True)]
    return ",".join([f"{x[0]:.2f}% 100%", *top, f"{x[-1]:.2f}% 100%"])


def _middle(window: Window) -> float:
    return (window.start_seconds + window.end_seconds) / 2
