"""A published zip, and its verification."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path


class FetchError(Exception):
    """An archive could not be downloaded or is not the published one."""


@dataclass(frozen=True)
class PublishedArchive:
    """Address and checksum of a published zip; `None` if its publisher does not state them."""

    url: str | None  # None: available on request only
    file_name: str
    max_bytes: int  # limit of a download
    num_bytes: int | None = None
    md5: str | None = None

    def verify(self, path: Path) -> None:
        """Compare size and checksum of a file if they are known; otherwise check that it is a complete zip.

        Checksums inside a zip are compared when it is unpacked.

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
            md5 = hashlib.file_digest(file, "md5").hexdigest()  # the publishers state MD5
        if md5 != self.md5.lower():
            raise FetchError(f"{path} has the MD5 checksum {md5}, the published archive {self.md5}.")


def _verify_zip(path: Path) -> None:
    try:
        zipfile.ZipFile(path).close()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise FetchError(f"{path} is not a whole zip archive ({error}).") from error
