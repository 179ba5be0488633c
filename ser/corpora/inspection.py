"""Summary and chart of recordings before training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ser.corpora.clip_facts import ClipFacts
from ser.corpora.folders import shortened
from ser.corpora.own_data import UNKNOWN_SPEAKER, copies_of, labels_of
from ser.labels import label_colors

NUM_LISTED = 20  # files of a kind in the summary; the table of recordings has all
PERCENTILES = {"min": 0, "median": 50, "max": 100}


def inspect_clips(clips: Dataset, facts: Sequence[ClipFacts]) -> dict[str, Any]:
    """Summarise recordings as one dictionary that JSON can hold.

    Args:
        clips: As `ser.corpora.own_data.read_own_clips` gives them.
        facts: Results of `examine_clips`.

    Returns:
        `num_recordings` and `total_seconds`; `min`, `median` and `max` of `duration_seconds` and `level_db`;
        counts by value of `sampling_rates`, `num_channels`, `labels`, `speakers` and `splits`;
        `labels_of_speakers`, by speaker and label; the files of `left_out` with the reason, of `duplicates`
        with the first file of the same sound, of `conflicts` (one sound with two labels, speakers or
        splits), and by kind those with `faults` that make recognition uncertain; and `num_to_train`.
    """
    labels, speakers = labels_of(clips), np.asarray(clips["actor"])
    known = speakers != UNKNOWN_SPEAKER
    copies = copies_of(clips, facts).items()
    duplicates = {facts[row].file: facts[first].file for row, (first, column) in copies if not column}
    conflicts = [[facts[first].file, facts[row].file] for row, (first, column) in copies if column]
    left_out = {fact.file: fact.problem for fact in facts if fact.problem}
    faults: dict[str, list[str]] = {}
    for fact in facts:
        for kind in fact.hints if fact.problem is None else ():
            faults.setdefault(kind, []).append(fact.file)
    return {
        "num_recordings": len(facts),
        "total_seconds": sum(fact.duration_seconds or 0.0 for fact in facts),
        "duration_seconds": _spread([fact.duration_seconds for fact in facts]),
        "level_db": _spread([fact.level_db for fact in facts]),
        "sampling_rates": _counts([fact.sampling_rate for fact in facts if fact.problem is None]),
        "num_channels": _counts([fact.num_channels for fact in facts if fact.problem is None]),
        "labels": _counts(labels.tolist()),
        "speakers": _counts(speakers[known].tolist()),
        "labels_of_speakers": {
            who: _counts(labels[speakers == who].tolist()) for who in sorted(set(speakers[known].tolist()))
        },
        "splits": _counts([split for split in clips["split"] if split]),
        "left_out": left_out,
        "duplicates": duplicates,
        "conflicts": conflicts,
        "faults": faults,
        "num_to_train": len(facts) - len(left_out) - len(duplicates),
    }


def _spread(values: Sequence[float | None]) -> dict[str, float] | None:
    there = [value for value in values if value is not None]
    if not there:
        return None
    return {name: float(np.percentile(there, percent)) for name, percent in PERCENTILES.items()}


def _counts(values: Sequence[Any]) -> dict[str, int]:
    return {
        str(value): number for value, number in sorted(Counter(values).items(), key=lambda each: str(each[0]))
    }


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """Write a summary of `inspect_clips` as lines of text."""
    lines = [f"{summary['num_recordings']} recordings, {summary['total_seconds'] / 60:.1f} minutes"]
    for name, key, unit in (("duration", "duration_seconds", "s"), ("speech level", "level_db", "dB")):
        if spread := summary[key]:
            lines.append(
                f"{name:<15}{spread['min']:.1f} to {spread['max']:.1f} {unit}, "
                f"median {spread['median']:.1f} {unit}"
            )
    for name, key in (
        ("sampling rates", "sampling_rates"),
        ("channels", "num_channels"),
        ("labels", "labels"),
        ("speakers", "speakers"),
        ("splits", "splits"),
    ):
        lines.append(f"{name:<15}{_counted(summary[key]) or 'not known'}")
    lines += [f"{kind:<15}{len(files)}: {shortened(files, 3)}" for kind, files in summary["faults"].items()]
    lines += [f"left out       {file}: {why}" for file, why in list(summary["left_out"].items())[:NUM_LISTED]]
    lines += [
        f"duplicate      {file} holds the same sound as {other}"
        for file, other in list(summary["duplicates"].items())[:NUM_LISTED]
    ]
    lines += [
        f"CONFLICT       {first} and {second} hold the same sound, with other labels, speakers or splits"
        for first, second in summary["conflicts"][:NUM_LISTED]
    ]
    return [*lines, f"A training would use {summary['num_to_train']} recordings."]


def _counted(counts: dict[str, int]) -> str:
    shown = [f"{name} ({number})" for name, number in counts.items()]
    return shortened(shown, 12)


def inspection_figure(clips: Dataset, facts: Sequence[ClipFacts], title: str) -> Figure:
    """Draw the numbers of recordings by label and speaker, and histograms of duration and level.

    Args:
        clips: As for `inspect_clips`.
        facts: As for `inspect_clips`.
        title: Title of the chart.
    """
    labels, speakers = labels_of(clips), np.asarray(clips["actor"])
    names = clips.features["emotion"].names
    colors = label_colors(names)
    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15)
    height = min(max(6.0, 0.28 * len(names) + 3.5), 30.0)
    figure = Figure(figsize=(11, height), dpi=120, layout=layout, facecolor="white")
    figure.suptitle(f"{title}: {len(facts)} recordings", fontweight="bold")
    of_label, of_length, of_speaker, of_level = figure.subplots(2, 2).ravel()
    counts = [int((labels == name).sum()) for name in names]
    of_label.barh(names, counts, color=[colors[name] for name in names])
    of_label.invert_yaxis()
    of_label.set_title("recordings of each label")
    for axes, values, what in (
        (of_length, [fact.duration_seconds for fact in facts], "duration in seconds"),
        (of_level, [fact.level_db for fact in facts], "level of the speech in dB below full scale"),
    ):
        there = [value for value in values if value is not None]
        if there:
            axes.hist(there, bins=30, color="#4338ca")
        axes.set_title(what)
    of_speaker.set_xticks([])
    everyone, of_each = np.unique(speakers[speakers != UNKNOWN_SPEAKER], return_counts=True)
    of_speaker.bar(range(len(everyone)), np.sort(of_each)[::-1], color="#686a72")
    of_speaker.set_title(
        f"recordings of each of {len(everyone)} speakers" if len(everyone) else "speakers not known"
    )
    for axes in (of_label, of_length, of_speaker, of_level):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
