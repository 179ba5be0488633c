"""The MFCC-LSTM as a recogniser, with attention and out-of-distribution detection."""

import os
from typing import ClassVar, Self

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import AutoFeatureExtractor

from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification, MfccLstmPreTrainedModel
from ser.recognizer.analysis import Attention
from ser.recognizer.attentive import AttentiveRecognizer, Explanation
from ser.recognizer.checkpoint import Checkpoint
from ser.recognizer.out_of_distribution import FILE_NAME, OutOfDistributionDetector
from ser.recognizer.registration import register_auto_classes
from ser.recognizer.torch_kind import TorchRecognizer, extract_batch


class MfccLstmRecognizer(TorchRecognizer, AttentiveRecognizer):
    """An MFCC-LSTM and its feature extractor.

    Args:
        model: The network.
        feature_extractor: Its own, with the statistics of its training data.
        detector: The out-of-distribution detector, if the checkpoint holds one.
    """

    model_class: ClassVar[type[MfccLstmPreTrainedModel]] = MfccLstmForAudioClassification

    def __init__(
        self,
        model: MfccLstmPreTrainedModel,
        feature_extractor: MfccLstmFeatureExtractor,
        detector: OutOfDistributionDetector | None = None,
    ):
        super().__init__(model, feature_extractor)
        self.detector = detector

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        """Load weights, settings and statistics, in full precision whatever they were saved in."""
        register_auto_classes()
        name = checkpoint.name
        try:
            model = cls.model_class.from_pretrained(name, dtype=torch.float32, **checkpoint.hub_options)
        except (RuntimeError, SafetensorError) as error:
            raise ValueError(f"The weights in {name} do not fit its configuration: {error}") from error
        feature_extractor = AutoFeatureExtractor.from_pretrained(
            name, trust_remote_code=False, **checkpoint.hub_options
        )
        if not isinstance(feature_extractor, MfccLstmFeatureExtractor):
            raise ValueError(
                f"{name} comes with a {type(feature_extractor).__name__}, expected an "
                f"{MfccLstmFeatureExtractor.__name__}. Fetch the checkpoint again."
            )
        if feature_extractor.feature_size != model.config.feature_size:
            raise ValueError(
                f"The feature extractor in {name} gives {feature_extractor.feature_size} values a frame, its "
                f"model takes {model.config.feature_size}. Fetch the checkpoint again."
            )
        statistics = checkpoint.file(FILE_NAME)
        return cls(
            model.to(checkpoint.device or "cpu"),
            feature_extractor,
            OutOfDistributionDetector.load(statistics) if statistics else None,
        )

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write a checkpoint that `from_pretrained` reads: weights, settings, statistics and the code."""
        super().save_pretrained(folder)
        if self.detector is not None:
            self.detector.save(folder)

    def explain(self, waveform: np.ndarray) -> Explanation:
        """Judge a waveform in one pass; it is out-of-distribution if the checkpoint's detector says so."""
        inputs = extract_batch(self.feature_extractor, [waveform])
        with torch.inference_mode():
            outputs = self.model(**inputs.to(self.model.device))
        features = inputs["input_features"][0].cpu().numpy()
        is_out = None if self.detector is None else self.detector.is_out_of_distribution(features)
        weights = outputs.attention_weights[0].cpu().numpy()
        start, _ = self.feature_extractor.trim_bounds(torch.from_numpy(waveform))
        step = self.feature_extractor.hop_length * self.model.config.total_stride
        attention = Attention((start + step * np.arange(len(weights))) / self.sampling_rate, weights)
        return Explanation(outputs.logits[0].softmax(dim=-1).float().cpu().numpy(), attention, is_out)
