"""The answer as files to keep: JSON for programs, CSV for tables, a picture for people."""

import csv
import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ser.demo.chart import clock, waveform_peaks
from ser.demo.judgement import Judgement
from ser.labels import label_colors

WIDTH_PX, MARGIN_PX, LINE_PX, WAVE_PX = 1000, 40, 34, 120
INK, QUIET, TRACK = "#1e293b", "#64748b", "#e2e8f0"


def save_json(judgement: Judgement, folder: Path) -> Path:
    """Write everything that the page says."""
    file = folder / "emotions.json"
    text = json.dumps(judgement.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    file.write_text(text, encoding="utf-8")
    return file


def save_csv(judgement: Judgement, folder: Path) -> Path:
    """Write a row for each window, or one for a short recording; probabilities are from 0 to 1."""
    file = folder / "emotions.csv"
    whole = (0.0, judgement.analysis.duration_seconds, judgement.analysis.probabilities)
    windows = [
        (window.start_seconds, window.end_seconds, window.probabilities or {})
        for window in judgement.analysis.windows
    ]
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(["start_seconds", "end_seconds", *judgement.emotions])
        for start, end, probabilities in windows or [whole]:
            values = [f"{probabilities[each]:.6f}" if probabilities else "" for each in judgement.emotions]
            writer.writerow([f"{start:.3f}", f"{end:.3f}", *values])
    return file


def save_picture(judgement: Judgement, folder: Path) -> Path:
    """Draw the waveform, and a bar for each emotion or, for a long recording, for its share of the time."""
    analysis, colors = judgement.analysis, label_colors(judgement.emotions)
    bars = judgement.shares if judgement.is_long else analysis.probabilities
    ranked = sorted(bars.items(), key=lambda item: -item[1])
    height = 2 * MARGIN_PX + 2 * LINE_PX + WAVE_PX + LINE_PX * (len(ranked) + 1)
    image = Image.new("RGB", (WIDTH_PX, height), "white")
    draw = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(26), ImageFont.load_default(19)
    answer = f"{judgement.strongest.capitalize()}: {judgement.confidence}"
    heading = "Share of the time with sound" if judgement.is_long else answer
    draw.text((MARGIN_PX, MARGIN_PX), heading, INK, large)
    right, top = WIDTH_PX - MARGIN_PX, MARGIN_PX + 2 * LINE_PX
    peaks = waveform_peaks(analysis.waveform, (right - MARGIN_PX) // 4)
    for column, peak in enumerate(peaks):
        x, half = MARGIN_PX + 4 * column, max(1, peak * WAVE_PX / 2)
        draw.rectangle((x, top + WAVE_PX / 2 - half, x + 2, top + WAVE_PX / 2 + half), QUIET)
    top += WAVE_PX + LINE_PX // 3
    draw.text((right, top), clock(analysis.duration_seconds), QUIET, small, anchor="ra")
    left, end = MARGIN_PX + 150, right - 70
    for label, share in ranked:
        top += LINE_PX
        draw.text((MARGIN_PX, top), label.capitalize()[:14], INK, small)
        draw.rounded_rectangle((left, top, end, top + 22), 5, TRACK)
        if share > 0.005:
            width = share * (end - left)
            draw.rounded_rectangle((left, top, left + width, top + 22), 5, colors.get(label, QUIET))
        draw.text((right, top), f"{share:.0%}", INK, small, anchor="ra")
    file = folder / "emotions.png"
    image.save(file)
    return file
