"""Fetch and verify CREMA-D's WAV files and votes with Git LFS: `python data_scripts/download_crema_d.py`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from data_scripts.published_archive import FetchError
from ser.__main__ import CommandParser
from ser.corpora import load_crema_d
from ser.corpora.published import CREMA_D
from ser.corpora.votes import VOTES_FILE

URL = "https://github.com/CheyneyComputerScience/CREMA-D.git"
FOLDER, VOTES_FOLDER = "AudioWAV", "processedResults"
LICENCE = "Cao et al. (2014), Open Database License; its authors ask users to fill in the form on its page."
NUM_CLIPS = CREMA_D.num_published_clips
# Git must not ask for a password, nor download the files one by one while it clones.
ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script and return the exit status."""
    parser = CommandParser(description=f"Fetch and verify CREMA-D with Git LFS. {LICENCE}")
    parser.add_argument("--output_dir", default="data/crema-d", help="default: %(default)s")
    parser.add_argument("--url", default=URL, help="the repository or a mirror of it; default: %(default)s")
    options = parser.parse_args(arguments)
    output_dir = Path(options.output_dir)
    try:
        if not (output_dir / FOLDER).is_dir():
            fetch_clips(options.url, output_dir)
        num_clips = len(load_crema_d(output_dir / FOLDER))
    except FetchError as error:
        print(
            f"{error}\nRun this again to resume. By hand: clone {URL} with Git LFS (https://git-lfs.com), "
            f"put its folder {FOLDER} into {output_dir} and run this again.",
            file=sys.stderr,
        )
        return 1
    except (ValueError, OSError) as error:
        print(f"{error}\nRemove {output_dir / FOLDER} and run this again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run this again to resume.", file=sys.stderr)
        return 130
    print(f"CREMA-D: {num_clips} clips are ready, use --data_dir {output_dir}. {LICENCE}")
    return 0


def fetch_clips(url: str, output_dir: Path) -> None:
    """Download the table of votes and the folder of WAV files, which appears only when all is complete.

    Git LFS compares the SHA-256 checksum of each file. A hidden folder keeps an interrupted download.

    Raises:
        FetchError: Git or Git LFS is missing or fails, or clips are missing.
    """
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
    if len(clips) != NUM_CLIPS:
        shutil.rmtree(repository)
        raise FetchError(f"{url} has {len(clips)} clips in {FOLDER}, expected {NUM_CLIPS}.")
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


if __name__ == "__main__":
    sys.exit(main())
