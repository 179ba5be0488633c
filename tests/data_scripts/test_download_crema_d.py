import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_scripts.crema_d_repository import CremaDRepository
from data_scripts.download import get
from ser.corpora import load_crema_d

NAMES = ["1001_DFA_ANG_XX.wav", "1001_DFA_HAP_XX.wav", "1002_IEO_SAD_HI.wav"]

needs_git_lfs = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")


@pytest.fixture(autouse=True)
def git_without_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings of whoever runs the tests, nor any that a test leaves."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith("GIT_") and name != "GIT_CONFIG_NOSYSTEM"]:
        monkeypatch.delenv(name)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository like the published one, with three clips, votes and a video that is not wanted."""
    folder = tmp_path / "published"
    for path in [*(folder / "AudioWAV" / name for name in NAMES), folder / "VideoFlash" / "a.flv"]:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(len(path.name)).standard_normal(800)
        soundfile.write(path, 0.1 * noise, 16_000, format="WAV")
    (folder / "processedResults").mkdir()
    (folder / "processedResults" / "tabulatedVotes.csv").write_text(
        '"","A","D","F","H","N","S","fileName"\n"100062",6,2,0,0,1,0,"1001_DFA_ANG_XX"\n'
    )
    (folder / ".gitattributes").write_text(
        "*.wav filter=lfs diff=lfs merge=lfs -text\n*.flv filter=lfs -text\n"
    )
    for command in (
        ["init", "-q"],
        ["lfs", "install", "--local"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "Clips"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    return folder


def run_script(url: str, output_dir: Path, num_clips: int = len(NAMES)) -> int:
    return get(CremaDRepository(num_clips), output_dir, url)


@needs_git_lfs
def test_clips_are_fetched_verified_and_alone(repository: Path, tmp_path: Path):
    output_dir = tmp_path / "data" / "crema-d"
    assert run_script(repository.as_uri(), output_dir) == 0
    assert {path.name for path in output_dir.iterdir()} == {"AudioWAV", "tabulatedVotes.csv"}
    assert [votes is not None for votes in load_crema_d(output_dir)["votes"]] == [True, False, False]
    fetched = (output_dir / "AudioWAV" / NAMES[0]).read_bytes()
    assert fetched == (repository / "AudioWAV" / NAMES[0]).read_bytes()
    assert run_script("file:///nowhere", output_dir) == 0  # the second run asks nobody


@needs_git_lfs
def test_interrupted_run_leaves_nothing_usable_and_the_next_goes_on(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    output_dir = tmp_path / "crema-d"
    objects = repository / ".git" / "lfs" / "objects"
    objects.rename(tmp_path / "objects")
    assert run_script(repository.as_uri(), output_dir) == 1
    assert "Run this again to resume" in capsys.readouterr().err
    with pytest.raises(ValueError, match="No CREMA-D clip"):
        load_crema_d(output_dir)
    (tmp_path / "objects").rename(objects)
    assert run_script(repository.as_uri(), output_dir) == 0


@needs_git_lfs
def test_damaged_clip_is_not_taken(repository: Path, tmp_path: Path):
    for path in (repository / ".git" / "lfs" / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-2] + b"\0\0")
    assert run_script(repository.as_uri(), tmp_path / "crema-d") == 1
    assert not (tmp_path / "crema-d" / "AudioWAV").exists()


@needs_git_lfs
def test_missing_clips_are_counted(repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run_script(repository.as_uri(), tmp_path / "crema-d", num_clips=7442) == 1
    assert "3 clips in AudioWAV, expected 7442" in capsys.readouterr().err
    assert list((tmp_path / "crema-d").iterdir()) == []


@needs_git_lfs
def test_what_a_killed_clone_left_is_replaced(repository: Path, tmp_path: Path):
    (tmp_path / "crema-d" / ".crema-d.partial" / ".git").mkdir(parents=True)
    assert run_script(repository.as_uri(), tmp_path / "crema-d") == 0


@needs_git_lfs
def test_unreachable_repository_tells_the_way_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run_script((tmp_path / "nowhere").as_uri(), tmp_path / "crema-d") == 1
    assert f"put its folder AudioWAV into {tmp_path / 'crema-d'}" in capsys.readouterr().err


def test_missing_git_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_script("file:///nowhere", tmp_path / "crema-d") == 1
    assert "Install git and git-lfs" in capsys.readouterr().err
