"""SAVEE: four men of British English, 480 clips.

Jackson P, Haq S (2014), Surrey Audio-Visual Expressed Emotion (SAVEE) database, University of Surrey.
`DC/a01.wav`, or flat `DC_a01.wav`, reads speaker, emotion, sentence.
"""

from __future__ import annotations

import os
from pathlib import Path

from datasets import Dataset

from ser.corpora.clips import Clip, read_codes
from ser.corpora.named_corpus import NamedCorpus
from ser.corpora.speakers import speaker_name
from ser.labels import LABEL_MAPS

NUM_CLIPS = 480
ACTORS = ("DC", "JE", "JK", "KL")
PATTERN = r"(?P<speaker>[^_]+)_(?P<emotion>[a-z]+)(?P<sentence>\d\d)"


def load_savee(data_dir: str | os.PathLike[str], *, skip_unreadable: bool = False) -> Dataset:
    """Read SAVEE from any folders below `data_dir`.

    `statement` is a code such as `a01`, the sentence's number within the emotion; `intensity` and
    `repetition` are null. Arguments and errors are those of `NamedCorpus.load`.
    """
    return SAVEE.load(data_dir, skip_unreadable=skip_unreadable)


def _read_clip(path: Path) -> Clip:
    name = path.stem if "_" in path.stem else f"{path.parent.name}_{path.stem}"
    codes = read_codes(
        name,
        PATTERN,
        {"speaker": ACTORS, "emotion": LABEL_MAPS["savee"]},
        path=path,
        corpus="SAVEE",
        example="DC/a01 or DC_a01",
    )
    return Clip(
        audio=str(path),
        emotion=LABEL_MAPS["savee"][codes["emotion"]],
        corpus="savee",
        actor=speaker_name("savee", codes["speaker"]),
        gender="male",
        statement=codes["emotion"] + codes["sentence"],
    )


SAVEE = NamedCorpus(
    name="SAVEE",
    num_published_clips=NUM_CLIPS,
    read_clip=_read_clip,
    remedy="`python data_scripts/download_savee.py` says where to ask for the corpus and unpacks it.",
)
