"""Segments in the files that other programs read: CSV, RTTM, Praat's TextGrid, WebVTT and JSON."""

import csv
import html
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ser.segments.segment import UNNAMED, Segment
from ser.segments.summary import summarise


def write_segments(
    file: str | os.PathLike[str],
    form: str,
    segments: Sequence[Segment],
    *,
    recording: str,
    emotions: Sequence[str],
) -> None:
    """Write the segments of one recording.

    Args:
        file: Where to write.
        form: One of `FORMATS`.
        segments: In any order.
        recording: Path or name of the recording.
        emotions: All emotions of the model.

    Raises:
        ValueError: If the format is not known.
        OSError: If the file cannot be written.
    """
    if form not in FORMATS:
        raise ValueError(f"The format must be one of {', '.join(FORMATS)}, got {form!r}.")
    _, write = FORMATS[form]
    write(
        Path(file), sorted(segments, key=lambda each: (each.start_seconds, each.channel)), recording, emotions
    )


def speaker_of(segment: Segment) -> str:
    """Return the name of a segment's speaker, or one to stand for it."""
    return segment.speaker or UNNAMED


def _write_rttm(file: Path, segments: Sequence[Segment], recording: str, _emotions: Sequence[str]) -> None:
    """Write one SPEAKER line for each segment with speech; its emotion is in the field for the words."""
    name = "_".join(Path(recording).stem.split()) or "recording"
    lines = []
    for each in segments:
        if each.probabilities:
            speaker, probability = "_".join(speaker_of(each).split()), max(each.probabilities.values())
            lines.append(
                f"SPEAKER {name} {max(each.channel, 1)} {each.start_seconds:.3f} {each.duration_seconds:.3f} "
                f"{each.emotion} <NA> {speaker} {probability:.3f} <NA>\n"
            )
    file.write_text("".join(lines), encoding="utf-8")


def _write_textgrid(
    file: Path, segments: Sequence[Segment], _recording: str, _emotions: Sequence[str]
) -> None:
    """Write one tier for each speaker; overlapping segments are shortened: a tier cannot hold them."""
    from praatio.data_classes.interval_tier import IntervalTier
    from praatio.data_classes.textgrid import Textgrid

    end = max((each.end_seconds for each in segments), default=0.1)
    grid = Textgrid(0, end)
    tiers: dict[str, list[tuple[float, float, str]]] = {}
    for each in segments:
        entries = tiers.setdefault(speaker_of(each), [])
        start = max(each.start_seconds, entries[-1][1] if entries else 0)
        if start < each.end_seconds:
            entries.append((start, each.end_seconds, each.words))
    for name, entries in tiers.items() or [(UNNAMED, [])]:
        grid.addTier(IntervalTier(name, entries, 0, end))
    grid.save(str(file), format="long_textgrid", includeBlankSpaces=True)


def _write_webvtt(file: Path, segments: Sequence[Segment], _recording: str, _emotions: Sequence[str]) -> None:
    """Write one cue for each segment with speech, spoken by its speaker."""
    from webvtt import Caption, WebVTT

    captions = WebVTT()
    for each in segments:
        if each.emotion:
            voice = f"<v {html.escape(each.speaker)}>" if each.speaker else ""
            text = f"{voice}{html.escape(each.words)}"
            captions.captions.append(
                Caption(_timestamp(each.start_seconds), _timestamp(each.end_seconds), text)
            )
    file.write_text(captions.content, encoding="utf-8")


def _timestamp(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds / 1000:06.3f}"


def segments_content(segments: Sequence[Segment], recording: str, emotions: Sequence[str]) -> dict[str, Any]:
    """Return a recording's segments, with all that is known of them, and its speakers, as JSON has them."""
    return {
        "recording": recording,
        "segments": [each.to_dict() | {"probabilities": each.probabilities} for each in segments],
        "speakers": [asdict(each) for each in summarise(segments, emotions)],
    }


def _write_json(file: Path, segments: Sequence[Segment], recording: str, emotions: Sequence[str]) -> None:
    content = segments_content(segments, recording, emotions)
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_csv(file: Path, segments: Sequence[Segment], _recording: str, emotions: Sequence[str]) -> None:
    """Write one row for each segment, without probabilities where nobody speaks."""
    rows = [each.to_dict() | (each.probabilities or dict.fromkeys(emotions)) for each in segments]
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(
            lines, [*Segment(0, 0, 0, None, "").to_dict(), *emotions], lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)


Write = Callable[[Path, Sequence[Segment], str, Sequence[str]], None]
FORMATS: dict[str, tuple[str, Write]] = {
    "csv": (".csv", _write_csv),
    "rttm": (".rttm", _write_rttm),
    "textgrid": (".TextGrid", _write_textgrid),
    "webvtt": (".vtt", _write_webvtt),
    "json": (".json", _write_json),
}
"""Name of a format -> the ending of its files, and the function that writes one."""
