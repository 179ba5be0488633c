"""CREMA-D's repository, whose WAV files Git LFS downloads and verifies."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset

from data_scripts.fetching import FetchError
from ser.corpora import load_crema_d
from ser.corpora.published import CREMA_D
from ser.corpora.votes import VOTES_FILE

URL = "https://github.com/CheyneyComputerScience/CREMA-D.git"
FOLDER, VOTES_FOLDER = "AudioWAV", "processedResults"
# Git must not ask for a password, nor download the files one by one while it clones.
ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}


@dataclass(frozen=True)
class CremaDRepository:
    """CREMA-D as its authors publish it.

    Attributes:
        num_clips: How many there must be.
        folder_name: Name of the folder of clips.
        licence: Whom to cite and what is allowed.
        load: Reads the folder.
    """

    num_clips: int = CREMA_D.num_published_clips
    folder_name: str = FOLDER
    licence: str = (
        "Cao et al. (2014), Open Database License; its authors ask users to fill in the form on its page."
    )
    load: Callable[[Path], Dataset] = load_crema_d

    def by_hand(self, output_dir: Path) -> str:
        """Explain how to get the clips without this script."""
        return (
            f"Run this again to resume. By hand: clone {URL} with Git LFS (https://git-lfs.com), put its "
            f"folder {FOLDER} into {output_dir} and run this again."
        )

    def fetch(self, output_dir: Path, url: str | None, _md5: str | None) -> None:
        """Download the table of votes and the folder of WAV files, which appears only when all is complete.

        Git LFS compares the SHA-256 checksum of each file. A hidden folder keeps an interrupted download.

        Raises:
            FetchError: Git or Git LFS is missing or fails, or clips are missing.
        """
        url = url or URL
        output_dir.mkdir(parents=True, exist_ok=True)
        repository, cloning = output_dir / ".crema-d", output_dir / ".crema-d.partial"
        _run_git("lfs", "version")
        if not repository.exists():
            shutil.rmtree(cloning, ignore_errors=True)  # of a killed run
            _run_git("clone", "--depth=1", "--filter=blob:none", "--sparse", "--", url, str(cloning))
            _run_git("lfs", "install", "--local", folder=cloning)
            cloning.rename(repository)
        votes = repository / VOTES_FOLDER / VOTES_FILE
        _run_git("sparse-checkout", "set", FOLDER, VOTES_FOLDER, folder=repository)
        _run_git("lfs", "pull", f"--include={FOLDER}/*,{VOTES_FOLDER}/{VOTES_FILE}", folder=repository)
        clips = list((repository / FOLDER).glob("*.wav"))
        if len(clips) != self.num_clips:
            shutil.rmtree(repository)
            raise FetchError(f"{url} has {len(clips)} clips in {FOLDER}, expected {self.num_clips}.")
        try:
            load_crema_d(repository)  # finds files that Git LFS did not download
        except ValueError as error:
            raise FetchError(str(error)) from error
        if votes.exists():
            votes.rename(output_dir / VOTES_FILE)
        (repository / FOLDER).rename(output_dir / FOLDER)
        shutil.rmtree(repository)


def _run_git(*arguments: str, folder: Path | None = None) -> None:
    try:
        subprocess.run(["git", *arguments], cwd=folder, env=os.environ | ENVIRONMENT, check=True)
    except FileNotFoundError as error:
        raise FetchError("Git is not installed. Install git and git-lfs.") from error
    except subprocess.CalledProcessError as error:
        what = (
            "Git LFS is not installed" if arguments == ("lfs", "version") else "Git failed, as it says above"
        )
        raise FetchError(f"{what}: `git {' '.join(arguments)}`.") from error
