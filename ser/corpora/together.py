"""Loading some speakers of a corpus, or several corpora as one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from datasets import Dataset, concatenate_datasets

from ser.corpora import CORPORA, CORPUS_TITLES
from ser.corpora.ravdess_names import CHANNEL_CODES
from ser.corpora.speakers import parse_speaker


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
        actors: Speakers of the corpus as `parse_speaker` reads them; all of them by default.
        skip_unreadable: As in `NamedCorpus.load`; RAVDESS's files are only examined when they are decoded.

    Raises:
        ValueError: The corpus is unknown, a speaker is missing, or as the corpus's own function.
    """
    if corpus not in CORPORA:
        raise ValueError(f"Unknown corpus {corpus!r}; expected one of {', '.join(CORPORA)}.")
    names = None if actors is None else sorted({parse_speaker(actor, corpus) for actor in actors})
    if corpus in CHANNEL_CODES:
        numbers = None if names is None else [int(name.partition(":")[2]) for name in names]
        return CORPORA[corpus](data_dir, actors=numbers)
    clips = CORPORA[corpus](data_dir, skip_unreadable=skip_unreadable)
    if names is None:
        return clips
    actor_of_clip = np.asarray(clips["actor"])
    there = set(actor_of_clip.tolist())
    if missing := [name for name in names if name not in there]:
        raise ValueError(
            f"{CORPUS_TITLES[corpus]} in {data_dir} has no speaker {', '.join(missing)}; "
            f"expected some of {', '.join(sorted(there))}."
        )
    return clips.select(np.flatnonzero(np.isin(actor_of_clip, names)))


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
