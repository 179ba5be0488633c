"""Recordings of visitors on this machine's disk: limited in size and age, and deleted when the demo ends."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

MAX_AGE_SECONDS = 3600
SWEEP_EVERY_SECONDS = 600
MIN_AGE_SECONDS = 60  # younger recordings are being analysed or played, and stay
MAX_STORED_BYTES = 2 * 2**30
PREFIX = "ser-demo-"


class Recordings:
    """The folder of the visitors' recordings.

    Gradio deletes the files that it knows of. This deletes every file in the folder: also halves of broken
    uploads, and parts of forms that Gradio did not ask for.

    Args:
        folder: Gradio's folder of uploads. Files that are in it now, the page's own, stay.
        max_bytes: Limit of all recordings together.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_STORED_BYTES):
        self.folder = folder
        self.max_bytes = max_bytes
        self.own = set(self._files())
        self._num_bytes_at_most = 0  # stored or under way; an upper bound
        self._num_bytes_under_way = 0

    def begin_upload(self, num_bytes: int) -> bool:
        """Reserve room for an upload and return whether there is any; if so, `end_upload` must follow."""
        if self._num_bytes_at_most + num_bytes > self.max_bytes:
            self._num_bytes_at_most = self._num_bytes_under_way + self._make_room(num_bytes)
        if self._num_bytes_at_most + num_bytes > self.max_bytes:
            return False
        self._num_bytes_at_most += num_bytes
        self._num_bytes_under_way += num_bytes
        return True

    def end_upload(self, num_bytes: int) -> None:
        """Count an upload as stored."""
        self._num_bytes_under_way -= num_bytes

    def sweep(self) -> None:
        """Delete old files here, and the old folders of demos that were killed."""
        deadline = time.time() - MAX_AGE_SECONDS
        for changed_time, _, file in self._stored():
            if changed_time < deadline:
                self._delete(file)
        if self.folder.name.startswith(PREFIX):
            os.utime(self.folder)
            for other in self.folder.parent.glob(f"{PREFIX}*"):
                with suppress(FileNotFoundError):  # another demo was quicker
                    if other.stat().st_mtime < deadline:
                        rmtree(other, ignore_errors=True)

    @asynccontextmanager
    async def swept(self, app: Any) -> AsyncIterator[None]:  # noqa: ARG002  # a lifespan is handed the app
        """Sweep every few minutes while the demo is served."""

        async def sweep_for_ever() -> None:
            while True:
                await asyncio.to_thread(self.sweep)
                await asyncio.sleep(SWEEP_EVERY_SECONDS)

        task = asyncio.create_task(sweep_for_ever())
        try:
            yield
        finally:
            task.cancel()

    def _make_room(self, num_bytes: int) -> int:
        """Delete the oldest files as far as needed and allowed; return how many bytes are stored then."""
        stored = sorted(self._stored())
        total = sum(size for _, size, _ in stored)
        room = self.max_bytes - self._num_bytes_under_way - num_bytes
        for changed_time, size, file in stored:
            if total <= room or changed_time > time.time() - MIN_AGE_SECONDS:
                break
            self._delete(file)
            total -= size
        return total

    def _stored(self) -> Iterator[tuple[float, int, Path]]:
        """Yield time of the last change, size and path of each file that is not the page's own."""
        for file in self._files():
            if file in self.own:
                continue
            try:
                status = file.stat()
            except FileNotFoundError:  # Gradio was quicker
                continue
            yield status.st_mtime, status.st_size, file

    def _files(self) -> list[Path]:
        # Unlike rglob this passes over folders that are deleted meanwhile.
        return [Path(folder, name) for folder, _, names in os.walk(self.folder) for name in names]

    def _delete(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        if file.parent != self.folder:
            with suppress(OSError):  # it holds more, or was deleted meanwhile
                file.parent.rmdir()


@contextmanager
def private_folder() -> Iterator[None]:
    """Let Gradio keep recordings in a folder of this process, which is deleted when the process ends."""
    base = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=base, ignore_cleanup_errors=True) as folder:
        before = os.environ.get("GRADIO_TEMP_DIR")
        os.environ["GRADIO_TEMP_DIR"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["GRADIO_TEMP_DIR"]
            else:
                os.environ["GRADIO_TEMP_DIR"] = before
