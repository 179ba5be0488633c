import stat
import struct
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.corpora.archive import unpack_clips

PATTERN = r"(?:copy/)?clips/(?P<path>[a-zA-Z]\.wav)"


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def unpack(archive: Path, num_clips: int | None = 2, max_total_bytes: int = 10**6) -> Path:
    return unpack_clips(
        archive,
        archive.parent / "out",
        name_pattern=PATTERN,
        num_clips=num_clips,
        max_total_bytes=max_total_bytes,
    )


def assert_refused(archive: Path, complaint: str, **limits: int) -> None:
    before = {path.relative_to(archive.parent) for path in archive.parent.rglob("*")}
    with pytest.raises(ValueError, match=complaint):
        unpack(archive, **limits)
    left = {path.relative_to(archive.parent) for path in archive.parent.rglob("*")} - before
    assert left <= {Path(".out.lock")}


GOOD = {"clips/a.wav": b"sound a", "clips/b.wav": b"sound b"}


def test_clips_are_unpacked_and_the_rest_stays_packed(tmp_path: Path):
    folder = unpack(make_zip(tmp_path / "x.zip", GOOD | {"readme.txt": b"notes", "clips/": b""}))
    assert {path.name: path.read_bytes() for path in folder.rglob("*.*")} == {
        "a.wav": b"sound a",
        "b.wav": b"sound b",
    }


def test_second_call_does_nothing(tmp_path: Path):
    archive = make_zip(tmp_path / "x.zip", GOOD)
    folder = unpack(archive)
    (folder / "a.wav").write_bytes(b"mine")
    assert (unpack(archive) / "a.wav").read_bytes() == b"mine"


def test_what_a_killed_run_left_is_replaced(tmp_path: Path):
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "z.wav").touch()
    folder = unpack(make_zip(tmp_path / "x.zip", GOOD))
    assert sorted(path.name for path in folder.iterdir()) == ["a.wav", "b.wav"]
    assert not (tmp_path / ".out.partial").exists()


@pytest.mark.parametrize(
    "name", ["../a.wav", "clips/../../a.wav", "/etc/a.wav", "clips\\..\\a.wav", "C:/a.wav", "clips/\x01.wav"]
)
def test_paths_that_lead_outside_are_refused(tmp_path: Path, name: str):
    folder = tmp_path / "inner"
    folder.mkdir()
    assert_refused(make_zip(folder / "x.zip", GOOD | {name: b"evil"}), "leads outside")
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]


def test_links_are_refused(tmp_path: Path):
    archive = make_zip(tmp_path / "x.zip", GOOD)
    with zipfile.ZipFile(archive, "a") as file:
        link = zipfile.ZipInfo("clips/c.wav")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
    assert_refused(archive, "is a link")


def test_encrypted_archives_are_refused(tmp_path: Path):
    archive = make_zip(tmp_path / "x.zip", GOOD)
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    assert_refused(archive, "is encrypted")


def test_bomb_is_refused_by_its_stated_size(tmp_path: Path):
    bomb = make_zip(tmp_path / "x.zip", {"clips/a.wav": bytes(10**7), "clips/b.wav": b"sound"})
    assert bomb.stat().st_size < 20_000
    assert_refused(bomb, "10,000,005 bytes, more than 1,000,000")


def test_bomb_that_lies_about_its_size_is_refused(tmp_path: Path):
    archive = make_zip(tmp_path / "x.zip", {"clips/a.wav": bytes(10**7), "clips/b.wav": b"sound"})
    honest, lie = struct.pack("<L", 10**7), struct.pack("<L", 1000)
    archive.write_bytes(archive.read_bytes().replace(honest, lie))
    assert_refused(archive, "not a whole zip")


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ser.corpora.archive.MAX_NUM_MEMBERS", 2)
    assert_refused(make_zip(tmp_path / "x.zip", GOOD | {"readme.txt": b""}), "holds 3 files, more than 2")


@pytest.mark.parametrize("num_clips", [1, 3])
def test_wrong_number_of_clips_is_refused(tmp_path: Path, num_clips: int):
    archive = make_zip(tmp_path / "x.zip", GOOD)
    assert_refused(archive, f"holds 2 clips, expected {num_clips}", num_clips=num_clips)


def test_archive_of_something_else_says_what_it_holds(tmp_path: Path):
    archive = make_zip(tmp_path / "x.zip", {"song/a.wav": b"sound"})
    assert_refused(archive, r"0 clips, expected at least 1; found song/a\.wav", num_clips=None)


def test_the_same_clips_in_two_folders_count_once(tmp_path: Path):
    copies = {f"copy/{name}": content for name, content in GOOD.items()}
    folder = unpack(make_zip(tmp_path / "x.zip", GOOD | copies))
    assert {path.name for path in folder.rglob("*.*")} == {"a.wav", "b.wav"}


def test_two_clips_that_differ_under_one_name_are_refused(tmp_path: Path):
    archive = make_zip(tmp_path / "x.zip", GOOD)
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("clips/A.wav", b"another")
    assert_refused(archive, r"two clips of the same name that differ, .*a\.wav' and .*A\.wav'", num_clips=2)


def test_unusual_packing_is_refused(tmp_path: Path):
    archive = make_zip(tmp_path / "x.zip", GOOD)
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_LZMA) as file:
        file.writestr("clips/c.wav", b"sound")
    assert_refused(archive, "unusual way", num_clips=3)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(mutations=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_mutated_archive_is_unpacked_whole_or_refused(mutations: list[tuple[int, int]]):
    with tempfile.TemporaryDirectory() as folder:
        archive = make_zip(Path(folder) / "x.zip", GOOD)
        content = bytearray(archive.read_bytes())
        for position, value in mutations:
            content[position % len(content)] = value
        archive.write_bytes(content)
        try:
            unpacked = unpack(archive)
        except ValueError:
            assert not (Path(folder) / "out").exists()
        else:
            assert sorted(path.read_bytes() for path in unpacked.iterdir()) == sorted(GOOD.values())


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "html"])
def test_damaged_archive_is_refused(tmp_path: Path, damage: str):
    archive = make_zip(tmp_path / "x.zip", GOOD)
    content = bytearray(archive.read_bytes())
    content[40] ^= 0xFF  # inside the first clip
    archive.write_bytes(
        {"cut": content[:-30], "flipped": content, "empty": b"", "html": b"<!doctype html>"}[damage]
    )
    assert_refused(archive, "not a whole zip")


def test_two_that_unpack_at_once_do_not_meet(tmp_path: Path):
    names = [f"clips/{chr(97 + i)}.wav" for i in range(26)]
    archive = make_zip(tmp_path / "x.zip", {name: bytes(20_000) for name in names})
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: unpack(archive, num_clips=26), range(4)))
    assert [len(list(folder.rglob("*.wav"))) for folder in folders] == [26] * 4
