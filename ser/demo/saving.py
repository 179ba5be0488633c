"""The answer as files: JSON for programs, CSV for tables, TextGrid for Praat, a picture for people."""

import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ser.demo.chart import waveform_peaks
from ser.demo.judgement import Judgement
from ser.demo.segments_view import clock
from ser.labels import label_colors
from ser.segments.formats import FORMATS, write_segments

WIDTH_PX, MARGIN_PX, LINE_PX, WAVE_PX = 1000, 40, 34, 120
INK, QUIET, TRACK = "#1e293b", "#64748b", "#e2e8f0"


def save_json(judgement: Judgement, folder: Path) -> Path:
    """Write everything that the page says."""
    file = folder / "emotions.json"
    text = json.dumps(judgement.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    file.write_text(text, encoding="utf-8")
    return file


def save_segments(judgement: Judgement, folder: Path, form: str) -> Path:
    """Write the segments in one of `ser.segments.formats.FORMATS`."""
    file = folder / f"emotions{FORMATS[form][0]}"
    write_segments(file, form, judgement.segments, recording=judgement.name, emotions=judgement.emotions)
    return file


def save_picture(judgement: Judgement, folder: Path) -> Path:
    """Draw the waveform, and a bar for each emotion or, for a long recording, for its share of the speech."""
    analysis, colors = judgement.analysis, label_colors(judgement.emotions)
    bars = judgement.shares if judgement.is_long else analysis.probabilities
    ranked = sorted(bars.items(), key=lambda item: -item[1])
    height = 2 * MARGIN_PX + 2 * LINE_PX + WAVE_PX + LINE_PX * (len(ranked) + 1)
    image = Image.new("RGB", (WIDTH_PX, height), "white")
    draw = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(26), ImageFont.load_default(19)
    answer = f"{judgement.strongest.capitalize()}: {judgement.confidence}"
    heading = "Share of the speech" if judgement.is_long else answer
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
