"""Sources of your own recordings: a folder, a table, or a data set."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from datasets import Audio, Dataset, DatasetDict, concatenate_datasets, load_dataset, load_from_disk
from datasets.exceptions import DatasetBuildError

from ser.audio.limits import AUDIO_SUFFIXES
from ser.corpora.folders import shortened, visible_entries

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
METADATA_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
COLUMN_NAMES = {
    "audio": ("path", "file_name", "audio", "file"),
    "label": ("label", "emotion"),
    "speaker": ("speaker", "speaker_id", "actor"),
    "split": ("split",),
    "weight": ("weight",),
}
"""What is read -> its possible columns, unless an option names one."""
SPLIT_NAMES = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(?:@[\w./-]+)?")
EXPECTED = (
    "Expected a folder with a folder of recordings for each label, a folder with metadata.csv, a table "
    f"({', '.join(TABLE_SUFFIXES)}), or a data set of the Hugging Face Hub (owner/name)."
)


def read_source(source: str | os.PathLike[str], columns: dict[str, str | None]) -> Dataset:
    """Read a source, without opening the recordings.

    Args:
        source: A folder, a table, or the name of a data set on the Hub, with `@revision` if wanted.
        columns: Key of `COLUMN_NAMES` -> name of its column, if one was given.

    Returns:
        `audio` (undecoded), `label`, and those of `speaker`, `split` and `weight` that the source has.
        Missing files keep their expected path.

    Raises:
        ValueError: The source does not exist, is of another kind, or lacks a column.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return _read_table(path, columns)
    if path.is_dir():
        return _read_folder(path.resolve(), columns)
    if not HUB_ID.fullmatch(str(source)) or str(source).startswith("."):
        raise ValueError(f"{source} does not exist. {EXPECTED}")
    name, _, revision = str(source).partition("@")
    return _read_dataset(lambda: load_dataset(name, revision=revision or None), str(source), columns)


def _read_folder(folder: Path, columns: dict[str, str | None]) -> Dataset:
    for name in METADATA_NAMES:
        if (folder / name).is_file():
            return _read_table(folder / name, columns)
    if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
        return _read_dataset(lambda: load_from_disk(str(folder)), str(folder), columns)
    parts = [entry for entry in visible_entries(folder) if entry.is_dir()]
    if parts and all(part.name.lower() in SPLIT_NAMES for part in parts):
        read = [_read_folder(part, columns) for part in parts]
        return concatenate_datasets(
            [
                rows.add_column("split", [part.name.lower()] * len(rows))
                for part, rows in zip(parts, read, strict=True)
            ]
        )
    if next(folder.rglob("*.parquet"), None):
        return _read_dataset(lambda: load_dataset(str(folder)), str(folder), columns)
    return _read_label_folders(folder, parts)


def _read_label_folders(folder: Path, parts: list[Path]) -> Dataset:
    """Read a folder for each label; folders between it and a file become the column `folder`."""
    if loose := [entry.name for entry in visible_entries(folder) if _is_recording(entry)]:
        raise ValueError(
            f"Recordings in {folder} lie outside of a label's folder: {shortened(loose)}. Put each into the "
            "folder of its label, or write a table with path and label."
        )
    found = [
        {"audio": str(file), "label": part.name, "folder": file.relative_to(part).parent.as_posix()}
        for part in parts
        for file in sorted(part.rglob("*"))
        if _is_recording(file) and not any(name.startswith(".") for name in file.relative_to(part).parts)
    ]
    if not found:
        raise ValueError(f"No recording in {folder}. {EXPECTED}")
    return Dataset.from_list(found).cast_column("audio", Audio(decode=False))


