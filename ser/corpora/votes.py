"""CREMA-D with the votes of its listeners."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path

from datasets import Dataset, List, Value

from ser.corpora.published import CREMA_D
from ser.labels import EMOTIONS, LABEL_MAPS

VOTES_FILE = "tabulatedVotes.csv"  # of the published repository: how many listeners heard which emotion


def load_crema_d(
    data_dir: str | os.PathLike[str],
    *,
    actors: Iterable[int | str] | None = None,
    skip_unreadable: bool = False,
) -> Dataset:
    """Read CREMA-D as `NamedCorpus.load` does.

    Where `VOTES_FILE` lies below `data_dir`, the column `votes` has the votes of those who only heard a clip,
    as shares of `EMOTIONS`, or null: training learns them in place of the acted emotion.
    """
    clips = CREMA_D.load(data_dir, actors=actors, skip_unreadable=skip_unreadable)
    file = next(Path(data_dir).rglob(VOTES_FILE), None)
    if file is None:
        return clips
    votes = read_votes(file)
    of_clips = [votes.get(Path(audio["path"]).stem) for audio in clips["audio"]]
    return clips.add_column("votes", of_clips, feature=List(Value("float32")))


def read_votes(file: Path) -> dict[str, list[float]]:
    """Return the share of each of `EMOTIONS` in the votes on the voice of a clip, by the clip's name.

    Raises:
        ValueError: If a column is missing or a count is no number.
    """
    letters = {code[0]: emotion for code, emotion in LABEL_MAPS["crema-d"].items()}
    shares = {}
    with file.open(encoding="utf-8-sig", newline="") as table:
        for row in csv.DictReader(table):
            try:
                if not row[""].startswith("1"):  # 2: those who saw the face, 3: who saw and heard it
                    continue
                counts = {emotion: int(row[letter]) for letter, emotion in letters.items()}
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{file} is not the table of votes of CREMA-D: {error!r}.") from error
            if total := sum(counts.values()):
                shares[row["fileName"]] = [counts.get(emotion, 0) / total for emotion in EMOTIONS]
    return shares
