"""The common part of the corpus scripts: download, unpack and read a published zip."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset

from data_scripts.fetching import fetch
from data_scripts.published_archive import FetchError, PublishedArchive
from ser.__main__ import CommandParser
from ser.corpora.archive import unpack_clips


@dataclass(frozen=True)
class Corpus:
    """A corpus that is published as a zip."""

    name: str
    default_dir: str
    archive: PublishedArchive
    page: str  # of the archive
    licence: str
    name_pattern: str  # of the clips in the zip, see `unpack_clips`
    num_clips: int
    max_total_bytes: int
    load: Callable[[Path], Dataset]

    def way_by_hand(self, target: Path) -> str:
        """Explain how to get the archive without this script; `target` is where it belongs."""
        source = f"Fetch {self.archive.url} by hand" if self.archive.url else f"Ask for {target.name}"
        return f"{source} ({self.page}), save it as {target} and run this again."


def run(corpus: Corpus, arguments: Sequence[str] | None = None) -> int:
    """Run a corpus script and return the exit status."""
    options = _parse(corpus, arguments)
    output_dir = Path(options.output_dir)
    target = output_dir / corpus.archive.file_name
    folder = output_dir / target.stem
    try:
        if not folder.is_dir():
            archive = dataclasses.replace(
                corpus.archive, url=options.url or corpus.archive.url, md5=options.md5 or corpus.archive.md5
            )
            _fetch_and_unpack(corpus, archive, target, folder)
        dataset = corpus.load(folder)
    except FetchError as error:
        print(f"{error}\n{corpus.way_by_hand(target)}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        what = folder if folder.exists() else target
        remedy = f"Remove {what} and run this again." if what.exists() else "Run this again."
        print(f"{error}\n{remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run this again to resume.", file=sys.stderr)
        return 130
    print(f"{corpus.name}: {len(dataset)} clips are ready, use --data_dir {output_dir}. {corpus.licence}")
    return 0


def _fetch_and_unpack(corpus: Corpus, archive: PublishedArchive, target: Path, folder: Path) -> None:
    placed_by_hand = target.exists()
    fetch(archive, target.parent)
    try:
        unpack_clips(
            target,
            folder,
            name_pattern=corpus.name_pattern,
            num_clips=corpus.num_clips,
            max_total_bytes=corpus.max_total_bytes,
        )
    except ValueError:
        if not placed_by_hand:
            target.unlink()  # so that the next run downloads it again
        raise


def _parse(corpus: Corpus, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = CommandParser(description=f"Fetch, verify and unpack {corpus.name}. {corpus.licence}")
    parser.add_argument("--output_dir", default=corpus.default_dir, help="default: %(default)s")
    parser.add_argument("--url", help=f"another address of the same archive; default: {corpus.archive.url}")
    parser.add_argument("--md5", help=f"its MD5 checksum; default: {corpus.archive.md5 or 'not known'}")
    return parser.parse_args(arguments)
