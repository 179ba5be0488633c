import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data_scripts.fetching import BLOCK_BYTES, RETRIES, FetchError, PublishedArchive, fetch
from tests.archive_server import ArchiveServer, served


@pytest.fixture(scope="module")
def content() -> bytes:
    """A zip of 300 kB that does not compress."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.wav", np.random.default_rng(0).bytes(300_000))
    return buffer.getvalue()


@pytest.fixture
def server(content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    monkeypatch.setattr("data_scripts.fetching.RETRIES", RETRIES.new(backoff_factor=0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served(content) as server:
        yield server


@pytest.fixture
def archive(server: ArchiveServer, content: bytes) -> PublishedArchive:
    md5 = hashlib.md5(content).hexdigest()
    return PublishedArchive(server.url, "corpus.zip", 10**6, num_bytes=len(content), md5=md5)


@pytest.fixture
def unknown_archive(server: ArchiveServer) -> PublishedArchive:
    """One whose publisher states neither size nor checksum."""
    return PublishedArchive(server.url, "corpus.zip", max_bytes=10**6)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ranges(server: ArchiveServer) -> list[str | None]:
    return [request.get("Range") for request in server.requests]


def test_archive_is_fetched_once(archive: PublishedArchive, server: ArchiveServer, tmp_path: Path):
    path = fetch(archive, tmp_path / "data")
    assert path.read_bytes() == server.content
    assert names(tmp_path / "data") == ["corpus.zip"]
    fetch(archive, tmp_path / "data")
    assert len(server.requests) == 1


def test_broken_transfer_goes_on_where_it_stopped(
    archive: PublishedArchive, server: ArchiveServer, tmp_path: Path
):
    server.break_after = [2 * BLOCK_BYTES, BLOCK_BYTES + 9]
    assert fetch(archive, tmp_path).read_bytes() == server.content
    assert ranges(server) == [None, "bytes=131072-", "bytes=196608-"]
    assert names(tmp_path) == ["corpus.zip"]


def test_next_run_goes_on_where_the_last_stopped(
    archive: PublishedArchive, server: ArchiveServer, tmp_path: Path
):
    server.break_after = [2 * BLOCK_BYTES, 0]
    with pytest.raises(FetchError, match=r"131,072 bytes were received; run this again to resume"):
        fetch(archive, tmp_path)
    assert "corpus.zip" not in names(tmp_path)
    assert fetch(archive, tmp_path).read_bytes() == server.content
    assert ranges(server)[-1] == "bytes=131072-"


def test_file_that_changed_meanwhile_is_noticed_and_fetched_anew_by_the_next_run(
    archive: PublishedArchive, server: ArchiveServer, tmp_path: Path
):
    content, server.content = server.content, bytes(len(server.content))
    server.break_after = [2 * BLOCK_BYTES, 0]
    with pytest.raises(FetchError):
        fetch(archive, tmp_path)
    server.content = content
    with pytest.raises(FetchError, match="MD5 checksum"):
        fetch(archive, tmp_path)
    assert fetch(archive, tmp_path).read_bytes() == content


def test_server_that_cannot_resume_is_asked_for_all(
    archive: PublishedArchive, server: ArchiveServer, tmp_path: Path
):
    server.resumes = False
    server.break_after = [2 * BLOCK_BYTES]
    assert fetch(archive, tmp_path).read_bytes() == server.content


def test_overlong_part_is_thrown_away(archive: PublishedArchive, server: ArchiveServer, tmp_path: Path):
    (tmp_path / "corpus.zip.part").write_bytes(server.content + b"more")
    with pytest.raises(FetchError, match="run this again"):
        fetch(archive, tmp_path)
    assert fetch(archive, tmp_path).read_bytes() == server.content


def test_busy_server_is_asked_again(archive: PublishedArchive, server: ArchiveServer, tmp_path: Path):
    server.statuses = [503, 429]
    assert fetch(archive, tmp_path).read_bytes() == server.content


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"content": b"x" * 300_112}, "MD5 checksum"),
        ({"content": b"cut"}, "has 3 bytes, the published archive 300,"),
        ({"content": b"cut", "states_length": False}, "has 3 bytes, the published archive 300,"),
        ({"content": b"<html>", "content_type": "text/html; charset=utf-8"}, "a web page instead"),
        ({"content": bytes(10**6), "states_length": False}, "sends more than 300,"),
        ({"statuses": [404]}, "404 Client Error"),
        ({"statuses": [500, 500, 500, 500]}, "too many 500 error responses"),
        ({"break_after": [0]}, "0 bytes were received"),
    ],
)
def test_wrong_file_never_gets_the_real_name_and_the_next_run_succeeds(
    archive: PublishedArchive, server: ArchiveServer, tmp_path: Path, change: dict, complaint: str
):
    content = server.content
    vars(server).update(change)
    if "MD5" in complaint:
        server.content = bytes(len(content))
    with pytest.raises(FetchError, match=complaint):
        fetch(archive, tmp_path)
    assert "corpus.zip" not in names(tmp_path)
    server.content, server.content_type, server.states_length = content, "application/zip", True
    assert fetch(archive, tmp_path).read_bytes() == content


@pytest.mark.parametrize("damage", ["cut", "text", "endless"])
def test_without_a_known_checksum_the_zip_must_have_its_end(
    unknown_archive: PublishedArchive, server: ArchiveServer, tmp_path: Path, damage: str
):
    content = server.content
    damaged = {"cut": content[:-50], "text": b"sorry", "endless": bytes(2 * 10**6)}
    server.content, server.states_length = damaged[damage], False
    with pytest.raises(FetchError, match=r"not a whole zip|more than 1,000,000"):
        fetch(unknown_archive, tmp_path)
    assert names(tmp_path) == []
    server.content = content
    assert fetch(unknown_archive, tmp_path).read_bytes() == content


def test_gone_server_is_named(archive: PublishedArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("data_scripts.fetching.RETRIES", RETRIES.new(backoff_factor=0))
    gone = PublishedArchive("http://127.0.0.1:9/corpus.zip", "corpus.zip", 10)
    with pytest.raises(FetchError, match=r"127\.0\.0\.1:9.*Connection refused"):
        fetch(gone, tmp_path)


def test_file_put_there_by_hand_is_taken_only_if_it_is_the_published_one(
    archive: PublishedArchive, server: ArchiveServer, tmp_path: Path
):
    (tmp_path / "corpus.zip").write_bytes(b"something else")
    with pytest.raises(FetchError, match="Remove it and run this again"):
        fetch(archive, tmp_path)
    assert (tmp_path / "corpus.zip").read_bytes() == b"something else"
    (tmp_path / "corpus.zip").write_bytes(server.content)
    fetch(archive, tmp_path)
    assert server.requests == []


def test_archive_without_address_has_to_be_asked_for(tmp_path: Path):
    with pytest.raises(FetchError, match="no public address"):
        fetch(PublishedArchive(None, "corpus.zip", 10), tmp_path)
