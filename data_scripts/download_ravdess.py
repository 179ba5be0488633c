"""Fetch, verify and unpack the RAVDESS speech clips, as `python data_scripts/download.py ravdess` does."""

import sys

from data_scripts.download import main

if __name__ == "__main__":
    sys.exit(main(["ravdess", *sys.argv[1:]]))
