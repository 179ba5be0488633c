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
    """A table of scores by group and sentences that name the largest gaps.

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
    """The largest gap between groups of several voices, and the one between single voices."""
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
            f"Single voices are {100 * gap['difference']:.1f} points apart, actor {gap['worst']} the worst "
            f"and actor {gap['best']} the best; luck alone would part the extremes of equally hard voices by "
            f"{100 * gap['by_luck']:.1f}."
        )


def elsewhere_lines(evaluations: list[dict[str, Any]]) -> Iterator[str]:
    """A table of evaluations on the conventional sets of emotions that other corpora have."""
    yield "| corpus | emotions | UAR | 95 % interval over speakers | accuracy | clips | guessing |"
    yield "|---|---|---|---|---|---|---|"
    for name in ("6", "4"):
        for evaluation in evaluations:
            if name in evaluation["per_class_set"]:
                scores = evaluation["per_class_set"][name]
                who = evaluation["title"].partition(" (")[0]
                yield f"| {who} | {name} {scores_columns(scores)} {100 / int(name):.1f} |"


def disturbed_lines(robustness: dict[str, Any]) -> Iterator[str]:
    """A table of what `benchmarks/accuracy/robustness.py` found, a row a disturbance."""
    yield (
        f"The shipped checkpoint on the {robustness['num_clips']} clips of actors "
        f"{', '.join(map(str, robustness['actors']))}, each clip disturbed the same way for every model."
    )
    yield from (
        "",
        "| condition | UAR | points lost | 95 % interval of the loss over actors |",
        "|---|---|---|---|",
    )
    for name, scores in robustness["conditions"].items():
        lost = "" if name == "clean" else f"{100 * scores['uar_lost']:.1f}"
        interval = "" if name == "clean" else percent_range(scores["uar_lost_interval"])
        yield f"| {name} | {100 * scores['uar']:.1f} | {lost} | {interval} |"


def unlike_lines(unlike: dict[str, Any]) -> Iterator[str]:
    """A table of AUROC by score of strangeness and kind of sound."""
    kinds = list(next(iter(unlike["auroc"].values())))
    yield f"| score | {' | '.join(kinds)} |"
    yield f"|---|{'---|' * len(kinds)}"
    for name, by_kind in unlike["auroc"].items():
        mark = "**" if name == unlike["best"] else ""
        yield f"| {mark}{name}{mark} | {' | '.join(f'{by_kind[kind]:.2f}' for kind in kinds)} |"


def unlike_sentence(unlike: dict[str, Any]) -> str:
    """How well the best score of strangeness does."""
    best, likeliest = unlike["auroc"][unlike["best"]], unlike["auroc"]["highest probability"]
    return (
        f"Of the scores of strangeness that were tried, {unlike['best']} is the best: it tells synthetic "
        f"sounds without speech from unseen RAVDESS voices with an AUROC of {best['no speech']:.2f} "
        f"(guessing gives 0.50), and EmoDB's German with {best['EmoDB']:.2f}. The highest probability, which "
        f"looks like a measure of doubt, does so with {likeliest['no speech']:.2f} and "
        f"{likeliest['EmoDB']:.2f}: **a sure answer does not mean that a voice was heard**, nor one like "
        "those of the training."
    )
