"""The columns every corpus is read into, and how they become a `datasets.Dataset`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from datasets import Audio, ClassLabel, Dataset, Features, Value

from ser.labels import EMOTIONS

Meaning = TypeVar("Meaning")


@dataclass(frozen=True)
class Clip:
    """One recording and what its corpus says of it; `None` where the corpus does not say."""

    audio: str
    emotion: str | None  # None: a class of this corpus that has no counterpart among EMOTIONS
    actor: int
    gender: str | None = None
    intensity: str | None = None
    statement: str | None = None
    repetition: int | None = None


COLUMNS = Features(
    {
        "audio": Value("string"),  # the path; made an Audio column at the end
        "emotion": ClassLabel(names=list(EMOTIONS)),
        "actor": Value("int32"),
        "gender": Value("string"),
        "intensity": Value("string"),
        "statement": Value("string"),
        "repetition": Value("int32"),
    }
)


def clips_to_dataset(clips: Sequence[Clip]) -> Dataset:
    """Put clips into a data set, in the order given; `audio` is left undecoded."""
    dataset = Dataset.from_list([asdict(clip) for clip in clips], features=COLUMNS)
    # `Features({"audio": Audio(...)})` at construction asks for torchcodec; a cast afterwards does not.
    return dataset.cast_column("audio", Audio(decode=False))


def read_code(code: str, meanings: Mapping[str, Meaning], *, field: str, path: Path, corpus: str) -> Meaning:
    """Look up one field of a file name; a `ValueError` says which is wrong and what may stand there."""
    if code not in meanings:
        raise ValueError(
            f"{path} breaks the {corpus} naming scheme: {field} is {code!r}, "
            f"expected one of {', '.join(meanings)}. Rename or remove it."
        )
    return meanings[code]
