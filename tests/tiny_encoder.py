"""A tiny Whisper encoder with random weights, and clips of noise to train heads on."""

from pathlib import Path

import numpy as np
import soundfile
import torch
from datasets import Audio, ClassLabel, Dataset, Features, Value
from transformers import WhisperConfig, WhisperForAudioClassification

from ser.labels import EMOTIONS

SPEAKERS = {"ravdess": ["ravdess:01", "ravdess:02"], "nemo": ["nemo:WR0"]}
CLIPS_EACH = 6


def save_tiny_encoder(folder: Path) -> Path:
    """Save the encoder in a folder and return the folder."""
    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=16,
        encoder_layers=3,
        encoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_layers=1,
        classifier_proj_size=8,
    )
    WhisperForAudioClassification(config).save_pretrained(folder)
    return folder


def noise_of_two_corpora(folder: Path) -> Dataset:
    """Write the clips into a folder and return them as a reader of a corpus does."""
    rng, rows = np.random.default_rng(0), []
    for corpus, speakers in SPEAKERS.items():
        for speaker in speakers:
            for number in range(CLIPS_EACH):
                file = folder / f"{corpus}-{speaker[-2:]}-{number}.wav"
                soundfile.write(file, 0.1 * rng.standard_normal(int(rng.integers(5_000, 9_000))), 16_000)
                emotion = EMOTIONS[number] if corpus == "ravdess" else ("neutral", "happy", "sad")[number % 3]
                rows.append({"audio": str(file), "corpus": corpus, "actor": speaker, "emotion": emotion})
    emotion = ClassLabel(names=list(EMOTIONS))
    text = Value("string")
    columns = Features({"audio": text, "corpus": text, "actor": text, "emotion": emotion})
    rows = [row | {"emotion": EMOTIONS.index(row["emotion"])} for row in rows]
    return Dataset.from_list(rows, features=columns).cast_column("audio", Audio(decode=False))
