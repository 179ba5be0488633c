"""Download of a published archive over HTTP, resumable and verified."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3 import Retry

BLOCK_BYTES = 2**16
TIMEOUT_SECONDS = (10, 30)  # to connect, to read
RETRIES = Retry(3, status_forcelist=(408, 425, 429, 500, 502, 503, 504), backoff_factor=1)


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
            try:
                zipfile.ZipFile(path).close()
            except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
                raise FetchError(f"{path} is not a whole zip archive ({error}).") from error
            return
        with path.open("rb") as file:
            md5 = hashlib.file_digest(file, "md5").hexdigest()  # the publishers state MD5
        if md5 != self.md5.lower():
            raise FetchError(f"{path} has the MD5 checksum {md5}, the published archive {self.md5}.")


def fetch(archive: PublishedArchive, folder: Path) -> Path:
    """Download an archive to a folder, unless it is there.

    An incomplete download is kept in `<file name>.part` and resumed, in this run or the next. Only a file
    that passes `PublishedArchive.verify` gets its final name.

    Returns:
        The path of the archive.

    Raises:
        FetchError: The server cannot be reached, the transfer breaks without progress, or the file is not
            the published one.
    """
    target = folder / archive.file_name
    if target.exists():
        try:
            archive.verify(target)
        except FetchError as error:
            raise FetchError(f"{error} Remove it and run this again.") from error
        return target
    if archive.url is None:
        raise FetchError(f"{archive.file_name} has no public address.")
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{archive.file_name}.part"
    while archive.num_bytes is None or _num_bytes(part) != archive.num_bytes:
        num_bytes_before = _num_bytes(part)
        try:
            _transfer(archive, archive.url, part)
            break
        except requests.RequestException as error:
            if _num_bytes(part) <= num_bytes_before:
                raise FetchError(
                    f"{archive.url} cannot be fetched: {error}. {_num_bytes(part):,} bytes were received; "
                    "run this again to resume."
                ) from error
    try:
        archive.verify(part)
    except FetchError:
        part.unlink()  # resuming from wrong bytes would fail again
        raise
    part.replace(target)
    return target


def _transfer(archive: PublishedArchive, url: str, part: Path) -> None:
    """Download the missing part, or everything if the server does not support resuming."""
    # A compressed transfer cannot be resumed by byte numbers. A file that changed meanwhile fails to verify.
    headers = {"Accept-Encoding": "identity"}
    if num_bytes := _num_bytes(part):
        headers["Range"] = f"bytes={num_bytes}-"
    with requests.Session() as session:
        session.mount(url, HTTPAdapter(max_retries=RETRIES))
        with session.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as response:
            if response.status_code == 416:  # the part is longer than the file
                part.unlink()
            response.raise_for_status()
            if "html" in response.headers.get("Content-Type", ""):
                raise FetchError(f"{url} answers with a web page instead of the archive.")
            _save(archive, url, part, response)


def _save(archive: PublishedArchive, url: str, part: Path, response: requests.Response) -> None:
    limit = archive.num_bytes or archive.max_bytes
    kept = _num_bytes(part) if response.status_code == 206 else 0
    with (
        part.open("ab" if kept else "wb") as file,
        tqdm(desc=part.stem, initial=kept, unit="B", unit_scale=True) as progress,
    ):
        for block in response.iter_content(BLOCK_BYTES):
            if progress.n + len(block) > limit:
                break
            file.write(block)
            progress.update(len(block))
        else:
            return
    part.unlink()
    raise FetchError(f"{url} sends more than {limit:,} bytes: not the published archive.")


def _num_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
