"""A full disk as one error that says what to do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

MIN_FREE_BYTES = 2**20  # with less free space, a failed write is put down to the full disk


class FullDiskError(OSError):
    """A full disk. The message is for the user."""


@contextmanager
def explaining_full_disk(folder: str | os.PathLike[str], remedy: str) -> Iterator[None]:
    """Raise one error if the disk is full; Python, torch and safetensors each raise a different one.

    Args:
        folder: The folder that is written to; it need not exist yet.
        remedy: What to do when there is space again.

    Raises:
        FullDiskError: In place of a write error, if the disk is full.
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
