"""The columns of every corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

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
