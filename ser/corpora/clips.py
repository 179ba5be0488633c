"""The columns every corpus is read into, and how they become a `datasets.Dataset`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from datasets import Audio, ClassLabel, Dataset, Features, Value

from ser.labels import EMOTIONS


@dataclass(frozen=True, order=True)
class Clip:
    """One recording and what its corpus says of it; `None` where the corpus does not say."""

    audio: str
    emotion: str
    actor: int
    gender: str | None
    intensity: str | None
    statement: str | None
    repetition: int | None


COLUMNS = Features(
    {
        "audio": Value("string"),
        "emotion": ClassLabel(names=list(EMOTIONS)),
        "actor": Value("int32"),
        "gender": Value("string"),
        "intensity": Value("string"),
        "statement": Value("string"),
        "repetition": Value("int32"),
    }
)


def clips_to_dataset(clips: Sequence[Clip]) -> Dataset:
    """Puts clips into a data set, in the order given; `audio` is left undecoded."""
    columns = zip(*map(astuple, clips), strict=True)
    dataset = Dataset.from_dict(dict(zip(COLUMNS, map(list, columns), strict=True)), features=COLUMNS)
    # `Features({"audio": Audio(...)})` at construction asks for torchcodec; a later cast does not.
    return dataset.cast_column("audio", Audio(decode=False))


def existing_folder(data_dir: str | os.PathLike[str], remedy: str) -> Path:
    """The absolute path of `data_dir`, or a `ValueError` that ends with the remedy where it is no folder."""
    folder = Path(os.path.abspath(Path(data_dir).expanduser()))
    if not folder.exists():
        raise ValueError(f"{folder} does not exist. {remedy}")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file, not a folder. {remedy}")
    return folder


def visible_entries(folder: Path) -> Iterator[Path]:
    """What lies in a folder, sorted by name, without hidden files and half-unpacked folders."""
    return (entry for entry in sorted(folder.iterdir()) if not entry.name.startswith((".", "__MACOSX")))


def shortened(names: Sequence[str], num_shown: int = 5) -> str:
    """The first few names of a list, and how many more there are."""
    more = f" and {len(names) - num_shown} more" if len(names) > num_shown else ""
    return ", ".join(names[:num_shown]) + more
