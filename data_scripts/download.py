"""Fetch, verify and unpack a corpus.

    python data_scripts/download.py nemo --output_dir data/nemo

An interrupted download is resumed by the same command. Without a network it says where to put an archive that
was fetched by other means.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset

from data_scripts.crema_d_repository import CremaDRepository
from data_scripts.fetching import FetchError, PublishedArchive, fetch
from ser.__main__ import CommandParser
from ser.corpora import CORPORA
from ser.corpora.archive import unpack_clips
from ser.corpora.named_corpus import NamedCorpus
from ser.corpora.published import EMODB, NEMO, SAVEE, TESS
from ser.corpora.ravdess import RAVDESS, RAVDESS_SONG, ZIP_MAX_TOTAL_BYTES, zip_name_pattern


@dataclass(frozen=True)
class ZippedCorpus:
    """A corpus that is published as a zip.

    Attributes:
        archive: The zip.
        page: Where it is described.
        licence: Whom to cite and what is allowed.
        name_pattern: Of the clips in the zip, see `unpack_clips`.
        num_clips: How many there must be.
        max_total_bytes: Limit of the unpacked clips.
        load: Reads the folder.
    """

    archive: PublishedArchive
    page: str
    licence: str
    name_pattern: str
    num_clips: int
    max_total_bytes: int
    load: Callable[[Path], Dataset]

    @property
    def folder_name(self) -> str:
        """Name of the folder of clips."""
        return Path(self.archive.file_name).stem

    def by_hand(self, output_dir: Path) -> str:
        """Explain how to get the archive without this script."""
        target = output_dir / self.archive.file_name
        source = f"Fetch {self.archive.url} by hand" if self.archive.url else f"Ask for {target.name}"
        return f"{source} ({self.page}), save it as {target} and run this again."

    def fetch(self, output_dir: Path, url: str | None, md5: str | None) -> None:
        """Download the archive, unless it is there, and unpack it."""
        target = output_dir / self.archive.file_name
        placed_by_hand = target.exists()
        archive = dataclasses.replace(self.archive, url=url or self.archive.url, md5=md5 or self.archive.md5)
        fetch(archive, output_dir)
        try:
            unpack_clips(
                target,
                output_dir / self.folder_name,
                name_pattern=self.name_pattern,
                num_clips=self.num_clips,
                max_total_bytes=self.max_total_bytes,
            )
        except ValueError as error:
            if placed_by_hand:
                raise ValueError(f"{error} Remove {target} and run this again.") from error
            target.unlink()  # so that the next run downloads it again
            raise ValueError(f"{error} Run this again.") from error


def _ravdess(corpus: NamedCorpus, channel: str, max_bytes: int, md5: str | None = None) -> ZippedCorpus:
    file_name = f"Audio_{channel}_Actors_01-24.zip"
    return ZippedCorpus(
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
        load=CORPORA[corpus.name],
    )


SOURCES: dict[str, ZippedCorpus | CremaDRepository] = {
    "ravdess": _ravdess(RAVDESS, "Speech", 208_468_073, "bc696df654c87fed845eb13823edef8a"),
    "ravdess-song": _ravdess(RAVDESS_SONG, "Song", 300_000_000),
    "crema-d": CremaDRepository(),
    "emodb": ZippedCorpus(
        archive=PublishedArchive(
            url="http://emodb.bilderbar.info/download/download.zip",
            file_name="emodb.zip",
            max_bytes=100_000_000,  # it has about 40 MB
        ),
        page="http://emodb.bilderbar.info/docu/",
        licence="Burkhardt et al. (2005): cite them.",
        name_pattern=r"(?:[^/]+/)*(?P<path>\d\d[a-z]\d\d[A-Z][a-z]\.wav)",
        num_clips=EMODB.num_published_clips,
        max_total_bytes=200_000_000,
        load=EMODB.load,
    ),
    "nemo": ZippedCorpus(
        archive=PublishedArchive(
            url="https://github.com/amu-cai/nEMO/archive/refs/heads/main.zip",
            file_name="nemo.zip",
            max_bytes=1_500_000_000,
        ),
        page="https://huggingface.co/datasets/amu-cai/nEMO",
        licence="Christop (2024), CC BY-NC-SA 4.0: no commercial use.",
        name_pattern=r"(?:[^/]+/)*(?P<path>[A-Z]+\d_[a-z]+_\d+\.wav)",
        num_clips=NEMO.num_published_clips,
        max_total_bytes=2_000_000_000,
        load=NEMO.load,
    ),
    "savee": ZippedCorpus(
        archive=PublishedArchive(url=None, file_name="AudioData.zip", max_bytes=500_000_000),
        page="register at http://kahlan.eps.surrey.ac.uk/savee/",
        licence="Jackson and Haq (2014): for research, not to be passed on.",
        name_pattern=r"(?:[^/]+/)*(?P<path>(?:DC|JE|JK|KL)/[a-z]{1,2}\d\d\.wav)",
        num_clips=SAVEE.num_published_clips,
        max_total_bytes=500_000_000,
        load=SAVEE.load,
    ),
    "tess": ZippedCorpus(
        archive=PublishedArchive(  # packed anew for every download
            url="https://borealisdata.ca/api/access/dataset/:persistentId/?persistentId=doi:10.5683/SP2/E8H2MF",
            file_name="tess.zip",
            max_bytes=1_000_000_000,  # it has about 270 MB
        ),
        page="https://doi.org/10.5683/SP2/E8H2MF",
        licence="Pichora-Fuller and Dupuis (2020), CC BY-NC-ND 4.0: no commercial use, no changed copies.",
        name_pattern=r"(?:[^/]+/)*(?P<path>(?:OAF?|YAF)_[^_/]+_[a-z]+\.wav)",
        num_clips=TESS.num_published_clips,
        max_total_bytes=1_000_000_000,
        load=TESS.load,
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, get the corpus and return the exit status."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("corpus", choices=SOURCES)
    parser.add_argument("--output_dir", help="default: data/CORPUS")
    parser.add_argument("--url", help="another address of the same archive or repository")
    parser.add_argument("--md5", help="MD5 checksum of the archive; default: the published one, if any")
    options = parser.parse_args(arguments)
    output_dir = Path(options.output_dir or f"data/{options.corpus}")
    return get(SOURCES[options.corpus], output_dir, options.url, options.md5)


def get(
    source: ZippedCorpus | CremaDRepository, output_dir: Path, url: str | None = None, md5: str | None = None
) -> int:
    """Get a corpus unless it is there, read it, and return the exit status."""
    folder = output_dir / source.folder_name
    try:
        if not folder.is_dir():
            source.fetch(output_dir, url, md5)
    except FetchError as error:
        print(f"{error}\n{source.by_hand(output_dir)}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run this again to resume.", file=sys.stderr)
        return 130
    try:
        num_clips = len(source.load(folder))
    except ValueError as error:
        print(f"{error}\nRemove {folder} and run this again.", file=sys.stderr)
        return 1
    print(f"{num_clips} clips are ready, use --data_dir {output_dir}. {source.licence}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
