"""A checkpoint with random weights: everything a trained one has, made in a moment."""

from pathlib import Path

import torch

from ser import MfccLstmConfig, MfccLstmFeatureExtractor, MfccLstmForAudioClassification
from ser.labels import EMOTIONS


def save_random_checkpoint(folder: Path, seed: int = 0, **config) -> Path:
    """Save a small model and its feature extractor, no setting of which is the default, and return `folder`.

    A default that sneaks in where a saved value should be read changes the probabilities.
    """
    generator = torch.Generator().manual_seed(seed)
    settings = {
        "conv_channels": [24, 16],
        "conv_strides": [2, 1],
        "conv_kernel_size": 3,
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "attention_size": 8,
        "ensemble_size": 2,
        "views": ["delta", "relative"],
        "temperature": 1.7,
        "id2label": dict(enumerate(EMOTIONS)),
        "label2id": {emotion: label for label, emotion in enumerate(EMOTIONS)},
    }
    model = MfccLstmForAudioClassification(MfccLstmConfig(**(settings | config)))
    state = {
        # Variances of the batch normalisation are above 0, and its counters are whole numbers.
        name: torch.rand(value.shape, generator=generator) * 0.6 + (0.2 if "running_var" in name else -0.3)
        if value.is_floating_point()
        else value + 3
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    model.save_pretrained(folder)
    size = model.config.feature_size
    MfccLstmFeatureExtractor(
        feature_size=size,
        num_mel_bins=48,
        trim_top_db=25.0,
        target_level_db=-26.0,
        mean=torch.linspace(-40.0, 2.0, size).tolist(),
        std=torch.linspace(60.0, 4.0, size).tolist(),
    ).save_pretrained(folder)
    return folder
