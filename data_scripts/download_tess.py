"""Fetch, verify and unpack TESS: `python data_scripts/download_tess.py`."""

import sys

from data_scripts.preparing import Corpus, run
from data_scripts.published_archive import PublishedArchive
from ser.corpora import published

TESS = Corpus(
    name="TESS",
    default_dir="data/tess",
    archive=PublishedArchive(  # packed anew for every download, so it can have no checksum of its own
        url="https://borealisdata.ca/api/access/dataset/:persistentId/?persistentId=doi:10.5683/SP2/E8H2MF",
        file_name="tess.zip",
        max_bytes=1_000_000_000,  # it has about 270 MB
    ),
    page="https://doi.org/10.5683/SP2/E8H2MF",
    licence="Pichora-Fuller and Dupuis (2020), CC BY-NC-ND 4.0: no commercial use, no changed copies.",
    name_pattern=r"(?:[^/]+/)*(?P<path>(?:OAF?|YAF)_[^_/]+_[a-z]+\.wav)",
    num_clips=published.TESS.num_published_clips,
    max_total_bytes=1_000_000_000,
    load=published.TESS.load,
)

if __name__ == "__main__":
    sys.exit(run(TESS))
