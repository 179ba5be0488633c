"""Recordings of visitors stay within a bound of time and space, and go with the demo."""

import os
import shutil
import time
from pathlib import Path

import pytest

from ser.demo import recordings
from ser.demo.recordings import MAX_AGE_SECONDS, MIN_AGE_SECONDS, PREFIX, Recordings, private_folder


def upload(folder: Path, name: str, num_bytes: int = 100, age_seconds: float = 0) -> Path:
    file = folder / name / "clip.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(bytes(num_bytes))
    os.utime(file, times=(time.time() - age_seconds,) * 2)
    return file


def test_what_is_too_old_is_deleted_with_its_folder_and_the_pages_own_files_stay(tmp_path):
    own = upload(tmp_path, "own", age_seconds=2 * MAX_AGE_SECONDS)
    kept = Recordings(tmp_path)
    old = upload(tmp_path, "old", age_seconds=MAX_AGE_SECONDS + 5)
    half = tmp_path / "tmp1234"  # what a broken upload leaves, of which Gradio knows nothing
    half.write_bytes(b"half")
    os.utime(half, times=(0, 0))
    new = upload(tmp_path, "new")
    kept.sweep()
    assert own.exists()
    assert new.exists()
    assert not old.parent.exists()
    assert not half.exists()


def test_the_oldest_make_room_but_none_that_may_be_in_use(tmp_path):
    kept = Recordings(tmp_path, max_bytes=300)
    oldest = upload(tmp_path, "oldest", age_seconds=MIN_AGE_SECONDS + 20)
    older = upload(tmp_path, "older", age_seconds=MIN_AGE_SECONDS + 10)
    new = upload(tmp_path, "new")
    assert kept.begin_upload(100)
    kept.end_upload(100)
    assert not kept.begin_upload(300)
    assert (oldest.exists(), older.exists(), new.exists()) == (False, False, True)
    assert kept.begin_upload(200)
    assert not kept.begin_upload(1)
    assert new.exists()


def test_no_more_is_deleted_than_needed(tmp_path):
    kept = Recordings(tmp_path, max_bytes=300)
    files = [upload(tmp_path, str(age), age_seconds=MIN_AGE_SECONDS + age) for age in (30, 20, 10)]
    assert kept.begin_upload(300 - 50)
    assert [file.exists() for file in files] == [True, True, True], "nothing was looked at before it was full"
    kept.end_upload(250)
    assert kept.begin_upload(100)
    assert [file.exists() for file in files] == [False, True, True]


def test_uploads_under_way_count(tmp_path):
    kept = Recordings(tmp_path, max_bytes=300)
    assert [kept.begin_upload(100) for _ in range(4)] == [True, True, True, False]
    for _ in range(3):
        kept.end_upload(100)
    for name in "ab":
        upload(tmp_path, name)
    assert [kept.begin_upload(100) for _ in range(2)] == [True, False]


def test_what_another_deletes_at_the_same_time_ends_no_sweep(tmp_path, monkeypatch):
    kept = Recordings(tmp_path / f"{PREFIX}mine")
    old = [upload(kept.folder, name, age_seconds=MAX_AGE_SECONDS + 5) for name in "ab"]
    monkeypatch.setattr(Path, "unlink", lambda file, missing_ok: shutil.rmtree(file.parent, missing_ok))
    kept.sweep()
    assert not any(file.parent.exists() for file in old)


def test_the_folder_is_private_and_goes_with_the_demo(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with private_folder():
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
        upload(folder, "clip")
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("age_seconds", [0, MAX_AGE_SECONDS + 5])
def test_what_a_killed_demo_left_is_deleted_once_it_is_too_old(tmp_path, age_seconds):
    killed = upload(tmp_path / f"{PREFIX}killed", "clip").parents[1]
    other = upload(tmp_path / "another-program", "clip", age_seconds=2 * MAX_AGE_SECONDS)
    os.utime(killed, times=(time.time() - age_seconds,) * 2)
    (tmp_path / f"{PREFIX}mine").mkdir()
    Recordings(tmp_path / f"{PREFIX}mine").sweep()
    assert killed.exists() == (age_seconds == 0)
    assert other.exists()


def test_the_stated_time_is_an_hour_and_ten_minutes():
    assert recordings.MAX_AGE_SECONDS + recordings.SWEEP_EVERY_SECONDS == 70 * 60
