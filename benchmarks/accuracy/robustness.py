"""Measure the UAR that noise, codecs, rooms, levels and microphones cost on unseen speakers.

    python -m benchmarks.accuracy.robustness --model checkpoint --data_dir data/ravdess

Writes `benchmarks/results/robustness.json`; `python -m benchmarks.report.results` puts the table into
`docs/results.md`. Needs ffmpeg for the codecs. Every clip is disturbed in the same way for every model.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.report.comparison import Predictions
from benchmarks.report.tables import disturbed_lines
from ser.__main__ import CommandParser
from ser.corpora import load_ravdess
from ser.corpora.provenance import environment
from ser.corpora.together import load_corpus
from ser.evaluation.metrics import unweighted_average_recall
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.recognizer import EmotionRecognizer
from ser.training.augmentation import (
    add_noise,
    change_gain,
    coloured_noise,
    equalise,
    limit_band,
    reverberate,
)

ROOT = Path(__file__).resolve().parents[2]

NUM_TALKERS = 6  # in the babble
BIT_RATE = "32k"
Condition = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def through_codec(waveform: np.ndarray, sampling_rate: int, encoder: str, container: str) -> np.ndarray:
    """Encode with ffmpeg at 32 kbit/s and decode again.

    Raises:
        FileNotFoundError: If there is no ffmpeg.
        subprocess.CalledProcessError: If ffmpeg lacks the encoder.
    """
    raw = ["-f", "f32le", "-ar", str(sampling_rate), "-ac", "1"]
    quiet = ["ffmpeg", "-v", "error"]
    encode = [*quiet, *raw, "-i", "-", "-c:a", encoder, "-b:a", BIT_RATE, "-f", container, "-"]
    encoded = subprocess.run(encode, input=waveform.tobytes(), capture_output=True, check=True).stdout
    decode = [*quiet, "-f", container, "-i", "-", *raw, "-"]
    decoded = subprocess.run(decode, input=encoded, capture_output=True, check=True).stdout
    return np.frombuffer(decoded, dtype=np.float32).copy()


def babble(talkers: list[np.ndarray], num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Mix several talkers, each from a random place on, repeated where a clip is too short."""
    chosen = [talkers[index] for index in rng.choice(len(talkers), NUM_TALKERS, replace=False)]
    return np.sum(
        [np.resize(np.roll(talker, rng.integers(len(talker))), num_samples) for talker in chosen], axis=0
    )


def conditions(sampling_rate: int, talkers: list[np.ndarray]) -> dict[str, Condition]:
    """Return the conditions by name; each takes a clip and the generator to draw from."""

    def noise(kind: str, snr_db: float) -> Condition:
        def disturb(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
            if kind == "babble":
                return add_noise(waveform, babble(talkers, len(waveform), rng), snr_db)
            exponent = {"white": 0.0, "pink": 1.0}[kind]
            return add_noise(waveform, coloured_noise(len(waveform), exponent, rng), snr_db)

        return disturb

    found: dict[str, Condition] = {"clean": lambda waveform, _: waveform}
    for snr_db in (20, 10):
        for kind in ("white", "pink", "babble"):
            found[f"{kind} noise, {snr_db} dB SNR"] = noise(kind, snr_db)
    found["telephone band, 300 to 3400 Hz"] = lambda waveform, _: limit_band(
        waveform, sampling_rate, 300.0, 3_400.0
    )
    found["MP3, 32 kbit/s"] = lambda waveform, _: through_codec(waveform, sampling_rate, "libmp3lame", "mp3")
    found["Opus, 32 kbit/s"] = lambda waveform, _: through_codec(waveform, sampling_rate, "libopus", "ogg")
    found["12 dB quieter"] = lambda waveform, _: change_gain(waveform, -12.0)
    found["12 dB louder, clipped at full scale"] = lambda waveform, _: change_gain(waveform, 12.0)
    found["room, 0.5 s reverberation"] = lambda waveform, rng: reverberate(
        waveform, sampling_rate, 0.5, 5.0, rng
    )
    found["another microphone, 6 dB random equaliser"] = lambda waveform, rng: equalise(
        waveform, sampling_rate, rng.normal(0.0, 6.0, 8)
    )
    return found


def measure(recognizer: EmotionRecognizer, data_dir: str) -> dict[str, Any]:
    """Measure the UAR under every condition and its loss beside the clean clips, with intervals."""
    train_clips = load_ravdess(data_dir, actors=range(1, 21))
    talkers = [recognizer.load(audio) for audio in train_clips["audio"][::20]]
    clips = load_corpus("ravdess", data_dir, actors=SHIPPED_TEST_ACTORS)
    waveforms = [recognizer.load(audio) for audio in clips["audio"]]
    labels, actors = np.asarray(clips["emotion"]), np.asarray(clips["actor"])
    predictions: dict[str, np.ndarray] = {}
    results = {}
    for name, disturb in tqdm(conditions(recognizer.sampling_rate, talkers).items(), unit="condition"):
        disturbed = [
            disturb(waveform, np.random.default_rng((0, row))) for row, waveform in enumerate(waveforms)
        ]
        predictions[name] = recognizer.predict_probabilities(disturbed).argmax(axis=1)
        both = np.stack([predictions["clean"], predictions[name]], axis=1)
        results[name] = {
            "uar": unweighted_average_recall(labels, predictions[name]),
            "uar_lost": _uar_lost(labels, both),
            "uar_lost_interval": Predictions(labels, actors, both).interval(_uar_lost),
        }
    return {"actors": list(SHIPPED_TEST_ACTORS), "num_clips": len(labels), "conditions": results}


def _uar_lost(labels: np.ndarray, predictions: np.ndarray) -> float:
    """Return the UAR that is lost from the first column of predictions to the second."""
    clean, disturbed = (unweighted_average_recall(labels, column) for column in predictions.T)
    return clean - disturbed


def robustness_table(result: dict[str, Any]) -> list[str]:
    """Return the Markdown lines for `docs/results.md`."""
    return [
        "## What noise, codecs, rooms and microphones cost",
        "",
        *disturbed_lines(result),
        *("", "Made by:", "", "```shell", result["command"], "```", ""),
    ]


def main(arguments: list[str]) -> None:
    """Parse, measure, write, show."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--model", default="checkpoint", help="folder of a checkpoint, or a Hub id")
    parser.add_argument("--data_dir", required=True, help="the RAVDESS speech clips")
    parser.add_argument("--output", default="benchmarks/results/robustness.json", help="where the figures go")
    args = parser.parse_args(arguments)
    result = measure(EmotionRecognizer.from_pretrained(args.model), args.data_dir)
    result |= {
        "command": shlex.join(["python", "-m", "benchmarks.accuracy.robustness", *arguments]),
        **environment(),
    }
    Path(args.output).write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(robustness_table(result)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
