"""nEMO: 9 actors of Polish, 4481 clips.

Christop I (2024), nEMO: Dataset of Emotional Speech in Polish, LREC-COLING. `WR0_surprised_64.wav` reads
speaker, emotion, number of the sentence. The texts are in `data.tsv` beside the clips and are not read.
"""

from __future__ import annotations

import os
from pathlib import Path

from datasets import Dataset

from ser.corpora.clips import Clip, read_codes
from ser.corpora.named_corpus import NamedCorpus
from ser.corpora.speakers import speaker_name
from ser.labels import LABEL_MAPS

NUM_CLIPS = 4481
GENDERS = dict.fromkeys(("EB0", "IC0", "KD0", "MK0"), "female") | dict.fromkeys(
    ("KS0", "MP0", "SM0", "TP0", "WR0"), "male"
)
PATTERN = r"(?P<speaker>[A-Z]+\d)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)"


def load_nemo(data_dir: str | os.PathLike[str], *, skip_unreadable: bool = False) -> Dataset:
    """Read nEMO from any folders below `data_dir`.

    `statement` is the number of the sentence; `intensity` and `repetition` are null. Arguments and
    errors are those of `NamedCorpus.load`.
    """
    return NEMO.load(data_dir, skip_unreadable=skip_unreadable)


def _read_clip(path: Path) -> Clip:
    codes = read_codes(
        path.stem,
        PATTERN,
        {"speaker": GENDERS, "emotion": LABEL_MAPS["nemo"]},
        path=path,
        corpus="nEMO",
        example="WR0_surprised_64",
    )
    return Clip(
        audio=str(path),
        emotion=LABEL_MAPS["nemo"][codes["emotion"]],
        corpus="nemo",
        actor=speaker_name("nemo", codes["speaker"]),
        gender=GENDERS[codes["speaker"]],
        statement=codes["sentence"],
    )


NEMO = NamedCorpus(
    name="nEMO",
    num_published_clips=NUM_CLIPS,
    read_clip=_read_clip,
    remedy="`python data_scripts/download_nemo.py --output_dir data/nemo` fetches the corpus.",
)
