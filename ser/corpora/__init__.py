"""Emotional speech corpora, each read by one function into a `datasets.Dataset` with the same columns."""

from collections.abc import Callable

from datasets import Dataset

from ser.corpora.crema_d import load_crema_d
from ser.corpora.emodb import load_emodb
from ser.corpora.nemo import load_nemo
from ser.corpora.own_data import load_own_data
from ser.corpora.ravdess import load_ravdess, load_ravdess_song
from ser.corpora.savee import load_savee
from ser.corpora.tess import load_tess

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
    "ravdess": "RAVDESS",
    "crema-d": "CREMA-D",
    "tess": "TESS",
    "savee": "SAVEE",
    "ravdess-song": "RAVDESS song",
    "nemo": "nEMO",
    "emodb": "EmoDB",
}
"""Corpus name -> how it is written."""
