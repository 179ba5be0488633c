"""The segments of a long recording: a row for each speaker in the drawing, and a table that plays them."""

from collections.abc import Mapping, Sequence
from html import escape

from ser.segments.formats import speaker_of
from ser.segments.segment import Segment
from ser.segments.summary import by_speaker

UNUSUAL = {True: "yes", False: "no", None: "–"}  # out-of-distribution, as the table says it


def speaker_rows(
    segments: Sequence[Segment], styles: Mapping[str, str], duration_seconds: float
) -> list[str]:
    """Draw a row for each speaker with a block for each segment: framed if not sure, hatched if no speech.

    Args:
        segments: Of one recording.
        styles: CSS of each emotion.
        duration_seconds: Length of the recording.
    """
    rows = []
    for own in by_speaker(segments):
        blocks = "".join(
            f'<div class="block {each.kind}{"" if each.label in styles else " unsure"}" '
            f'style="left:{100 * each.start_seconds / duration_seconds:.3f}%;'
            f"width:{100 * each.duration_seconds / duration_seconds:.3f}%;"
            f'{escape(styles.get(each.label, ""))}"></div>'
            for each in own
            if each.kind != "silence"
        )
        rows.append(
            f'<div class="row speaker"><span class="name">{escape(speaker_of(own[0]).capitalize())}</span>'
            f'<div class="plot">{blocks}</div><span></span></div>'
        )
    return rows


def segments_table(segments: Sequence[Segment], styles: Mapping[str, str]) -> str:
    """List the segments with speech by their start, each with a button that plays from there."""
    speech = [each for each in segments if each.kind == "speech"]
    if not speech:
        return ""
    has_speakers = len(by_speaker(segments)) > 1
    names = ["Time", *["Speaker"] * has_speakers, "Emotion", "Confidence", "Unusual"]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        _row(each, styles, has_speakers, is_first=number == 0) for number, each in enumerate(speech)
    )
    return (
        '<div class="table segments" role="region" aria-label="What happened when">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def clock(seconds: float) -> str:
    """Write minutes and seconds, such as 1:05, with tenths where there are some, such as 0:00.5."""
    return _moment(seconds).removesuffix(".0")


def _moment(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _row(segment: Segment, styles: Mapping[str, str], has_speakers: bool, is_first: bool) -> str:
    start, end = segment.start_seconds, segment.end_seconds
    speaker = f"<td>{escape(speaker_of(segment).capitalize())}</td>" if has_speakers else ""
    swatch = "swatch" if segment.label in styles else "swatch none"
    # One row can be reached with Tab; the arrow keys go to the others.
    return (
        f'<tr data-start="{start:.3f}" data-end="{end:.3f}" style="{escape(styles.get(segment.label, ""))}">'
        f'<th scope="row"><button type="button" tabindex="{0 if is_first else -1}">'
        f"{_moment(start)} – {_moment(end)}</button></th>{speaker}"
        f'<td class="word"><span class="{swatch}"></span>{escape(segment.words)}</td>'
        f"<td>{escape(str(segment.confidence))}</td>"
        f"<td>{UNUSUAL[segment.is_out_of_distribution]}</td></tr>"
    )
