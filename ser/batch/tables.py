"""The table of probabilities: one row a clip, in Parquet, CSV or JSON lines."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

NUM_DECIMALS = 6  # of probabilities and seconds in text; float32 holds no more
ROWS_PER_GROUP = 65_536  # what a reader of the Parquet file fetches at a time


@dataclass
class ScoredClip:
    """A row: the probabilities of a clip, or the reason why it has none.

    Attributes:
        path: As it was listed.
        duration_seconds: Length of the sound; `None` if it could not be read.
        probabilities: Of each emotion, `(num_emotions,)`; `None` likewise.
        confidence: How often such answers are right, in words; `None` likewise.
        error: Why it could not be read.
    """

    path: str
    duration_seconds: float | None = None
    probabilities: np.ndarray | None = None
    confidence: str | None = None
    error: str | None = None


def schema_of(emotions: Sequence[str]) -> pyarrow.Schema:
    """Return the columns: path, likeliest emotion, confidence, length, each emotion's probability, error."""
    numbers = [(emotion, pyarrow.float32()) for emotion in emotions]
    text = pyarrow.string()
    return pyarrow.schema(
        [
            ("path", text),
            ("emotion", text),
            ("confidence", text),
            ("duration_seconds", pyarrow.float32()),
            *numbers,
            ("error", text),
        ]
    )


def write_part(file: Path, clips: Sequence[ScoredClip], emotions: Sequence[str]) -> None:
    """Write some rows as a Parquet file."""
    rows = []
    for clip in clips:
        row: dict[str, Any] = {
            "path": printable(clip.path),
            "confidence": clip.confidence,
            "duration_seconds": clip.duration_seconds,
            "error": clip.error,
        }
        if clip.probabilities is not None:
            row |= dict(zip(emotions, clip.probabilities.tolist(), strict=True))
            row["emotion"] = emotions[int(clip.probabilities.argmax())]
        rows.append(row)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema_of(emotions)), file)


def printable(path: str) -> str:
    """Return a path as text, with bytes that are not UTF-8 escaped, because a table holds only text."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def join_parts(parts: Iterable[Path], file: Path, form: str, schema: pyarrow.Schema) -> int:
    """Write the rows of all parts, in their order, to one file.

    Args:
        parts: Files by `write_part`.
        file: Where to write.
        form: One of `FORMS`.
        schema: Columns of the parts.

    Returns:
        How many rows have an `error`.
    """
    num_broken = 0
    with FORMS[form](file, schema) as write:
        for part in parts:
            table = pyarrow.parquet.read_table(part)
            write(table)
            num_broken += len(table) - table["error"].null_count
    return num_broken


Write = Callable[[pyarrow.Table], None]


@contextmanager
def _parquet(file: Path, schema: pyarrow.Schema) -> Iterator[Write]:
    waiting: list[pyarrow.Table] = []

    with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:

        def write_group() -> None:
            if waiting:
                writer.write_table(pyarrow.concat_tables(waiting), row_group_size=ROWS_PER_GROUP)
                waiting.clear()

        def write(table: pyarrow.Table) -> None:
            waiting.append(table)
            if sum(map(len, waiting)) >= ROWS_PER_GROUP:
                write_group()

        yield write
        write_group()


@contextmanager
def _csv(file: Path, schema: pyarrow.Schema) -> Iterator[Write]:
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, schema.names, lineterminator="\n")
        writer.writeheader()
        yield lambda table: writer.writerows(map(_rounded, table.to_pylist()))


@contextmanager
def _json_lines(file: Path, schema: pyarrow.Schema) -> Iterator[Write]:  # noqa: ARG001 -- as its siblings
    with file.open("w", encoding="utf-8") as lines:
        yield lambda table: lines.writelines(
            json.dumps(_rounded(row), ensure_ascii=False) + "\n" for row in table.to_pylist()
        )


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, NUM_DECIMALS) if isinstance(value, float) else value for name, value in row.items()
    }


FORMS = {"parquet": _parquet, "csv": _csv, "jsonl": _json_lines}
"""Name of a format, which is also the ending of its files -> what opens a file of it for writing."""
