"""Measurements as Markdown, for the model card and the pages of `docs/`; fractions become percent."""

from collections.abc import Iterator
from typing import Any


def percent_range(interval: dict[str, float]) -> str:
    """Both ends of an interval in percent.

    >>> percent_range({"low": 0.5678, "high": 0.6})
    '56.8 to 60.0'
    """
    return f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f}"


def scores_columns(scores: dict[str, Any]) -> str:
    """UAR, its interval, accuracy and number of clips as columns of a table."""
    uar, accuracy = 100 * scores["uar"], 100 * scores["accuracy"]
    interval = percent_range(scores["uar_interval"])
    return f"| **{uar:.1f}** | {interval} | {accuracy:.1f} | {scores['num_clips']} |"


def spread_lines(
    per_group: dict[str, dict[str, dict[str, Any]]], gaps: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """Yield a table of scores by group, and sentences that name the largest gaps.

    Args:
        per_group: By column ("gender") and value ("female"), what `group_scores` gives.
        gaps: By column, what `ser.evaluation.subgroups.largest_gap` gives.
    """
    yield "| group | UAR | 95 % interval | accuracy | clips |"
    yield "|---|---|---|---|---|"
    for column, groups in per_group.items():
        for value, scores in groups.items():
            yield f"| {column} {value} {scores_columns(scores).replace('**', '')}"
    yield from ("", *gap_sentences(gaps))


def gap_sentences(gaps: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the largest gap between groups of several speakers, and the one between single speakers."""
    between_groups = {column: gap for column, gap in gaps.items() if "interval" in gap}
    if between_groups:
        column = max(between_groups, key=lambda each: between_groups[each]["difference"])
        gap = between_groups[column]
        yield (
            f"**The largest gap is that of {column}: {gap['best']} is {100 * gap['difference']:.1f} points "
            f"of UAR above {gap['worst']}** (95 % interval over actors {percent_range(gap['interval'])})."
        )
    if "by_luck" in gaps.get("actor", {}):
        gap = gaps["actor"]
        yield (
            f"The best and the worst speaker ({gap['best']} and {gap['worst']}) are "
            f"{100 * gap['difference']:.1f} points apart; chance alone would separate the extremes of "
            f"equally difficult speakers by {100 * gap['by_luck']:.1f}."
        )
