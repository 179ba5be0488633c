"""Configuration of the lower layers of a Whisper encoder with LSTM heads."""

import math
from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

SIZES = (
    "feature_size",
    "encoder_width",
    "encoder_layers",
    "encoder_attention_heads",
    "encoder_ffn_dim",
    "frames_per_step",
    "projection_size",
    "hidden_size",
    "attention_size",
    "ensemble_size",
)


@strict
class WhisperLstmConfig(PreTrainedConfig):
    """Configuration of `WhisperLstmForAudioClassification`.

    Args:
        feature_size: Mel bands of `input_features`.
        encoder_width: Width of the encoder, `d_model` of the Whisper it comes from.
        encoder_layers: Layers of that encoder that are kept, from the first.
        encoder_attention_heads: Attention heads a layer.
        encoder_ffn_dim: Width of a layer's feed-forward part.
        used_layers: Layers whose outputs the heads read, side by side, counted from 1.
        frames_per_step: Encoder frames, 20 ms each, whose mean is one step of the LSTM.
        projection_size: Width of the linear layer before the LSTM.
        hidden_size: Units of the LSTM in each direction.
        attention_size: Width of the hidden layer of the attentive pooling.
        ensemble_size: Heads side by side, whose mean score is the answer.
        dropout: Dropout probability before the LSTM and before the classifier.
        temperature: What the classifier's scores are divided by to give `logits`; above 1 makes the
            probabilities less sure. Fitted after training, so that it is 1 while training.
        not_sure_below: Highest probability below which an answer is better given as "not sure". Chosen after
            training; the network does not use it.
        confidence_steps: As in `MfccLstmConfig`.

    Raises:
        ValueError: If a size is not positive, the width does not divide into the attention heads, a used
            layer is not among those kept, the temperature is not positive and finite, or `not_sure_below` is
            no probability.
    """

    model_type = "whisper-lstm"

    feature_size: int = 80
    encoder_width: int = 512
    encoder_layers: int = 3
    encoder_attention_heads: int = 8
    encoder_ffn_dim: int = 2048
    used_layers: list[int] | tuple[int, ...] = (2, 3)
    frames_per_step: int = 4
    projection_size: int = 96
    hidden_size: int = 96
    attention_size: int = 64
    ensemble_size: int = 3
    dropout: float | int = 0.4
    temperature: float | int = 1.0
    not_sure_below: float | int = 0.5
    confidence_steps: list[list[float]] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        self.used_layers = list(self.used_layers)
        super().__post_init__(**kwargs)
        sizes = {name: getattr(self, name) for name in SIZES}
        if any(size < 1 for size in sizes.values()):
            raise ValueError(f"Every size must be 1 or more, got {sizes}.")
        if self.encoder_width % (2 * self.encoder_attention_heads):
            raise ValueError(
                f"encoder_width must be a multiple of twice encoder_attention_heads, got "
                f"{self.encoder_width} and {self.encoder_attention_heads}."
            )
        if not self.used_layers or not set(self.used_layers) <= set(range(1, self.encoder_layers + 1)):
            raise ValueError(
                f"used_layers must be some of 1 to encoder_layers, {self.encoder_layers}, got "
                f"{self.used_layers}."
            )
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0 and finite, got {self.temperature}.")
        if not 0 <= self.not_sure_below <= 1:
            raise ValueError(f"not_sure_below must be from 0 to 1, got {self.not_sure_below}.")

    @property
    def total_stride(self) -> int:
        """Mel frames a step of the LSTM."""
        return 2 * self.frames_per_step


WhisperLstmConfig.register_for_auto_class()
