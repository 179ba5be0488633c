"""Fine-tuned encoders of transformers, asked as an `EmotionRecognizer` is; no Trainer comes with them."""

import inspect
import os
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    BatchFeature,
    SequenceFeatureExtractor,
)

from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.recognizer import Attention, Clip, EmotionRecognizer


class EncoderRecognizer(EmotionRecognizer):
    """A fine-tuned encoder and its feature extractor, asked as an `EmotionRecognizer` is."""

    @classmethod
    def from_pretrained(
        cls,
        folder_or_hub_id: str | os.PathLike[str],
        revision: str | None = None,
        backend: str = "torch",  # noqa: ARG003 -- encoders have no other
    ) -> "EncoderRecognizer":
        """Load what `train_encoder` made, or any audio classifier of transformers.

        Args:
            folder_or_hub_id: A folder with a checkpoint, or the name of a model on the Hugging Face Hub.
            revision: Branch, tag or commit of a model on the Hub.
            backend: "torch".

        Raises:
            ValueError: If weights are missing.
            OSError: If there is no checkpoint, or its weights are not safetensors.
        """
        name = os.fspath(folder_or_hub_id)
        options = {"revision": revision, "trust_remote_code": False}
        model, loading = AutoModelForAudioClassification.from_pretrained(
            name, use_safetensors=True, output_loading_info=True, **options
        )
        if missing := sorted(loading["missing_keys"]):
            raise ValueError(
                f"{name} lacks the weights {', '.join(missing)}, which would be random. Load a checkpoint "
                "that was trained to classify."
            )
        return cls(model, AutoFeatureExtractor.from_pretrained(name, **options))

    @property
    def not_sure_below(self) -> float:
        """0: nobody measured below which probability such a model's answers are worth little."""
        return 0.0

    def attend(self, clip: Clip) -> Attention:  # noqa: ARG002
        """Not to be had: an encoder attends from frame to frame in many layers.

        Raises:
            ValueError: Always.
        """
        raise ValueError("Only an MFCC-LSTM tells where in a clip it listened.")

    def _forward(self, waveforms: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        inputs = extract_batch(self.feature_extractor, waveforms)
        with torch.inference_mode():
            output = self.model(**inputs.to(self.model.device))  # a model fresh from training may be on a GPU
        return output.logits.softmax(dim=-1).cpu().numpy(), np.empty((len(waveforms), 0), dtype=np.float32)


def load_recognizer(
    folder_or_hub_id: str | os.PathLike[str], revision: str | None = None
) -> EmotionRecognizer:
    """Load a checkpoint of either kind.

    Args:
        folder_or_hub_id: A folder with a checkpoint, or the name of a model on the Hugging Face Hub.
        revision: Branch, tag or commit of a model on the Hub.

    Raises:
        ValueError: If its parts do not fit together.
        OSError: If there is no checkpoint, or its weights are not safetensors.
    """
    name = os.fspath(folder_or_hub_id)
    config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    kind = EmotionRecognizer if isinstance(config, MfccLstmConfig) else EncoderRecognizer
    return kind.from_pretrained(name, revision)


def extract_batch(feature_extractor: SequenceFeatureExtractor, waveforms: list[np.ndarray]) -> BatchFeature:
    """What a feature extractor makes of waveforms at its rate, as one batch of tensors.

    Extractors that do not pad by themselves (wav2vec2's and its relatives') are told to. Others pad to what
    their models need, Whisper's to half a minute, and are left to it.
    """
    padding = inspect.signature(type(feature_extractor).__call__).parameters.get("padding")
    options = {"padding": True} if padding is not None and padding.default is False else {}
    extract = cast(Callable[..., BatchFeature], feature_extractor)
    return extract(waveforms, sampling_rate=feature_extractor.sampling_rate, return_tensors="pt", **options)
