"""Loading some speakers of a corpus, or several corpora as one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from datasets import Dataset, concatenate_datasets

from ser.corpora import CORPORA


def load_corpus(
    corpus: str,
    data_dir: str | os.PathLike[str],
    *,
    actors: Sequence[int | str] | None = None,
    skip_unreadable: bool = False,
) -> Dataset:
    """Read a corpus, or some of its speakers.

    Args:
        corpus: A key of `CORPORA`.
        data_dir: Its folder.
        actors: As in `NamedCorpus.load`.
        skip_unreadable: The same; RAVDESS's files are only opened when they are decoded.

    Raises:
        ValueError: The corpus is unknown, or as the corpus's own function.
    """
    if corpus not in CORPORA:
        raise ValueError(f"Unknown corpus {corpus!r}; expected one of {', '.join(CORPORA)}.")
    if corpus in ("ravdess", "ravdess-song"):
        return CORPORA[corpus](data_dir, actors=actors)
    return CORPORA[corpus](data_dir, actors=actors, skip_unreadable=skip_unreadable)


def parse_corpora(corpora: str, data_dirs: str) -> dict[str, str]:
    """Pair corpora with their folders, both separated by commas, as options name them.

    Raises:
        ValueError: A corpus is unknown or repeated, or the number of folders differs.

    >>> parse_corpora("ravdess,emodb", "data/ravdess,data/emodb")
    {'ravdess': 'data/ravdess', 'emodb': 'data/emodb'}
    """
    names = [name.strip() for name in corpora.split(",")]
    if not set(names) <= set(CORPORA) or len(set(names)) != len(names):
        raise ValueError(f"Got corpora {corpora!r}, expected some of {', '.join(CORPORA)}, each once.")
    folders = [data_dirs] if len(names) == 1 else [folder.strip() for folder in data_dirs.split(",")]
    if len(folders) != len(names):
        raise ValueError(
            f"Got {len(folders)} folders for {len(names)} corpora ({corpora}), expected one for each, in the "
            "same order and separated by commas."
        )
    return dict(zip(names, folders, strict=True))


def load_together(folders: Mapping[str, str | os.PathLike[str]]) -> Dataset:
    """Read several corpora into one, in the order given.

    Labels are mapped to the eight emotions, and clips of other classes dropped (`ser.labels.LABEL_MAPS`).

    Args:
        folders: The folder of each corpus by name; RAVDESS must be complete.

    Raises:
        ValueError: As `load_corpus`.
    """
    return concatenate_datasets([load_corpus(corpus, folder) for corpus, folder in folders.items()])
