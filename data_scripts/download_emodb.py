"""Fetch, verify and unpack EmoDB: `python data_scripts/download_emodb.py`."""

import sys

from data_scripts.preparing import Corpus, run
from data_scripts.published_archive import PublishedArchive
from ser.corpora import published

EMODB = Corpus(
    name="EmoDB",
    default_dir="data/emodb",
    archive=PublishedArchive(  # no checksum is published: those inside the zip are looked at, and --md5
        url="http://emodb.bilderbar.info/download/download.zip",
        file_name="emodb.zip",
        max_bytes=100_000_000,  # it has about 40 MB
    ),
    page="http://emodb.bilderbar.info/docu/",
    licence="Burkhardt et al. (2005): cite them.",
    name_pattern=r"(?:[^/]+/)*(?P<path>\d\d[a-z]\d\d[A-Z][a-z]\.wav)",
    num_clips=published.EMODB.num_published_clips,
    max_total_bytes=200_000_000,
    load=published.EMODB.load,
)

if __name__ == "__main__":
    sys.exit(run(EMODB))
