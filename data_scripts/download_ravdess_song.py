"""Fetch, verify and unpack the RAVDESS songs: `python data_scripts/download_ravdess_song.py`."""

import sys

from data_scripts.download_ravdess import RAVDESS_SONG
from data_scripts.preparing import run

if __name__ == "__main__":
    sys.exit(run(RAVDESS_SONG))
