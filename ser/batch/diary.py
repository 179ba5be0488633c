"""A note of the file that a worker reads, in case the file's decoder kills the process."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

MAX_DEATHS = 3  # of processes while reading a file, before it is skipped
LARGEST_INDEX = 10**9


class Diary:
    """A file with the clip being read, for the process that follows one that died.

    As a context it is deleted at the end, unless there was an error.

    Attributes:
        deaths: Clips during whose reading an earlier process died.
    """

    def __init__(self, file: Path):
        self.deaths: list[int] = []
        with suppress(OSError, ValueError):  # there is none, or a process died while writing it
            self.deaths = json.loads(file.read_text())
        self._path = file
        self._file = file.open("wb", buffering=0)
        self._write(self.deaths)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._file.close()
        if error is None:
            self._path.unlink(missing_ok=True)

    def gives_up(self, index: int) -> str | None:
        """Return why a clip is skipped, or None if it is not."""
        if self.deaths.count(index) < MAX_DEATHS:
            return None
        return f"The process ended {MAX_DEATHS} times while reading this file. Convert it to WAV."

    @contextmanager
    def reading(self, index: int) -> Iterator[None]:
        """Note a clip while it is read."""
        self._write([*self.deaths, index])
        try:
            yield
        finally:
            self._write(self.deaths)

    def _write(self, noted: list[int]) -> None:
        # Over the note before, padded to its length: emptying a file again and again waits for the disk.
        length = len(json.dumps([*self.deaths, LARGEST_INDEX]))
        self._file.seek(0)
        self._file.write(json.dumps(noted).ljust(length).encode())
