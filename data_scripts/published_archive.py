"""A published zip, and whether a file at hand is it."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path


class FetchError(Exception):
    """An archive that could not be fetched or is not the published one."""


@dataclass(frozen=True)
class PublishedArchive:
    """Where a zip is published and what is known of it; `None` for what its publisher does not say."""

    url: str | None  # None: given out on request only
    file_name: str
    max_bytes: int  # no more than this is taken from a server
    num_bytes: int | None = None
    md5: str | None = None

    def verify(self, path: Path) -> None:
        """Compare a file with what is known: size and checksum, else only whether it is a zip with an end.

        The checksums inside a zip are compared when it is unpacked, after the limits that stop a bomb.

        Raises:
            FetchError: It is another file, or damaged.
        """
        num_bytes = path.stat().st_size
        if self.num_bytes is not None and num_bytes != self.num_bytes:
            raise FetchError(f"{path} has {num_bytes:,} bytes, the published archive {self.num_bytes:,}.")
        if self.md5 is None:
            _verify_zip(path)
            return
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, "md5").hexdigest()  # MD5 is what the publishers state
        if md5 != self.md5.lower():
            raise FetchError(f"{path} has the MD5 checksum {md5}, the published archive {self.md5}.")


def _verify_zip(path: Path) -> None:
    try:
        zipfile.ZipFile(path).close()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise FetchError(f"{path} is not a whole zip archive ({error}).") from error