def _is_recording(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _read_table(file: Path, columns: dict[str, str | None]) -> Dataset:
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        return _read_dataset(lambda: Dataset.from_parquet(str(file)), str(file), columns, file.parent)
    if suffix not in TABLE_SUFFIXES:
        raise ValueError(f"{file} is not a table that can be read. {EXPECTED}")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not UTF-8 text ({error.reason}). Save it as 'CSV UTF-8'.") from error
    try:
        rows = _json_rows(text) if suffix == ".jsonl" else _csv_rows(text)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{file} cannot be read: {error}.") from error
    if not rows:
        raise ValueError(f"{file} has no rows. {EXPECTED}")
    names = list(dict.fromkeys(name for row in rows for name in row))
    text_of = {name: [_text(row.get(name)) for row in rows] for name in names}
    return _renamed(Dataset.from_dict(text_of), columns, str(file), file.parent)


def _csv_rows(text: str) -> list[dict[str, Any]]:
    """Read a table that is separated by comma, semicolon or tab, whichever its header has most of."""
    header = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=header.count), strict=True)
    names = [name.strip() for name in next(reader, [])]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"its header names {', '.join(repeated)} twice")
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            raise ValueError(f"line {reader.line_num} has {len(cells)} cells, its header {len(names)}")
        rows.append(dict(zip(names, cells, strict=True)))
    return rows


def _json_rows(text: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number} is not JSON ({error})") from error
        if not isinstance(row, dict) or any(isinstance(cell, list | dict) for cell in row.values()):
            raise ValueError(
                f'line {number} holds other values than {{"path": "a.wav", "label": "calm"}}: expected text '
                "and numbers by the names of the columns"
            )
        rows.append(row)
    return rows


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _read_dataset(
    load: Callable[[], Dataset | DatasetDict],
    name: str,
    columns: dict[str, str | None],
    base: Path | None = None,
) -> Dataset:
    try:
        loaded = load()
    except (OSError, ValueError, ImportError, DatasetBuildError) as error:
        remedy = (
            ""
            if Path(name).exists()
            else " If it holds audio files rather than Parquet, download it with "
            "`hf download OWNER/NAME --repo-type dataset --local-dir FOLDER` and name that folder."
        )
        raise ValueError(f"{name} cannot be loaded: {error}.{remedy}") from error
    if isinstance(loaded, Dataset):
        return _renamed(loaded, columns, name, base)
    read = {split: _renamed(rows, columns, name, base) for split, rows in loaded.items()}
    if len(read) == 1:  # an undivided data set on the Hub is named "train"
        return next(iter(read.values()))
    return concatenate_datasets(
        [
            (rows.remove_columns("split") if "split" in rows.column_names else rows).add_column(
                "split", [split] * len(rows)
            )
            for split, rows in read.items()
        ]
    )


def _renamed(rows: Dataset, columns: dict[str, str | None], name: str, base: Path | None) -> Dataset:
    """Return the columns that are read, named by `COLUMN_NAMES`, with undecoded audio."""
    chosen = {}
    for wanted, usual in COLUMN_NAMES.items():
        named = columns.get(wanted)
        found = named if named else next((each for each in usual if each in rows.column_names), None)
        if found is None and wanted in ("audio", "label"):
            raise ValueError(
                f"{name} has the columns {', '.join(rows.column_names)}; expected one of {', '.join(usual)} "
                f"for the {wanted}. Name it with --{wanted}_column."
            )
        if found is not None and found not in rows.column_names:
            raise ValueError(
                f"{name} has no column {found}; it has {', '.join(rows.column_names)}. "
                f"Correct --{wanted}_column."
            )
        if found is not None:
            chosen[found] = wanted
    rows = rows.select_columns(list(chosen)).rename_columns(
        {found: wanted for found, wanted in chosen.items() if found != wanted}
    )
    label = rows.features["label"]
    if hasattr(label, "names"):
        rows = _replaced(rows, "label", ["" if each is None else label.names[each] for each in rows["label"]])
    if rows.features["audio"].dtype == "string":
        if empty := [number for number, path in enumerate(rows["audio"], start=1) if not path]:
            raise ValueError(
                f"{name} has no path in row {shortened([str(row) for row in empty])}. Fill it in."
            )
        folder = base or Path.cwd()
        rows = _replaced(rows, "audio", [str(_resolved(path, folder)) for path in rows["audio"]])
    return rows.cast_column("audio", Audio(decode=False))


def _replaced(rows: Dataset, column: str, values: list[str]) -> Dataset:
    return rows.remove_columns(column).add_column(column, values)


def _resolved(path: str, folder: Path) -> Path:
    """Resolve a path relative to the folder of its table; accepts Windows paths."""
    found = folder / Path(path).expanduser()
    if "\\" in path and not found.exists():
        found = folder / PurePosixPath(path.replace("\\", "/"))
    return found
