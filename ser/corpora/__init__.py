"""Emotional speech corpora, each read by one function into a `datasets.Dataset` with the same columns."""

from collections.abc import Callable

from datasets import Dataset

from ser.corpora.own_data import load_own_data
from ser.corpora.published import CREMA_D, EMODB, NEMO, SAVEE, TESS
from ser.corpora.ravdess import RAVDESS, RAVDESS_SONG, load_ravdess, load_ravdess_song
from ser.corpora.votes import load_crema_d

__all__ = [
    "CORPORA",
    "CORPUS_TITLES",
    "load_crema_d",
    "load_emodb",
    "load_nemo",
    "load_own_data",
    "load_ravdess",
    "load_ravdess_song",
    "load_savee",
    "load_tess",
]

load_emodb = EMODB.load
load_nemo = NEMO.load
load_savee = SAVEE.load
load_tess = TESS.load

CORPORA: dict[str, Callable[..., Dataset]] = {
    "ravdess": load_ravdess,
    "crema-d": load_crema_d,
    "tess": load_tess,
    "savee": load_savee,
    "ravdess-song": load_ravdess_song,
    "nemo": load_nemo,
    "emodb": load_emodb,
}
"""Corpus name, as `ser.labels.LABEL_MAPS` has it -> the function that reads it from a folder."""

CORPUS_TITLES = {
    corpus.name: corpus.title for corpus in (RAVDESS, CREMA_D, TESS, SAVEE, RAVDESS_SONG, NEMO, EMODB)
}
"""Corpus name -> how it is written."""
