"""How well scores of strangeness tell sounds unlike the training data from voices that are merely new."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from datasets import Dataset
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy.nonspeech import KINDS, make_nonspeech
from benchmarks.accuracy.strangeness import hear, strangeness_scores
from ser import load_ravdess
from ser.corpora import load_emodb
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.evaluation.training_record import heard_speakers, read_training_record
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
from ser.training.augmentation import add_noise, coloured_noise

NUM_SOUNDS = 40  # of each kind
KNOWN_STEP = 2  # every second clip of the training is enough to fit to
CONTROL = "voice in noise"
CONTROL_SNR_DB = 10.0
MAX_CONTROL_AUROC = 0.7
MIN_USEFUL_AUROC = 0.9  # on sounds without speech


def measure_unlike(model: str, ravdess_dir: str, emodb_dir: str) -> dict[str, Any]:
    """How well each score of strangeness tells EmoDB and sounds without speech from unseen RAVDESS actors.

    The same actors in noise are a control: they are speech, and a score that takes them for strange hears the
    noise and not that there is no voice.

    Args:
        model: Folder of a checkpoint; the scores are fitted to the RAVDESS actors it was trained on.
        ravdess_dir: Folder of RAVDESS.
        emodb_dir: Folder of EmoDB.

    Returns:
        `auroc` by score and kind of sound; `flagged`, the share of each kind that the demo calls unlike
        speech; `best`, as `best_score` says; and numbers of clips.

    Raises:
        ValueError: If the checkpoint does not bring along what the demo judges by.
    """
    recognizer = MfccLstmRecognizer.from_pretrained(model)
    rate = recognizer.sampling_rate
    actors_heard = heard_speakers(read_training_record(model)) or set()
    clips, strangers = load_ravdess(ravdess_dir), load_emodb(emodb_dir)
    actors = np.array(clips["actor"])
    known = clips.select(np.flatnonzero(np.isin(actors, sorted(actors_heard)))[::KNOWN_STEP])
    of_demo = recognizer.strangeness
    if of_demo is None:
        raise ValueError(f"{model} holds no statistics of its training: train it anew with train.py.")
    scores = strangeness_scores(
        hear(recognizer, waveforms_of(recognizer, known)), np.array(known["emotion"]), of_demo
    )
    unseen = list(
        waveforms_of(recognizer, clips.select(np.flatnonzero(np.isin(actors, SHIPPED_TEST_ACTORS))))
    )
    rng = np.random.default_rng(0)
    in_noise = [add_noise(each, coloured_noise(len(each), 1.0, rng), CONTROL_SNR_DB) for each in unseen]
    heard = {
        CONTROL: hear(recognizer, in_noise),
        "EmoDB": hear(recognizer, waveforms_of(recognizer, strangers)),
    }
    for number, kind in enumerate(KINDS):
        rngs = [np.random.default_rng((number, i)) for i in range(NUM_SOUNDS)]
        heard[kind] = hear(recognizer, [make_nonspeech(kind, rate, rng) for rng in rngs])
    usual = hear(recognizer, unseen)
    auroc: dict[str, dict[str, float]] = {}
    for name, score in scores.items():
        of_kind = {kind: score(each) for kind, each in heard.items()}
        of_kind["no speech"] = np.concatenate([of_kind[kind] for kind in KINDS])
        order = (CONTROL, "EmoDB", "no speech", *KINDS)
        auroc[name] = {kind: _auroc(score(usual), of_kind[kind]) for kind in order}
    flagged = {
        kind: float(np.mean(of_demo.distances(each.statistics) > of_demo.threshold))
        for kind, each in {"unseen voices": usual, **heard}.items()
    }
    return {
        "auroc": auroc,
        "flagged": {kind: round(share, 4) for kind, share in flagged.items()},
        "best": best_score(auroc),
        "num_known_clips": len(known),
        "num_unseen_clips": len(unseen),
        "num_emodb_clips": len(strangers),
        "num_sounds_of_a_kind": NUM_SOUNDS,
    }


def best_score(auroc: dict[str, dict[str, float]]) -> str:
    """The score that tells sounds without speech best, of those that pass the control if any does."""
    passing = [name for name, by_kind in auroc.items() if by_kind[CONTROL] <= MAX_CONTROL_AUROC]
    return max(passing or auroc, key=lambda name: auroc[name]["no speech"])


def waveforms_of(recognizer: MfccLstmRecognizer, clips: Dataset) -> Iterator[np.ndarray]:
    """The clips of a corpus at the model's rate."""
    return (recognizer.load(audio) for audio in clips["audio"])


def _auroc(usual: np.ndarray, strange: np.ndarray) -> float:
    labels = np.repeat([0, 1], [len(usual), len(strange)])
    return round(float(roc_auc_score(labels, np.concatenate([usual, strange]))), 4)
