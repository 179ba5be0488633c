"""The clips to score: from files, folders and globs, or from a manifest."""

import csv
import glob
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from ser.audio.limits import AUDIO_SUFFIXES

PATH_COLUMN = "path"


def list_sources(sources: Sequence[str]) -> Iterator[str]:
    """Yield the paths of the clips in the sources, each once, in the order of the sources.

    Args:
        sources: Files; folders, searched to their depths for `AUDIO_SUFFIXES` in alphabetical order, without
            following links to folders or looking at hidden names; and globs, `**` among them.

    Raises:
        ValueError: If a source is nothing of the kind.
    """
    # Only several sources can name a clip twice; a single folder of any size needs no memory.
    seen: set[str] | None = None if len(sources) == 1 else set()
    for source in sources:
        for path in _clips_of(source):
            if seen is not None:
                real = os.path.realpath(path)
                if real in seen:
                    continue
                seen.add(real)
            yield path


def _clips_of(source: str) -> Iterator[str]:
    path = Path(source)
    if path.is_dir():
        yield from _clips_within(source)
    elif path.exists():
        yield source
    else:
        # pathlib has no globs of absolute paths
        matches = sorted(set(glob.glob(source, recursive=True)))  # noqa: PTH207
        if not matches:
            raise ValueError(f"{source} is neither a file nor a folder, and matches no file name.")
        yield from (match for match in matches if not Path(match).is_dir())


def _clips_within(folder: str) -> Iterator[str]:
    with os.scandir(folder) as scan:
        entries = sorted(
            (entry for entry in scan if not entry.name.startswith(".")), key=lambda entry: entry.name
        )
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _clips_within(entry.path)
        elif Path(entry.name).suffix.lower() in AUDIO_SUFFIXES and entry.is_file():
            yield entry.path


def read_manifest(manifest: str | os.PathLike[str], path_column: str = PATH_COLUMN) -> Iterator[str]:
    """Read the paths that a manifest lists, in its order, row by row.

    Args:
        manifest: A table with a column of paths (.csv, .tsv, .parquet, or .jsonl with an object
            per line), or a text with one path per line (.txt or no ending).
        path_column: Name of that column.

    Raises:
        ValueError: If the file cannot be read as what its ending says, or lacks the column, or a row a path.
        OSError: If it cannot be opened.
    """
    manifest = Path(manifest)
    suffix = manifest.suffix.lower()
    if suffix not in READERS:
        raise ValueError(
            f"A manifest ends in {', '.join(filter(None, READERS))} or nothing; got {manifest.name}. "
            "Save it as one of these."
        )
    try:
        for number, path in enumerate(READERS[suffix](manifest, path_column), start=1):
            if not isinstance(path, str) or not path.strip():
                raise ValueError(
                    f"Row {number} of {manifest} has no path: found {path!r}. Fill it in or remove it."
                )
            yield path
    except (KeyError, TypeError) as error:
        raise ValueError(f"{manifest} has no column {path_column!r}; name another one to read.") from error
    except (csv.Error, json.JSONDecodeError, UnicodeDecodeError, pyarrow.ArrowException) as error:
        raise ValueError(f"{manifest} cannot be read as {suffix or 'text'}: {error}") from error


def _table_paths(manifest: Path, path_column: str) -> Iterator[Any]:
    with manifest.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines, delimiter="\t" if manifest.suffix.lower() == ".tsv" else ",")
        if path_column not in (table.fieldnames or ()):
            raise KeyError(path_column)
        yield from (row[path_column] for row in table)


def _json_lines_paths(manifest: Path, path_column: str) -> Iterator[Any]:
    with manifest.open(encoding="utf-8-sig") as lines:
        yield from (json.loads(line)[path_column] for line in lines if line.strip())


def _text_paths(manifest: Path, path_column: str) -> Iterator[Any]:  # noqa: ARG001 -- it has no columns
    with manifest.open(encoding="utf-8-sig") as lines:
        yield from (line.rstrip("\n") for line in lines if line.strip())


def _parquet_paths(manifest: Path, path_column: str) -> Iterator[Any]:
    with pyarrow.parquet.ParquetFile(manifest) as table:
        if path_column not in table.schema_arrow.names:
            raise KeyError(path_column)
        for batch in table.iter_batches(columns=[path_column]):
            yield from batch.column(0).to_pylist()


READERS: dict[str, Callable[[Path, str], Iterator[Any]]] = {
    ".csv": _table_paths,
    ".tsv": _table_paths,
    ".jsonl": _json_lines_paths,
    ".parquet": _parquet_paths,
    ".txt": _text_paths,
    "": _text_paths,
}
"""Ending of a manifest -> the function that yields what stands in its column of paths."""
