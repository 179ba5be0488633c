"""Architecture of the MFCC-LSTM emotion classifier."""

import math
from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

SIZES = (
    "feature_size",
    "conv_kernel_size",
    "hidden_size",
    "num_hidden_layers",
    "attention_size",
    "ensemble_size",
)
VIEWS = ("absolute", "relative", "delta")


@strict
class MfccLstmConfig(PreTrainedConfig):
    """Configuration of `MfccLstmForAudioClassification`.

    With `conv_channels` empty the network is the plain MFCC-LSTM; with some it is the CNN+LSTM hybrid.

    Args:
        feature_size: MFCC coefficients a frame, the width of `input_features`.
        conv_channels: Output channels of each convolution before the LSTM; none if empty.
        conv_strides: Stride of each convolution along time; as many as `conv_channels`.
        conv_kernel_size: Width of every convolution in frames; odd, so that padding keeps frames centred.
        hidden_size: Units of the LSTM in each direction.
        num_hidden_layers: Stacked bidirectional LSTM layers, with a residual connection where widths allow.
        attention_size: Width of the hidden layer of the attentive pooling.
        ensemble_size: Networks of these sizes side by side, whose mean score is the answer.
        views: The inputs of the ensemble's networks, in turn: the features as they are ("absolute"), less
            their mean over the clip's speech ("relative"), or their change from frame to frame ("delta"). The
            last two hide a microphone's or a telephone's colour and what is lasting in a voice.
        conv_dropout: Dropout probability after every convolution.
        dropout: Dropout probability before the LSTM and before the classifier.
        temperature: What the members' mean scores are divided by to give `logits`; above 1 makes the
            probabilities less sure. Fitted after training on speakers that the network did not see; the loss
            does not use it.
        not_sure_below: Highest probability below which an answer is better given as "not sure". Chosen after
            training from how often answers are right; the network does not use it.
        confidence_steps: Lowest highest probability of each step and the share of such answers that were
            right for unseen speakers, ascending; none if it was not measured. The network does not use them.

    Raises:
        ValueError: If the convolution lists differ in length, a size is not positive, the kernel is even, the
            temperature is not positive and finite, `not_sure_below` is no probability, or a view is unknown
            or missing.
    """

    model_type = "mfcc-lstm"
    keys_to_ignore_at_inference: ClassVar[list[str]] = ["member_logits", "attention_weights", "hidden_states"]

    feature_size: int = 40
    conv_channels: list[int] | tuple[int, ...] = (96, 96, 96)
    conv_strides: list[int] | tuple[int, ...] = (2, 2, 1)
    conv_kernel_size: int = 5
    hidden_size: int = 96
    num_hidden_layers: int = 1
    attention_size: int = 96
    ensemble_size: int = 3
    views: list[str] | tuple[str, ...] = VIEWS
    conv_dropout: float | int = 0.05
    dropout: float | int = 0.3
    temperature: float | int = 1.0
    not_sure_below: float | int = 0.5
    confidence_steps: list[list[float]] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        self.conv_channels = list(self.conv_channels)
        self.conv_strides = list(self.conv_strides)
        self.views = list(self.views)
        kwargs.pop("label_shares", None)  # of checkpoints from before it belonged to the training
        super().__post_init__(**kwargs)
        if len(self.conv_channels) != len(self.conv_strides):
            raise ValueError(
                f"conv_channels has {len(self.conv_channels)} entries and conv_strides "
                f"{len(self.conv_strides)}: give one stride for each convolution."
            )
        sizes = {name: getattr(self, name) for name in SIZES}
        if any(size < 1 for size in [*sizes.values(), *self.conv_channels, *self.conv_strides]):
            raise ValueError(
                f"Every size must be 1 or more, got {sizes}, conv_channels {self.conv_channels} and "
                f"conv_strides {self.conv_strides}."
            )
        if self.conv_kernel_size % 2 == 0:
            raise ValueError(f"conv_kernel_size must be odd, got {self.conv_kernel_size}.")
        if not self.views or not set(self.views) <= set(VIEWS):
            raise ValueError(f"views must be one or more of {', '.join(VIEWS)}, got {self.views}.")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0 and finite, got {self.temperature}.")
        if not 0 <= self.not_sure_below <= 1:
            raise ValueError(f"not_sure_below must be from 0 to 1, got {self.not_sure_below}.")

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> "MfccLstmConfig":
        """Load as transformers does, which only warns about the settings of another kind of model.

        Raises:
            ValueError: If `config_dict` says that it belongs to another `model_type`.
        """
        model_type = config_dict.get("model_type", cls.model_type)
        if model_type != cls.model_type:
            raise ValueError(
                f"The settings are of a model of type {model_type!r}, expected {cls.model_type!r}. "
                "Load other models with AutoModelForAudioClassification."
            )
        return super().from_dict(config_dict, **kwargs)

    @property
    def total_stride(self) -> int:
        """Frames of `input_features` for each frame that the LSTM sees."""
        return math.prod(self.conv_strides)
