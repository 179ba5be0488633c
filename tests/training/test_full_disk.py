import errno
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from ser.training.full_disk import FullDiskError, explaining_full_disk

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize("error", [OSError("any"), RuntimeError("unexpected pos 576 vs 534")])
def test_whatever_fails_on_a_full_disk_says_so(tmp_path, monkeypatch, error):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100, 100, 0))
    said = pytest.raises(FullDiskError, match=r"The disk of .*not-there is full\. Free some\.")
    with said, explaining_full_disk(tmp_path / "not-there", "Free some."):
        raise error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_another_disk_that_is_full_is_named_in_the_words_of_the_system(tmp_path):
    said = pytest.raises(FullDiskError, match=r"No space left.*Free some\.")
    with said, explaining_full_disk(tmp_path, "Free some."):
        Path("/dev/full").write_text("cache")


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(PermissionError), explaining_full_disk(tmp_path, "Free some."):
        raise PermissionError(errno.EACCES, "Permission denied")
