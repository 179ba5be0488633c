"""Measure how well the detector of a checkpoint tells sounds without speech from unseen speakers.

    python -m benchmarks.accuracy.out_of_distribution --ravdess_dir data/ravdess --emodb_dir data/emodb

Writes `benchmarks/results/out_of_distribution.json`; `python -m benchmarks.report.generalisation` puts the
table into `docs/generalisation.md`. The sounds are synthetic; the seed decides them.
"""

import json
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from ser.__main__ import CommandParser
from ser.corpora.together import load_corpus
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
from ser.recognizer.out_of_distribution import summarise_features
from ser.training.augmentation import add_noise, coloured_noise

OUTPUT = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "out_of_distribution.json"

NUM_SOUNDS = 40  # of each kind
MIN_SECONDS, MAX_SECONDS = 1.5, 5.0
LEVELS_DB = (-40.0, -12.0)  # of the whole clip, relative to full scale
SILENCE_LEVELS_DB = (-90.0, -70.0)
NOISY_SNR_DB = 10.0


def make_sound(kind: str, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Make a sound of a key of `KINDS`, 1.5 to 5 s at a random level, float32 `(num_samples,)`."""
    num_samples = round(rng.uniform(MIN_SECONDS, MAX_SECONDS) * sampling_rate)
    waveform = KINDS[kind](num_samples, sampling_rate, rng)
    level_db = rng.uniform(*(SILENCE_LEVELS_DB if kind == "silence" else LEVELS_DB))
    waveform = waveform * 10 ** (level_db / 20) / np.sqrt(np.mean(waveform**2))
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


def _noise(num_samples: int, _: int, rng: np.random.Generator) -> np.ndarray:
    """Make steady noise between white and brown."""
    return coloured_noise(num_samples, rng.uniform(0.0, 2.0), rng)


def _tone(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Make a steady or gliding tone of one to five harmonics, as of an alarm or mains hum."""
    ends_hz = 50 * 2 ** rng.uniform(0, 5, size=2)
    if rng.random() < 0.5:
        ends_hz[1] = ends_hz[0]
    phase = 2 * np.pi * np.cumsum(np.geomspace(ends_hz[0], ends_hz[1], num_samples)) / sampling_rate
    tone = np.sum([np.sin(n * phase) / n for n in range(1, rng.integers(2, 7))], axis=0)
    return tone + 1e-3 * rng.standard_normal(num_samples)


def _chords(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Make plucked chords of three notes, one after another."""
    music = 1e-3 * rng.standard_normal(num_samples)
    start = 0
    while start < num_samples:
        length = min(round(rng.uniform(0.25, 0.9) * sampling_rate), num_samples - start)
        time_seconds = np.arange(length) / sampling_rate
        root_hz = 110 * 2 ** (rng.integers(0, 25) / 12)
        for semitones in (0, rng.choice([3, 4]), 7):
            note_hz = root_hz * 2 ** (semitones / 12)
            for n in range(1, 6):
                decay = np.exp(-time_seconds * (1.5 + n))
                music[start : start + length] += decay * np.sin(2 * np.pi * n * note_hz * time_seconds) / n
        start += length
    return music


def _clicks(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Make knocks at random moments, as of keys, steps or a tapped microphone."""
    impulses = np.zeros(num_samples)
    num_clicks = max(2, round(rng.uniform(1, 12) * num_samples / sampling_rate))
    impulses[rng.integers(num_samples, size=num_clicks)] = rng.uniform(0.3, 1.0, num_clicks)
    time_seconds = np.arange(round(0.05 * sampling_rate)) / sampling_rate
    ring = np.exp(-time_seconds * rng.uniform(80, 400)) * rng.standard_normal(len(time_seconds))
    return np.convolve(impulses, ring)[:num_samples] + 1e-4 * rng.standard_normal(num_samples)


def _bursts(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Make noise that swells and falls two to eight times a second, as syllables do."""
    time_seconds = np.arange(num_samples) / sampling_rate
    swell = np.clip(np.sin(2 * np.pi * rng.uniform(2, 8) * time_seconds), 0, None) ** 2
    return (swell + 0.01) * _noise(num_samples, sampling_rate, rng)


KINDS: dict[str, Callable[[int, int, np.random.Generator], np.ndarray]] = {
    "noise": _noise,
    "tones": _tone,
    "chords": _chords,
    "clicks": _clicks,
    "bursts": _bursts,
    "silence": _noise,
}
"""Function that makes each kind of sound; `silence` is noise at a level that nobody would record."""


def measure(model: str, ravdess_dir: str, emodb_dir: str) -> dict[str, Any]:
    """Measure a checkpoint's detector on unseen speakers, other speech and sounds without speech.

    Args:
        model: Folder of a checkpoint with a detector.
        ravdess_dir: Folder of RAVDESS; actors 21 to 24 are the unseen speakers.
        emodb_dir: Folder of EmoDB.

    Returns:
        By kind of sound: `num_clips`; `flagged`, the share that the detector calls out of distribution; and
        `auroc` against the unseen speakers.

    Raises:
        ValueError: If the checkpoint has no detector.
    """
    recognizer = MfccLstmRecognizer.from_pretrained(model)
    detector, rate = recognizer.detector, recognizer.sampling_rate
    if detector is None:
        raise ValueError(f"{model} holds no out-of-distribution detector: train it anew with train.py.")

    def distances(waveforms: Iterable[np.ndarray]) -> np.ndarray:
        features = (
            recognizer.feature_extractor(each, sampling_rate=rate)["input_features"][0] for each in waveforms
        )
        return detector.distances(np.stack([summarise_features(np.asarray(each)) for each in features]))

    clips = load_corpus("ravdess", ravdess_dir, actors=SHIPPED_TEST_ACTORS)
    unseen = [recognizer.load(audio) for audio in clips["audio"]]
    rng = np.random.default_rng(0)
    of_kind = {
        "unseen speakers": distances(unseen),
        f"unseen speakers, noise at {NOISY_SNR_DB:.0f} dB SNR": distances(
            add_noise(each, coloured_noise(len(each), 1.0, rng), NOISY_SNR_DB) for each in unseen
        ),
        "EmoDB": distances(recognizer.load(audio) for audio in load_corpus("emodb", emodb_dir)["audio"]),
    }
    for number, kind in enumerate(KINDS):
        rngs = [np.random.default_rng((number, sound)) for sound in range(NUM_SOUNDS)]
        of_kind[kind] = distances(make_sound(kind, rate, rng) for rng in rngs)
    return {
        kind: {
            "num_clips": len(found),
            "flagged": float(np.mean(found > detector.threshold)),
            "auroc": float(
                roc_auc_score(
                    np.repeat([0, 1], [len(unseen), len(found)]),
                    np.concatenate([of_kind["unseen speakers"], found]),
                )
            ),
        }
        for kind, found in of_kind.items()
    }


def main(arguments: list[str]) -> None:
    """Parse, measure, write."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--model", default="checkpoint", help="folder of a checkpoint")
    parser.add_argument("--ravdess_dir", required=True, help="folder of RAVDESS")
    parser.add_argument("--emodb_dir", required=True, help="folder of EmoDB")
    args = parser.parse_args(arguments)
    result = {
        "kinds": measure(args.model, args.ravdess_dir, args.emodb_dir),
        "command": shlex.join(["python", "-m", "benchmarks.accuracy.out_of_distribution", *arguments]),
    }
    OUTPUT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
