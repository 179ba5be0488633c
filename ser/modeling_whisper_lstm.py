"""The accurate classifier: lower layers of a Whisper encoder, then LSTM heads with attentive pooling.

transformers' `WhisperForAudioClassification` wants every clip padded to 30 s, ten times the work of a clip of
3 s, takes no mask, and pools with a plain mean. Here the positions end where the clip ends, padding
changes nothing, and the heads follow time. The encoder's layers are transformers' own.

Shapes: B clips, T mel frames, F encoder frames (half of T), S steps of the LSTM, C channels.
"""

import json
import math
import os
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoderLayer

from .configuration_whisper_lstm import WhisperLstmConfig
from .modeling_mfcc_lstm import (
    AttentiveStatisticsPooling,
    BidirectionalLstm,
    MfccLstmOutput,
    MfccLstmPreTrainedModel,
)

ENCODER_FILE, HEADS_FILE = "model-encoder.safetensors", "model-heads.safetensors"
MIN_FRAME_STD = 1e-3  # of an encoder channel that hardly moves


class WhisperLowerLayers(nn.Module):
    """The convolutions and first layers of a Whisper encoder, for clips of any length."""

    def __init__(self, config: WhisperLstmConfig):
        super().__init__()
        width = config.encoder_width
        self.used_layers = config.used_layers
        self.frames_per_step = config.frames_per_step
        self.conv1 = nn.Conv1d(config.feature_size, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        layer_config = WhisperConfig(
            d_model=width,
            encoder_attention_heads=config.encoder_attention_heads,
            encoder_ffn_dim=config.encoder_ffn_dim,
        )
        layer_config._attn_implementation = "sdpa"
        self.layers = nn.ModuleList(WhisperEncoderLayer(layer_config) for _ in range(config.encoder_layers))

    def forward(self, input_features: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `input_features` (B, T, feature_size) and `mask` (B, T) to steps (B, S, C) and mask (B, S).

        C is the encoder's width times the number of used layers.
        """
        # The convolutions see zeros beyond a clip's end, whether it is padded or not.
        hidden = (input_features * mask[:, :, None]).transpose(1, 2)  # (B, feature_size, T)
        hidden = nn.functional.gelu(self.conv1(hidden)) * mask[:, None, :]
        hidden = nn.functional.gelu(self.conv2(hidden)).transpose(1, 2)  # (B, F, C)
        mask = mask[:, ::2]
        hidden = hidden + sinusoids(hidden.shape[1], hidden.shape[2], hidden)
        attention_mask = (1.0 - mask)[:, None, None, :] * torch.finfo(hidden.dtype).min
        outputs = []
        for layer in self.layers:
            hidden = layer(hidden, attention_mask)
            outputs.append(hidden)
        return mean_of_frames(
            torch.cat([outputs[number - 1] for number in self.used_layers], dim=-1),
            mask,
            self.frames_per_step,
        )


def sinusoids(num_frames: int, width: int, like: torch.Tensor) -> torch.Tensor:
    """Whisper's position table for so many frames, shape `(num_frames, width)`."""
    scale = torch.exp(
        torch.arange(width // 2, device=like.device, dtype=like.dtype)
        * (-math.log(10_000.0) / (width // 2 - 1))
    )
    angles = torch.arange(num_frames, device=like.device, dtype=like.dtype)[:, None] * scale
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def mean_of_frames(
    frames: torch.Tensor, mask: torch.Tensor, frames_per_step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Means of so many neighbouring frames, of those that are real, and the mask of the means."""
    # Pooling over a padded clip, since exporters of graphs do not follow arithmetic on a length.
    padding = frames_per_step - 1
    frames = nn.functional.pad(frames * mask[:, :, None], (0, 0, 0, padding)).transpose(1, 2)
    means = nn.functional.avg_pool1d(frames, frames_per_step).transpose(1, 2)  # (B, S, C)
    shares = nn.functional.avg_pool1d(nn.functional.pad(mask, (0, padding))[:, None, :], frames_per_step)[
        :, 0
    ]
    is_real = (shares > 0).to(mask.dtype)
    return means / (shares + (1.0 - is_real))[:, :, None], is_real


class LstmHead(nn.Module):
    """A member of the ensemble: from standardised steps to scores."""

    def __init__(self, config: WhisperLstmConfig):
        super().__init__()
        self.projection = nn.Linear(config.encoder_width * len(config.used_layers), config.projection_size)
        self.lstm = BidirectionalLstm(config.projection_size, config.hidden_size)
        self.pooling = AttentiveStatisticsPooling(2 * config.hidden_size, config.attention_size)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(4 * config.hidden_size, cast(int, config.num_labels))

    def forward(
        self, steps: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]]:
        """Map `steps` (B, S, C) and `mask` (B, S) to scores (B, num_labels), weights (B, S), states."""
        projected = self.dropout(nn.functional.relu(self.projection(steps)))
        hidden = self.lstm(projected, mask)
        pooled, attention_weights = self.pooling(hidden, mask)
        return self.classifier(self.dropout(pooled)), attention_weights, (projected, hidden)


class WhisperLstmForAudioClassification(MfccLstmPreTrainedModel):
    """Lower layers of a Whisper encoder, frozen, with an ensemble of LSTM heads; one label a clip.

    Training can skip the encoder: `encode` gives its output, and `forward` takes it as `encoder_steps`.
    """

    config_class = WhisperLstmConfig  # type: ignore[assignment]
    config: WhisperLstmConfig
    step_mean: torch.Tensor
    step_std: torch.Tensor
    base_model_prefix = "whisper_lstm"
    _supports_sdpa = True

    def __init__(self, config: WhisperLstmConfig):
        super().__init__(config)
        self.encoder = WhisperLowerLayers(config)
        width = config.encoder_width * len(config.used_layers)
        self.register_buffer("step_mean", torch.zeros(width))
        self.register_buffer("step_std", torch.ones(width))
        self.heads = nn.ModuleList(LstmHead(config) for _ in range(config.ensemble_size))
        self.post_init()
        self.encoder.requires_grad_(False)

    @classmethod
    def from_pretrained(cls, *args: Any, **kwargs: Any) -> Any:
        """Load as transformers does, and freeze the encoder: loading makes every weight trainable."""
        loaded = super().from_pretrained(*args, **kwargs)
        (loaded[0] if isinstance(loaded, tuple) else loaded).encoder.requires_grad_(False)
        return loaded

    def encode(
        self, input_features: torch.Tensor, attention_mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `input_features` (B, T, feature_size) and their mask (B, T) to steps (B, S, C), mask (B, S)."""
        return self.encoder(input_features, attention_mask.to(input_features.dtype))

    def forward(
        self,
        input_features: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        encoder_steps: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> MfccLstmOutput | tuple:
        """Classify a batch of clips.

        Args:
            input_features: Log-mel frames of shape `(B, T, feature_size)`, padded on the right.
            attention_mask: 1 on real frames and 0 on padding, shape `(B, T)`, or `(B, S)` with
                `encoder_steps`; all ones if not given.
            encoder_steps: In place of `input_features`, what `encode` made of them, shape `(B, S, C)`.
            labels: Class indices of shape `(B,)`, or class probabilities of shape `(B, num_labels)`.
            output_hidden_states: Whether to return `hidden_states`.
            return_dict: Whether to return a `MfccLstmOutput` rather than a tuple.

        Returns:
            A `MfccLstmOutput`, or its entries that are not `None` as a tuple.

        Raises:
            ValueError: If neither or both inputs are given.
        """
        inputs = [each for each in (input_features, encoder_steps) if each is not None]
        if len(inputs) != 1:
            raise ValueError("Pass either input_features or encoder_steps.")
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if attention_mask is None:
            attention_mask = torch.ones(inputs[0].shape[:2], device=inputs[0].device)
        if encoder_steps is None:
            encoder_steps, mask = self.encode(inputs[0], attention_mask)
        else:
            mask = attention_mask.to(encoder_steps.dtype)
        steps = (encoder_steps - self.step_mean) / self.step_std * mask[:, :, None]
        scores, attention_weights, hidden_states = zip(
            *(head(steps, mask) for head in self.heads), strict=True
        )
        member_logits = torch.stack(scores).to(self.dtype)  # (ensemble_size, B, num_labels)
        output = MfccLstmOutput(
            loss=None
            if labels is None
            else torch.stack([nn.functional.cross_entropy(each, labels) for each in member_logits]).mean(),
            logits=member_logits.mean(dim=0) / self.config.temperature,
            attention_weights=torch.stack(attention_weights).mean(dim=0),
            hidden_states=sum(hidden_states, ()) if output_hidden_states else None,
            member_logits=member_logits,
        )
        return_dict = self.config.return_dict if return_dict is None else return_dict
        return output if return_dict else output.to_tuple()

    def save_pretrained(self, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """Save as transformers does, with the encoder in a file of its own, in float16 like Whisper's.

        Training leaves the encoder alone, so that this file is the same after any training.
        """
        super().save_pretrained(save_directory, *args, **kwargs)
        whole = Path(save_directory) / "model.safetensors"
        if not whole.exists():  # another process writes it
            return
        weights = load_file(whole)
        parts: dict[str, dict[str, torch.Tensor]] = {ENCODER_FILE: {}, HEADS_FILE: {}}
        for name, tensor in weights.items():
            is_encoder = name.startswith("encoder.")
            part = parts[ENCODER_FILE if is_encoder else HEADS_FILE]
            part[name] = tensor.half() if is_encoder else tensor
        for file, part in parts.items():
            save_file(part, whole.with_name(file), metadata={"format": "pt"})
        index = {
            "metadata": {"total_size": sum(each.nbytes for part in parts.values() for each in part.values())},
            "weight_map": {name: file for file, part in parts.items() for name in sorted(part)},
        }
        whole.with_name("model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")
        whole.unlink()

    def set_statistics(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        """Set what steps are standardised with, each of shape `(C,)`."""
        self.step_mean.copy_(mean)
        self.step_std.copy_(std.clamp(min=MIN_FRAME_STD))

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Start the heads as torch starts such layers; the encoder's weights are loaded."""
        if isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        else:
            super()._init_weights(module)


WhisperLstmForAudioClassification.register_for_auto_class("AutoModelForAudioClassification")
