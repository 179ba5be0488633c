import dataclasses
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from data_scripts.download import SOURCES, get
from data_scripts.fetching import RETRIES
from ser.corpora import load_ravdess
from ser.corpora.ravdess import expected_names
from tests.archive_server import ArchiveServer, served

RAVDESS = SOURCES["ravdess"]
FOLDER = Path(RAVDESS.archive.file_name).stem


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def clips() -> dict[str, bytes]:
    """One actor stands for all: the files of 24 take seconds to write."""
    noise = np.random.default_rng(0).bytes(4_000)  # so that the zip is more than one block
    return {f"Actor_{name[-2:]}/{name}.wav": noise for name in expected_names([1])}


def load_clips(folder: Path) -> Dataset:
    return load_ravdess(folder, actors=[1])


@pytest.fixture(scope="module")
def good_zip() -> bytes:
    return zip_of(clips())


@pytest.fixture
def server(good_zip: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    monkeypatch.setattr("data_scripts.fetching.RETRIES", RETRIES.new(backoff_factor=0))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served(good_zip) as server:
        yield server


def run_script(server: ArchiveServer, output_dir: Path, published: bytes | None = None) -> int:
    """Run the script as if what the server has, or `published`, were what Zenodo publishes."""
    published = server.content if published is None else published
    archive = dataclasses.replace(
        RAVDESS.archive, num_bytes=len(published), md5=hashlib.md5(published).hexdigest()
    )
    corpus = dataclasses.replace(RAVDESS, archive=archive, num_clips=60, load=load_clips)
    return get(corpus, output_dir, server.url)


def assert_nothing_usable(output_dir: Path) -> None:
    assert not (output_dir / FOLDER).exists()
    with pytest.raises(
        ValueError, match=r"No RAVDESS clip|not a whole zip|leads outside|expected 1440|more than"
    ):
        load_clips(output_dir)


def test_published_archive_is_the_one_on_zenodo():
    archive = RAVDESS.archive
    assert archive.url is not None
    assert archive.url.startswith("https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip")
    assert RAVDESS.num_clips == 1440
    assert (archive.num_bytes, archive.md5) == (208_468_073, "bc696df654c87fed845eb13823edef8a")


def test_script_fetches_unpacks_and_tells_how_to_go_on(
    server: ArchiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    output_dir = tmp_path / "data" / "ravdess"
    assert run_script(server, output_dir) == 0
    assert f"60 clips are ready, use --data_dir {output_dir}" in capsys.readouterr().out
    assert len(load_clips(output_dir)) == 60


def test_second_run_asks_nobody(server: ArchiveServer, tmp_path: Path):
    run_script(server, tmp_path)
    (tmp_path / RAVDESS.archive.file_name).unlink()
    assert run_script(server, tmp_path) == 0
    assert len(server.requests) == 1


def test_interrupted_run_leaves_nothing_usable_and_the_next_goes_on(server: ArchiveServer, tmp_path: Path):
    server.break_after = [2**16, 0]
    assert run_script(server, tmp_path) == 1
    assert_nothing_usable(tmp_path)
    assert run_script(server, tmp_path) == 0
    assert server.requests[-1]["Range"] == f"bytes={2**16}-"


def test_without_a_network_the_way_by_hand_is_told(
    server: ArchiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    server.statuses = [503] * 4
    assert run_script(server, tmp_path) == 1
    target = tmp_path / RAVDESS.archive.file_name
    message = capsys.readouterr().err
    assert f"Fetch {RAVDESS.archive.url} by hand" in message
    assert f"save it as {target} and run this again" in message
    target.write_bytes(server.content)  # what the message asks for
    assert run_script(server, tmp_path) == 0
    assert len(server.requests) == 4


HOSTILE = {
    "html": b"<!doctype html>",
    "song": zip_of({name.replace("03-01", "03-02"): b"" for name in clips()}),
    "short": zip_of(dict(list(clips().items())[1:])),
    "slip": zip_of(clips() | {"../../Actor_01/evil.wav": b"evil"}),
    "bomb": zip_of(dict.fromkeys(clips(), bytes(2 * 10**7))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archive_leaves_nothing_usable_even_with_the_right_checksum(
    server: ArchiveServer, good_zip: bytes, tmp_path: Path, kind: str
):
    output_dir = tmp_path / "inner" / "ravdess"
    server.content = HOSTILE[kind]
    assert run_script(server, output_dir) == 1
    assert_nothing_usable(output_dir)
    assert [path.name for path in tmp_path.rglob("evil*")] == []
    server.content = good_zip
    assert run_script(server, output_dir) == 0


def test_hostile_archive_is_stopped_by_the_published_checksum(
    server: ArchiveServer, good_zip: bytes, tmp_path: Path
):
    server.content = HOSTILE["slip"]
    assert run_script(server, tmp_path, published=good_zip) == 1
    assert not (tmp_path / RAVDESS.archive.file_name).exists()
    server.content = good_zip
    assert run_script(server, tmp_path) == 0


def test_hostile_archive_put_there_by_hand_is_left_for_its_owner(
    server: ArchiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    target = tmp_path / RAVDESS.archive.file_name
    target.write_bytes(HOSTILE["slip"])
    assert run_script(server, tmp_path, published=HOSTILE["slip"]) == 1
    assert target.exists()
    assert f"Remove {target} and run this again" in capsys.readouterr().err


def test_corpus_that_lost_a_clip_says_how_to_mend_it(
    server: ArchiveServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run_script(server, tmp_path)
    (tmp_path / FOLDER / "Actor_01" / "03-01-04-01-02-01-01.wav").unlink()
    assert run_script(server, tmp_path) == 1
    message = capsys.readouterr().err
    assert "03-01-04-01-02-01-01" in message
    assert f"Remove {tmp_path / FOLDER} and run this again" in message
