"""Fetch, verify and unpack the RAVDESS songs: `python data_scripts/download_ravdess_song.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from data_scripts.preparing import Corpus, run
from data_scripts.published_archive import PublishedArchive
from ser.corpora import load_ravdess_song
from ser.corpora.ravdess import ZIP_MAX_TOTAL_BYTES, zip_name_pattern
from ser.corpora.ravdess_names import expected_names

RAVDESS_SONG = Corpus(
    name="RAVDESS song",
    default_dir="data/ravdess-song",
    archive=PublishedArchive(
        url="https://zenodo.org/records/1188976/files/Audio_Song_Actors_01-24.zip?download=1",
        file_name="Audio_Song_Actors_01-24.zip",
        max_bytes=300_000_000,  # it has about 0.2 GB; the checksums inside the zip are compared
    ),
    page="https://doi.org/10.5281/zenodo.1188976",
    licence="Livingstone and Russo (2018), CC BY-NC-SA 4.0: no commercial use.",
    name_pattern=zip_name_pattern("ravdess-song"),
    num_clips=len(expected_names(corpus="ravdess-song")),
    max_total_bytes=ZIP_MAX_TOTAL_BYTES,
    load=load_ravdess_song,
)

if __name__ == "__main__":
    sys.exit(run(RAVDESS_SONG))
