"""What a full disk makes of writing files, as one error that says what to do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

MIN_FREE_BYTES = 2**20  # where less is free, a write failed for want of it


class FullDiskError(OSError):
    """There was no space left to write to. The message is for the person at the keyboard."""


@contextmanager
def explaining_full_disk(folder: str | os.PathLike[str], remedy: str) -> Iterator[None]:
    """Say so where the disk is full; Python, torch and safetensors each have another word for it.

    Args:
        folder: Where most is written to; there may not be such a folder yet.
        remedy: What to do when there is space again.

    Raises:
        FullDiskError: In place of an error of writing, where the disk is full.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        existing = next(path for path in (Path(folder), *Path(folder).absolute().parents) if path.exists())
        if shutil.disk_usage(existing).free < MIN_FREE_BYTES:
            raise FullDiskError(f"The disk of {folder} is full. {remedy}") from error
        if "No space left" in str(error):
            raise FullDiskError(f"A disk is full: {error}. {remedy}") from error
        raise
