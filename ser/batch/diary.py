"""A note of the file that a worker reads, in case the file's decoder kills the process."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MAX_DEATHS = 3  # of processes while reading a file, before it is skipped


class Diary:
    """A file with the clip being read, for the process that follows one that died.

    Attributes:
        file: The file.
        deaths: Clips during whose reading an earlier process died.
    """

    def __init__(self, file: Path):
        self.file = file
        self.deaths: list[int] = []
        with suppress(OSError, ValueError):  # there is none, or a process died while writing it
            self.deaths = json.loads(file.read_text())

    def gives_up(self, index: int) -> str | None:
        """Return why a clip is skipped, or None if it is not."""
        if self.deaths.count(index) < MAX_DEATHS:
            return None
        return f"The process ended {MAX_DEATHS} times while reading this file. Convert it to WAV."

    @contextmanager
    def reading(self, index: int) -> Iterator[None]:
        """Note a clip while it is read."""
        self.file.write_text(json.dumps([*self.deaths, index]))
        try:
            yield
        finally:
            if self.deaths:
                self.file.write_text(json.dumps(self.deaths))
            else:
                os.truncate(self.file, 0)
