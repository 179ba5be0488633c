"""Fetch, verify and unpack the RAVDESS speech clips: `python data_scripts/download_ravdess.py`."""

import sys
from collections.abc import Callable

from datasets import Dataset

from data_scripts.preparing import Corpus, run
from data_scripts.published_archive import PublishedArchive
from ser.corpora.named_corpus import NamedCorpus
from ser.corpora.ravdess import (
    RAVDESS as SPEECH,
)
from ser.corpora.ravdess import (
    RAVDESS_SONG as SONG,
)
from ser.corpora.ravdess import (
    ZIP_MAX_TOTAL_BYTES,
    load_ravdess,
    load_ravdess_song,
    zip_name_pattern,
)


def ravdess_corpus(
    corpus: NamedCorpus, channel: str, load: Callable[..., Dataset], max_bytes: int, md5: str | None = None
) -> Corpus:
    """Describe the speech clips or the songs, which are published on one page.

    Args:
        corpus: What is in it.
        channel: Its name in the archive's file name.
        load: Reads the clips.
        max_bytes: Size of the archive if its `md5` is known, else an upper limit.
        md5: MD5 checksum of the archive; without it, only the checksums inside the archive are compared.
    """
    file_name = f"Audio_{channel}_Actors_01-24.zip"
    return Corpus(
        name=f"RAVDESS {channel.lower()}",
        default_dir=f"data/{corpus.name}",
        archive=PublishedArchive(
            url=f"https://zenodo.org/records/1188976/files/{file_name}?download=1",
            file_name=file_name,
            max_bytes=max_bytes,
            num_bytes=max_bytes if md5 else None,
            md5=md5,
        ),
        page="https://doi.org/10.5281/zenodo.1188976",
        licence="Livingstone and Russo (2018), CC BY-NC-SA 4.0: no commercial use.",
        name_pattern=zip_name_pattern(corpus),
        num_clips=corpus.num_published_clips,
        max_total_bytes=ZIP_MAX_TOTAL_BYTES,
        load=load,
    )


RAVDESS = ravdess_corpus(SPEECH, "Speech", load_ravdess, 208_468_073, "bc696df654c87fed845eb13823edef8a")
RAVDESS_SONG = ravdess_corpus(SONG, "Song", load_ravdess_song, 300_000_000)

if __name__ == "__main__":
    sys.exit(run(RAVDESS))
