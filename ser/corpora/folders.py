"""Looking into folders of clips."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


def existing_path(data_dir: str | os.PathLike[str], remedy: str) -> Path:
    """Make a path absolute, so that it holds from any working directory.

    Raises:
        ValueError: Nothing lies there; the message ends with `remedy`.
    """
    path = Path(data_dir).expanduser().resolve()
    if not path.exists():
        raise ValueError(f"{path} does not exist. {remedy}")
    return path


def visible_entries(folder: Path) -> list[Path]:
    """What lies in a folder, sorted by name, without the hidden files that half-done unpacking leaves."""
    return [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith((".", "__MACOSX"))]


def shortened(names: Sequence[str], num_shown: int = 5) -> str:
    """The first few names of a list, and how many more there are.

    >>> shortened(["a", "b", "c"], num_shown=2)
    'a, b and 1 more'
    """
    more = f" and {len(names) - num_shown} more" if len(names) > num_shown else ""
    return ", ".join(names[:num_shown]) + more
