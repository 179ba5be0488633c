"""Download of a published archive over HTTP, resumable and verified."""

from __future__ import annotations

import time
from pathlib import Path

import requests
from tqdm import tqdm

from data_scripts.published_archive import FetchError, PublishedArchive

BLOCK_BYTES = 2**16
CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 30
MAX_NUM_FAILURES = 3  # in a row, without progress
FAILURE_PAUSE_SECONDS = 2.0
TRANSIENT_STATUS_CODES = {408, 425, 429, 500, 502, 503, 504}


class _InterruptedError(Exception):
    """The transfer was interrupted and may be tried again."""


def fetch(archive: PublishedArchive, folder: Path) -> Path:
    """Download an archive to a folder, unless it is there.

    An incomplete download is kept in `<file name>.part` and resumed, in this run or the next. Only a file
    that passes `PublishedArchive.verify` gets its final name.

    Returns:
        The path of the archive.

    Raises:
        FetchError: The server cannot be reached, the transfer breaks repeatedly, or the file is not the
            published one.
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
    _transfer_with_retries(archive, archive.url, part)
    try:
        archive.verify(part)
    except FetchError:
        _discard(part)  # resuming from wrong bytes would fail again
        raise
    part.replace(target)
    _discard(part)
    return target


def _transfer_with_retries(archive: PublishedArchive, url: str, part: Path) -> None:
    num_failures = 0
    while archive.num_bytes is None or _num_bytes(part) != archive.num_bytes:
        num_bytes_before = _num_bytes(part)
        try:
            _transfer(archive, url, part)
            return
        except _InterruptedError as error:
            num_failures = 1 if _num_bytes(part) > num_bytes_before else num_failures + 1
            if num_failures >= MAX_NUM_FAILURES:
                raise FetchError(
                    f"{url} cannot be fetched: {error}. {_num_bytes(part):,} bytes were received; "
                    "run this again to resume."
                ) from error
            time.sleep(FAILURE_PAUSE_SECONDS)


def _transfer(archive: PublishedArchive, url: str, part: Path) -> None:
    """Download the missing part, or everything if the server does not support resuming."""
    try:
        with requests.get(
            url,
            headers=_request_headers(archive, part),
            stream=True,
            timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
        ) as response:
            _check_answer(url, part, response)
            num_bytes_kept = _num_bytes(part) if response.status_code == 206 else 0
            if not num_bytes_kept:
                _begin(part, response)
            _append(archive, url, part, response)
    except requests.Timeout as error:
        raise _InterruptedError("the server does not answer in time") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise _InterruptedError("the connection broke") from error
    except requests.ConnectionError as error:
        raise _InterruptedError("there is no connection to the server") from error
    except requests.RequestException as error:
        raise FetchError(f"{url} cannot be fetched: {error}.") from error


def _request_headers(archive: PublishedArchive, part: Path) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity"}  # a compressed transfer cannot be resumed by byte numbers
    version_file = _version_file(part)
    if _num_bytes(part) and version_file.exists():
        # If-Range: the rest, or everything if the file on the server has changed.
        headers |= {"Range": f"bytes={_num_bytes(part)}-", "If-Range": version_file.read_text()}
    elif _num_bytes(part) and archive.md5 is not None:
        headers |= {"Range": f"bytes={_num_bytes(part)}-"}  # verified by the checksum
    return headers


def _check_answer(url: str, part: Path, response: requests.Response) -> None:
    """Check the answer of the server before saving anything."""
    if response.status_code == 416:  # the part is longer than the file
        _discard(part)
        raise _InterruptedError("the part does not fit the file")
    if response.status_code in TRANSIENT_STATUS_CODES:
        raise _InterruptedError(f"the server answers {response.status_code} ({response.reason})")
    if response.status_code not in (200, 206):
        raise FetchError(f"{url} cannot be fetched: the server answers {response.status_code}.")
    if "html" in response.headers.get("Content-Type", ""):
        raise FetchError(f"{url} answers with a web page instead of the archive.")
    resumed_at = response.headers.get("Content-Range", "")
    if response.status_code == 206 and not resumed_at.startswith(f"bytes {_num_bytes(part)}-"):
        _discard(part)
        raise _InterruptedError(f"asked for the rest, the server sends {resumed_at!r}")


def _begin(part: Path, response: requests.Response) -> None:
    """Discard an earlier part and record the version of the file."""
    _discard(part)
    etag = response.headers.get("ETag", "")
    # A weak ETag (W/"...") does not guarantee equal bytes.
    version = etag if etag.startswith('"') else response.headers.get("Last-Modified")
    if version:
        _version_file(part).write_text(version)


def _append(archive: PublishedArchive, url: str, part: Path, response: requests.Response) -> None:
    num_bytes_kept = _num_bytes(part)
    coming = response.headers.get("Content-Length", "")
    total = num_bytes_kept + int(coming) if coming.isdecimal() else archive.num_bytes
    if archive.num_bytes is not None and total != archive.num_bytes:
        raise FetchError(f"{url} has {total:,} bytes, the published archive {archive.num_bytes:,}.")
    limit = archive.num_bytes if archive.num_bytes is not None else archive.max_bytes
    with (
        part.open("ab") as file,
        tqdm(desc=part.stem, initial=num_bytes_kept, total=total, unit="B", unit_scale=True) as progress,
    ):
        for block in response.iter_content(BLOCK_BYTES):
            if progress.n + len(block) > limit:
                break
            file.write(block)
            progress.update(len(block))
        else:
            return
    _discard(part)
    raise FetchError(f"{url} sends more than {limit:,} bytes: not the published archive.")


def _num_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _version_file(part).unlink(missing_ok=True)
