"""What a worker notes before it reads a file, for the case that the file ends its process."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MAX_DEATHS = 3  # of processes while reading one file, before it is left unread


class Diary:
    """A file that says which clip is being read, for whoever comes after a process that died of it.

    Attributes:
        file: The file.
        deaths: Clips whose reading an earlier process did not outlive.
    """

    def __init__(self, file: Path):
        self.file = file
        self.deaths: list[int] = []
        with suppress(OSError, ValueError):  # there is none, or a process died while writing it
            self.deaths = json.loads(file.read_text())

    def gives_up(self, index: int) -> str | None:
        """Say why a clip is left unread, if it is."""
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
