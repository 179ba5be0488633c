"""Your own recordings with your own labels, read into the columns of every corpus."""

from __future__ import annotations

import logging
import math
import os
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, Value

from ser.corpora.clip_facts import ClipFacts, examine_clips
from ser.corpora.folders import shortened
from ser.corpora.own_sources import SPLIT_NAMES, read_source

LOGGER = logging.getLogger(__name__)

OWN = "own"  # the corpus of such clips
UNKNOWN_SPEAKER = ""
MAX_NUM_LABELS = 100
# Columns of the tables of predict.py, which also have a column for each label.
RESERVED_LABELS = ("path", "emotion", "duration_seconds", "error")


def load_own_data(
    source: str | os.PathLike[str],
    *,
    audio_column: str | None = None,
    label_column: str | None = None,
    speaker_column: str | None = None,
    group_by_folder: bool = False,
    skip_unreadable: bool = False,
) -> Dataset:
    """Read recordings with any labels, and examine each.

    Args:
        source: A folder with a folder for each label, a folder with `metadata.csv` (`.jsonl`, `.parquet`), a
            table with `path`, `label` and optionally `speaker`, `split`, `weight`, or a data set on the Hub.
        audio_column: Column of the recordings, if it has another name.
        label_column: Column of the labels, if it has another name.
        speaker_column: Column of speakers, sessions or calls, which training and test must not share.
        group_by_folder: Take the folder of a recording as its speaker.
        skip_unreadable: Log and skip recordings that are missing, unreadable or silent, instead of raising.

    Returns:
        The columns of every corpus (`ser.corpora.clips`), with the labels in `emotion`, and `actor` empty if
        speakers are not known; and `split`, `weight` and `sha256` (of the samples). Of copies with the same
        label and split, one is kept.

    Raises:
        ValueError: The source cannot be read, or a cell, label or recording cannot be used.
    """
    clips = read_own_clips(
        source,
        audio_column=audio_column,
        label_column=label_column,
        speaker_column=speaker_column,
        group_by_folder=group_by_folder,
    )
    return usable_clips(clips, examine_clips(clips), skip_unreadable=skip_unreadable)


def add_column_options(parser: ArgumentParser, of: str = "") -> None:
    """Add the options that name the columns of recordings to a parser, for `column_options` to read."""
    for what in ("audio", "label", "speaker"):
        parser.add_argument(f"--{what}_column", help=f"column of the {what}{of}, if it has another name")
    parser.add_argument(
        "--group_by_folder", action="store_true", help=f"take the folder of a recording{of} as its speaker"
    )


def column_options(options: Any) -> dict[str, Any]:
    """Return the arguments of `read_own_clips` that parsed options hold."""
    names = ("audio_column", "label_column", "speaker_column", "group_by_folder")
    return {name: getattr(options, name) for name in names}


def read_own_clips(
    source: str | os.PathLike[str],
    *,
    audio_column: str | None = None,
    label_column: str | None = None,
    speaker_column: str | None = None,
    group_by_folder: bool = False,
) -> Dataset:
    """Read as `load_own_data` does, without examining recordings: without `sha256`."""
    if group_by_folder and speaker_column:
        raise ValueError("--group_by_folder and --speaker_column exclude each other: name one.")
    named = {"audio": audio_column, "label": label_column, "speaker": speaker_column}
    rows = read_source(source, named)
    labels = [str(label).strip() for label in rows["label"]]
    _check_filled("label", labels)
    names = _label_names(labels)
    clips = rows.select_columns("audio")
    for column, values, feature in (
        ("emotion", [names.index(label) for label in labels], ClassLabel(names=names)),
        ("corpus", [OWN] * len(rows), Value("string")),
        ("actor", _speakers(rows, labels, group_by_folder), Value("string")),
        *((name, [None] * len(rows), Value("string")) for name in ("gender", "intensity", "statement")),
        ("repetition", [None] * len(rows), Value("int32")),
        ("split", _splits(rows), Value("string")),
        ("weight", _weights(rows), Value("float32")),
    ):
        clips = clips.add_column(column, values, feature=feature)
    return clips


def _label_names(labels: Sequence[str]) -> list[str]:
    names = sorted(set(labels))
    if len(names) > MAX_NUM_LABELS:
        raise ValueError(
            f"Found {len(names)} labels ({shortened(names)}), expected at most {MAX_NUM_LABELS}. "
            "Is the right column named with --label_column?"
        )
    if reserved := sorted(set(names) & set(RESERVED_LABELS)):
        raise ValueError(f"The label {reserved[0]!r} is a column of the tables written. Rename it.")
    folded: dict[str, str] = {}
    for name in names:
        if (other := folded.setdefault(name.casefold(), name)) != name:
            raise ValueError(f"The labels {other!r} and {name!r} differ in case alone. Write them one way.")
    return names


