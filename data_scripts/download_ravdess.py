"""Fetch, verify and unpack the RAVDESS speech clips: `python data_scripts/download_ravdess.py`."""

import sys

from data_scripts.preparing import Corpus, run
from data_scripts.published_archive import PublishedArchive
from ser.corpora import load_ravdess
from ser.corpora.ravdess import ZIP_MAX_TOTAL_BYTES, zip_name_pattern
from ser.corpora.ravdess_names import expected_names

RAVDESS = Corpus(
    name="RAVDESS speech",
    default_dir="data/ravdess",
    archive=PublishedArchive(
        url="https://zenodo.org/records/1188976/files/Audio_Speech_Actors_01-24.zip?download=1",
        file_name="Audio_Speech_Actors_01-24.zip",
        max_bytes=208_468_073,
        num_bytes=208_468_073,
        md5="bc696df654c87fed845eb13823edef8a",
    ),
    page="https://doi.org/10.5281/zenodo.1188976",
    licence="Livingstone and Russo (2018), CC BY-NC-SA 4.0: no commercial use.",
    name_pattern=zip_name_pattern("ravdess"),
    num_clips=len(expected_names()),
    max_total_bytes=ZIP_MAX_TOTAL_BYTES,
    load=load_ravdess,
)

if __name__ == "__main__":
    sys.exit(run(RAVDESS))
