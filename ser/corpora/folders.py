"""Paths and folders of clips."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def existing_path(data_dir: str | os.PathLike[str], remedy: str) -> Path:
    """Make a path absolute, so that it holds from any working directory.

    Raises:
        ValueError: The path does not exist; the message ends with `remedy`.
    """
    path = Path(data_dir).expanduser().resolve()
    if not path.exists():
        raise ValueError(f"{path} does not exist. {remedy}")
    return path


def visible_entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, sorted by name, without hidden files and those of macOS archives."""
    return [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith((".", "__MACOSX"))]


def shortened(names: Sequence[str], num_shown: int = 5) -> str:
    """Return the first few names of a list, and the number of the others.

    >>> shortened(["a", "b", "c"], num_shown=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - num_shown} more" if len(names) > num_shown else ""
    return ", ".join(names[:num_shown]) + more
