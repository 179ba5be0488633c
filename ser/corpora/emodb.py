"""EmoDB: 10 speakers of German, 535 clips.

Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005), A database of German emotional speech,
Interspeech. `03a01Fa.wav` reads speaker, sentence, emotion (the initial of the German word), take.
"""

from __future__ import annotations

import os
from pathlib import Path

from datasets import Dataset

from ser.corpora.clips import Clip, read_codes
from ser.corpora.named_corpus import NamedCorpus
from ser.corpora.speakers import speaker_name
from ser.labels import LABEL_MAPS

NUM_CLIPS = 535
GENDERS = dict.fromkeys(("03", "10", "11", "12", "15"), "male") | dict.fromkeys(
    ("08", "09", "13", "14", "16"), "female"
)
SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank",
    "a02": "Das will sie am Mittwoch abgeben",
    "a04": "Heute abend könnte ich es ihm sagen",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück",
    "a07": "In sieben Stunden wird es soweit sein",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen",
}
TAKES = {letter: take for take, letter in enumerate("abcdef", start=1)}
PATTERN = r"(?P<speaker>\d\d)(?P<sentence>[a-z]\d\d)(?P<emotion>[A-Z])(?P<take>[a-z])"


def load_emodb(data_dir: str | os.PathLike[str], *, skip_unreadable: bool = False) -> Dataset:
    """Read EmoDB from any folders below `data_dir`.

    Its 81 clips of boredom, which RAVDESS has no class for, are dropped. `actor` is
    `emodb:03` to `emodb:16`; `intensity` is null. Arguments and errors are those of `NamedCorpus.load`.
    """
    return EMODB.load(data_dir, skip_unreadable=skip_unreadable)


def _read_clip(path: Path) -> Clip:
    codes = read_codes(
        path.stem,
        PATTERN,
        {"speaker": GENDERS, "sentence": SENTENCES, "emotion": LABEL_MAPS["emodb"], "take": TAKES},
        path=path,
        corpus="EmoDB",
        example="03a01Fa",
    )
    return Clip(
        audio=str(path),
        emotion=LABEL_MAPS["emodb"][codes["emotion"]],
        corpus="emodb",
        actor=speaker_name("emodb", codes["speaker"]),
        gender=GENDERS[codes["speaker"]],
        statement=SENTENCES[codes["sentence"]],
        repetition=TAKES[codes["take"]],
    )


EMODB = NamedCorpus(
    name="EmoDB",
    num_published_clips=NUM_CLIPS,
    read_clip=_read_clip,
    remedy="`python data_scripts/download_emodb.py --output_dir data/emodb` fetches the corpus.",
)
