"""Fetch, verify and unpack nEMO: `python data_scripts/download_nemo.py`."""

import sys

from data_scripts.preparing import Corpus, run
from data_scripts.published_archive import PublishedArchive
from ser.corpora import published

NEMO = Corpus(
    name="nEMO",
    default_dir="data/nemo",
    archive=PublishedArchive(  # no checksum is published: those inside the zip are compared
        url="https://github.com/amu-cai/nEMO/archive/refs/heads/main.zip",
        file_name="nemo.zip",
        max_bytes=1_500_000_000,
    ),
    page="https://huggingface.co/datasets/amu-cai/nEMO",
    licence="Christop (2024), CC BY-NC-SA 4.0: no commercial use.",
    name_pattern=r"(?:[^/]+/)*(?P<path>[A-Z]+\d_[a-z]+_\d+\.wav)",
    num_clips=published.NEMO.num_published_clips,
    max_total_bytes=2_000_000_000,
    load=published.NEMO.load,
)

if __name__ == "__main__":
    sys.exit(run(NEMO))