def _speakers(rows: Dataset, labels: Sequence[str], group_by_folder: bool) -> list[str]:
    if group_by_folder:
        folders = rows["folder"] if "folder" in rows.column_names else _parents(rows, labels)
        if set(folders) == {"."}:
            raise ValueError(
                "--group_by_folder needs folders between the label's and the recordings', such as "
                "angry/anna/1.wav; found none."
            )
        return list(folders)
    if "speaker" not in rows.column_names:
        return [UNKNOWN_SPEAKER] * len(rows)
    speakers = ["" if each is None else str(each).strip() for each in rows["speaker"]]
    if any(speakers):  # an empty column counts as none
        _check_filled("speaker", speakers)
    return speakers


def _parents(rows: Dataset, labels: Sequence[str]) -> list[str]:
    """Return the folder of each recording below their common one, without a folder named like the label."""
    parents = [Path(audio["path"] or "").parent for audio in rows["audio"]]
    common = os.path.commonpath(parents)
    return [
        Path(*(name for name in parent.relative_to(common).parts if name != label)).as_posix()
        for parent, label in zip(parents, labels, strict=True)
    ]


def _splits(rows: Dataset) -> list[str | None]:
    if "split" not in rows.column_names:
        return [None] * len(rows)
    splits = ["" if each is None else str(each).strip().lower() for each in rows["split"]]
    if not any(splits):
        return [None] * len(rows)
    _check_filled("split", splits)
    if unknown := sorted(set(splits) - set(SPLIT_NAMES)):
        raise ValueError(f"Unknown split {unknown[0]!r}, expected train, validation or test.")
    return [SPLIT_NAMES[split] for split in splits]


def _weights(rows: Dataset) -> list[float]:
    if "weight" not in rows.column_names:
        return [1.0] * len(rows)
    weights = []
    for number, cell in enumerate(rows["weight"], start=1):
        try:
            weight = float(cell)
        except (TypeError, ValueError):
            weight = math.nan
        if not 0 < weight < math.inf:
            raise ValueError(f"The weight in row {number} is {cell!r}, expected a number above 0.")
        weights.append(weight)
    return weights


def _check_filled(column: str, cells: Sequence[str]) -> None:
    if empty := [str(number) for number, cell in enumerate(cells, start=1) if not cell]:
        raise ValueError(
            f"The {column} is empty in row {shortened(empty)} of {len(cells)} (the header not counted). "
            f"Fill in each, or leave out {'the row' if column == 'label' else 'the whole column'}."
        )


def usable_clips(clips: Dataset, facts: Sequence[ClipFacts], *, skip_unreadable: bool) -> Dataset:
    """Keep the usable recordings, and add the column `sha256`.

    Args:
        clips: As `read_own_clips` gives them.
        facts: Results of `examine_clips`.
        skip_unreadable: As in `load_own_data`.

    Raises:
        ValueError: A recording cannot be used and `skip_unreadable` is not set, one sound has two labels or
            is in two splits, or no recording is left.
    """
    unusable = [fact for fact in facts if fact.problem]
    if unusable and not skip_unreadable:
        raise ValueError(
            f"{len(unusable)} of {len(facts)} recordings cannot be used: "
            f"{shortened([f'{fact.file} ({fact.problem})' for fact in unusable], 3)} "
            "Replace them, or leave them out with --skip_unreadable."
        )
    for fact in unusable:
        LOGGER.warning("Left out: %s (%s)", fact.file, fact.problem)
    copies = copies_of(clips, facts)
    for row, (first, column) in copies.items():
        if column:
            raise ValueError(_contradiction(clips, facts, first, row, column))
        LOGGER.warning("Left out: %s holds the same sound as %s", facts[row].file, facts[first].file)
    kept = [row for row, fact in enumerate(facts) if not fact.problem and row not in copies]
    if not kept:
        raise ValueError(f"None of the {len(facts)} recordings can be used.")
    sums = [facts[row].sha256 for row in kept]
    return clips.select(kept).add_column("sha256", sums, feature=Value("string"))


def copies_of(clips: Dataset, facts: Sequence[ClipFacts]) -> dict[int, tuple[int, str | None]]:
    """Find recordings of the same sound.

    Returns:
        By row of a copy, the row of the first such recording, and in which of the columns "emotion", "actor"
        and "split" the two contradict each other, if they do.
    """
    columns = {name: clips[name] for name in ("emotion", "actor", "split")}
    rows: dict[str, int] = {}
    found = {}
    for row, fact in enumerate(facts):
        if not fact.problem and (first := rows.setdefault(str(fact.sha256), row)) != row:
            found[row] = (
                first,
                next((name for name, values in columns.items() if values[first] != values[row]), None),
            )
    return found


def _contradiction(clips: Dataset, facts: Sequence[ClipFacts], first: int, row: int, column: str) -> str:
    found = [clips[column][each] for each in (first, row)]
    if column == "emotion":
        found = clips.features[column].int2str(found)
    what = {"emotion": "labels", "actor": "speakers", "split": "splits"}[column]
    return (
        f"{facts[first].file} and {facts[row].file} hold the same sound, in two {what} ({found[0]} and "
        f"{found[1]}). Remove one of them."
    )


def labels_of(clips: Dataset) -> np.ndarray:
    """Return the name of the label of each clip, shape `(num_clips,)`."""
    return np.array(clips.features["emotion"].names)[np.asarray(clips["emotion"])]
