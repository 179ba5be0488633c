"""Verify and unpack SAVEE, which its authors give out on request: `python data_scripts/download_savee.py`."""

import sys

from data_scripts.preparing import Corpus, run
from data_scripts.published_archive import PublishedArchive
from ser.corpora import published

SAVEE = Corpus(
    name="SAVEE",
    default_dir="data/savee",
    archive=PublishedArchive(url=None, file_name="AudioData.zip", max_bytes=500_000_000),
    page="register at http://kahlan.eps.surrey.ac.uk/savee/",
    licence="Jackson and Haq (2014): for research, not to be passed on.",
    name_pattern=r"(?:[^/]+/)*(?P<path>(?:DC|JE|JK|KL)/[a-z]{1,2}\d\d\.wav)",
    num_clips=published.SAVEE.num_published_clips,
    max_total_bytes=500_000_000,
    load=published.SAVEE.load,
)

if __name__ == "__main__":
    sys.exit(run(SAVEE))
