"""The base of recognisers that run a torch model of transformers with its feature extractor."""

import hashlib
import inspect
import json
import os
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from transformers import BatchFeature, PreTrainedModel, SequenceFeatureExtractor

from ser.recognizer.base import EmotionRecognizer


class TorchRecognizer(EmotionRecognizer):
    """A classifier and its feature extractor.

    Args:
        model: The network; `id2label` of its configuration names the emotions. Its output has `logits`.
        feature_extractor: Its feature extractor.
    """

    model: Any  # whose class and configuration each kind knows better than transformers' base class
    feature_extractor: Any

    def __init__(self, model: PreTrainedModel, feature_extractor: SequenceFeatureExtractor):
        self.model = model.eval()
        self.feature_extractor = feature_extractor
        id2label = cast(dict[int, str], model.config.id2label)
        self.emotions = tuple(id2label[label] for label in range(len(id2label)))
        self.sampling_rate = feature_extractor.sampling_rate
        self.not_sure_below = float(getattr(model.config, "not_sure_below", 0.0))
        self.confidence_steps = getattr(model.config, "confidence_steps", None) or ()

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write a checkpoint that `from_pretrained` reads."""
        self.model.save_pretrained(folder)
        self.feature_extractor.save_pretrained(folder)

    def fingerprint(self) -> str:
        """Return a SHA-256 of weights and settings, the same wherever they were loaded from."""
        digest = hashlib.sha256(self.feature_extractor.to_json_string().encode())
        settings = self.model.config.to_dict()
        for name in ("_name_or_path", "transformers_version", "auto_map"):
            settings.pop(name, None)
        digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def forward(self, waveforms: list[np.ndarray]) -> np.ndarray:
        """Return the softmax of the model's scores, `(num_clips, num_emotions)`."""
        inputs = extract_batch(self.feature_extractor, waveforms)
        with torch.inference_mode():
            logits = self.model(**inputs.to(self.model.device)).logits
        return logits.softmax(dim=-1).float().cpu().numpy()


def check_weights_finite(model: PreTrainedModel, name: str) -> None:
    """Refuse weights that are not numbers.

    Raises:
        ValueError: If a weight is NaN or infinite.
    """
    for weight, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"The weights in {name} are damaged: {weight} holds values that are not numbers. Fetch or "
                "train the checkpoint again."
            )


def extract_batch(feature_extractor: SequenceFeatureExtractor, waveforms: list[np.ndarray]) -> BatchFeature:
    """Turn waveforms at the extractor's rate into one batch of tensors.

    Extractors that do not pad by themselves (wav2vec2's and its relatives') are told to. Others pad to what
    their models need, Whisper's to half a minute, and are left to it.
    """
    padding = inspect.signature(type(feature_extractor).__call__).parameters.get("padding")
    options = {"padding": True} if padding is not None and padding.default is False else {}
    extract = cast(Callable[..., BatchFeature], feature_extractor)
    return extract(waveforms, sampling_rate=feature_extractor.sampling_rate, return_tensors="pt", **options)
