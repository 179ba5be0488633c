"""TESS: two actresses of Canadian English, 26 and 64 years old, 2800 clips.

Pichora-Fuller MK, Dupuis K (2020), Toronto emotional speech set (TESS), Borealis, doi:10.5683/SP2/E8H2MF.
`OAF_back_angry.wav` reads actress (older or younger adult female), word, emotion.
"""

from __future__ import annotations

import os
from pathlib import Path

from datasets import Dataset

from ser.corpora.clips import Clip, read_codes
from ser.corpora.named_corpus import NamedCorpus
from ser.corpora.speakers import speaker_name
from ser.labels import LABEL_MAPS

NUM_CLIPS = 2800
ACTORS = {
    "OAF": "OAF",
    "OA": "OAF",  # so in OA_bite_neutral.wav, a slip of the publisher
    "YAF": "YAF",
}
PATTERN = r"(?P<actress>[A-Z]+)_(?P<word>[^_]+)_(?P<emotion>[a-z]+)"


def load_tess(data_dir: str | os.PathLike[str], *, skip_unreadable: bool = False) -> Dataset:
    """Read TESS from any folders below `data_dir`; the folders' names do not matter.

    `actor` is `tess:OAF` for the older actress, `tess:YAF` for the younger; `intensity` and `repetition` are
    null. Arguments and errors are those of `NamedCorpus.load`.
    """
    return TESS.load(data_dir, skip_unreadable=skip_unreadable)


def _read_clip(path: Path) -> Clip:
    codes = read_codes(
        path.stem,
        PATTERN,
        {"actress": ACTORS, "emotion": LABEL_MAPS["tess"]},
        path=path,
        corpus="TESS",
        example="OAF_back_angry",
    )
    return Clip(
        audio=str(path),
        emotion=LABEL_MAPS["tess"][codes["emotion"]],
        corpus="tess",
        actor=speaker_name("tess", ACTORS[codes["actress"]]),
        gender="female",
        statement=f"Say the word {codes['word']}",
    )


TESS = NamedCorpus(
    name="TESS",
    num_published_clips=NUM_CLIPS,
    read_clip=_read_clip,
    remedy="`python data_scripts/download_tess.py --output_dir data/tess` fetches the corpus.",
)
