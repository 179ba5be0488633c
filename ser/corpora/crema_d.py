"""CREMA-D: 91 actors of American English, 7442 clips.

Cao H, Cooper DG, Keutmann MK, Gur RC, Nenkova A, Verma R (2014), CREMA-D: Crowd-sourced Emotional Multimodal
Actors Dataset, IEEE Transactions on Affective Computing 5(4). `1001_DFA_ANG_XX.wav` reads actor, sentence,
emotion, level.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from datasets import Dataset, List, Value

from ser.corpora.clips import Clip, read_codes
from ser.corpora.named_corpus import NamedCorpus
from ser.corpora.speakers import speaker_name
from ser.labels import EMOTIONS, LABEL_MAPS

NUM_CLIPS = 7442
VOTES_FILE = "tabulatedVotes.csv"  # of the published repository: how many listeners heard which emotion
# From VideoDemographics.csv of the published repository.
# fmt: off
WOMEN = frozenset({
    1002, 1003, 1004, 1006, 1007, 1008, 1009, 1010, 1012, 1013, 1018, 1020, 1021, 1024, 1025,
    1028, 1029, 1030, 1037, 1043, 1046, 1047, 1049, 1052, 1053, 1054, 1055, 1056, 1058, 1060,
    1061, 1063, 1072, 1073, 1074, 1075, 1076, 1078, 1079, 1082, 1084, 1089, 1091,
})
# fmt: on
ACTORS = tuple(str(actor) for actor in range(1001, 1092))
SENTENCES = {
    "DFA": "Don't forget a jacket",
    "IEO": "It's eleven o'clock",
    "IOM": "I'm on my way to the meeting",
    "ITH": "I think I have a doctor's appointment",
    "ITS": "I think I've seen this before",
    "IWL": "I would like a new alarm clock",
    "IWW": "I wonder what this is about",
    "MTI": "Maybe tomorrow it will be cold",
    "TAI": "The airplane is almost full",
    "TIE": "That is exactly what happened",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
LEVELS = {
    "LO": "low",
    "MD": "medium",
    "HI": "high",
    "XX": None,  # unspecified
    "X": None,  # so in 1040_ITH_SAD_X.wav, a slip of the publisher
}
# Published files with faults, which are left out.
UNUSABLE = frozenset(
    {
        "1064_IEO_DIS_MD",  # a minute of all the emotions, one after another
        "1076_MTI_SAD_XX",  # silent
    }
)
PATTERN = r"(?P<actor>\d{4})_(?P<sentence>[A-Z]+)_(?P<emotion>[A-Z]+)_(?P<level>[A-Z]+)"


def load_crema_d(data_dir: str | os.PathLike[str], *, skip_unreadable: bool = False) -> Dataset:
    """Read CREMA-D from any folders below `data_dir`.

    Two clips with known faults are left out. `actor` is `crema-d:1001` to `crema-d:1091`; `intensity` is low,
    medium, high or null; `repetition` is null. Where `VOTES_FILE` lies below `data_dir`, the column `votes`
    has the votes of those who only heard a clip, as shares of `EMOTIONS`, or null: training learns them in
    place of the acted emotion. Arguments and errors are those of `NamedCorpus.load`.
    """
    clips = CREMA_D.load(data_dir, skip_unreadable=skip_unreadable)
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


def _read_clip(path: Path) -> Clip:
    labels = LABEL_MAPS["crema-d"]
    codes = read_codes(
        path.stem,
        PATTERN,
        {"actor": ACTORS, "sentence": SENTENCES, "emotion": labels, "level": LEVELS},
        path=path,
        corpus="CREMA-D",
        example="1001_DFA_ANG_XX",
    )
    actor = codes["actor"]
    return Clip(
        audio=str(path),
        emotion=None if path.stem in UNUSABLE else labels[codes["emotion"]],
        corpus="crema-d",
        actor=speaker_name("crema-d", actor),
        gender="female" if int(actor) in WOMEN else "male",
        intensity=LEVELS[codes["level"]],
        statement=SENTENCES[codes["sentence"]],
    )


CREMA_D = NamedCorpus(
    name="CREMA-D",
    num_published_clips=NUM_CLIPS,
    read_clip=_read_clip,
    remedy="`python data_scripts/download_crema_d.py --output_dir data/crema-d` fetches the corpus.",
)
