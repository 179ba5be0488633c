"""Audio classifiers of transformers as recognisers."""

from typing import Self

import torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from ser.recognizer.checkpoint import Checkpoint
from ser.recognizer.registration import register_auto_classes
from ser.recognizer.torch_kind import TorchRecognizer, check_weights_finite


class EncoderRecognizer(TorchRecognizer):
    """Any audio classifier of transformers."""

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        """Load weights and settings, in full precision whatever they were saved in."""
        register_auto_classes()
        options = {"trust_remote_code": False, **checkpoint.hub_options}
        try:
            model, loading = AutoModelForAudioClassification.from_pretrained(
                checkpoint.name,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                **options,
            )
        except ValueError as error:
            raise ValueError(
                f"{checkpoint.name} is not an audio classifier that transformers can load without running "
                f"code of its own: {error}"
            ) from error
        if missing := sorted(loading["missing_keys"]):
            raise ValueError(
                f"{checkpoint.name} lacks {len(missing)} of its model's weights, among them {missing[0]}, "
                "which would be random. Load a checkpoint that was trained to classify."
            )
        check_weights_finite(model, checkpoint.name)
        feature_extractor = AutoFeatureExtractor.from_pretrained(checkpoint.name, **options)
        return cls(model.to(checkpoint.device or "cpu"), feature_extractor)
