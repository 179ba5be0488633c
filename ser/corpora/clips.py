"""The columns of every corpus, and file names that carry the labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from datasets import Audio, ClassLabel, Dataset, Features, Value

from ser.labels import EMOTIONS


@dataclass(frozen=True)
class Clip:
    """One recording and its labels; `None` where the corpus does not state them."""

    audio: str
    emotion: str | None  # None: a class of this corpus that has no counterpart among EMOTIONS
    corpus: str  # a key of LABEL_MAPS
    actor: str  # as `speaker_name` writes it
    gender: str | None = None
    intensity: str | None = None
    statement: str | None = None
    repetition: int | None = None


COLUMNS = Features(
    {
        "audio": Value("string"),  # the path; made an Audio column at the end
        "emotion": ClassLabel(names=list(EMOTIONS)),
        "corpus": Value("string"),
        "actor": Value("string"),
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


def check_code(code: str, allowed: Collection[str], *, field: str, path: Path, corpus: str) -> None:
    """Raise a `ValueError` that names the wrong field of a file name and its allowed codes."""
    if code not in allowed:
        raise ValueError(
            f"{path} breaks the {corpus} naming scheme: {field} is {code!r}, "
            f"expected one of {', '.join(allowed)}. Rename or remove it."
        )


def read_codes(
    name: str, pattern: str, allowed: Mapping[str, Collection[str]], *, path: Path, corpus: str, example: str
) -> dict[str, str]:
    """Split a file name into codes and check them.

    Args:
        name: The file name, without suffix.
        pattern: Regular expression with a named group for each field.
        allowed: The allowed codes of fields; fields that are not in it allow anything.
        path: The file, for the message.
        corpus: Name of the corpus, for the message.
        example: A name that follows the scheme, for the message.

    Raises:
        ValueError: The name does not follow the scheme.
    """
    match = re.fullmatch(pattern, name)
    if match is None:
        raise ValueError(
            f"{path} breaks the {corpus} naming scheme, which is as in {example}. Rename or remove it."
        )
    codes = match.groupdict()
    for field, codes_allowed in allowed.items():
        check_code(codes[field], codes_allowed, field=field, path=path, corpus=corpus)
    return codes
