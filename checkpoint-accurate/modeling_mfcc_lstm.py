"""The emotion classifier: convolutions (if any), a bidirectional LSTM, attentive pooling, one linear layer.

All that several times side by side, as an ensemble in one file.

Shapes: B clips, T frames, T' frames after the strides of the convolutions, C channels, H units a direction.
"""

import os
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, cast

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers import initialization as init
from transformers.utils.generic import ModelOutput

from .configuration_mfcc_lstm import MfccLstmConfig

SPEECH_RANGE = 3.0  # below a clip's loudest frame, in standard deviations of the first coefficient
DELTA_FRAMES = 2  # to either side: 40 ms from one to the other


@dataclass
class MfccLstmOutput(ModelOutput):
    """What the classifier returns.

    Attributes:
        loss: Cross-entropy of each member with `labels`, their mean, if those were given.
        logits: Scores of shape `(B, num_labels)`, the members' mean over the temperature; their softmax is
            each emotion's calibrated probability.
        attention_weights: Share of each frame in the pooled clip, the members' mean, shape `(B, T')`;
            non-negative, sums to one.
        hidden_states: If wanted, `1 + num_hidden_layers` of each member, those of the first member first: the
            input of the LSTM and the output of each of its layers, each `(B, T', width)`.
        member_logits: Each member's own scores, at temperature 1, shape `(ensemble_size, B, num_labels)`.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    attention_weights: torch.Tensor | None = None
    hidden_states: tuple[torch.Tensor, ...] | None = None
    member_logits: torch.Tensor | None = None


class MaskedConvolution(nn.Module):
    """Convolution, batch normalisation, ReLU and dropout over time, with padded frames kept at zero.

    Zeros are what the convolution itself sees beyond a clip's end, so that padding changes nothing.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int, dropout: float):
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv1d(
            in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=False
        )
        self.norm = nn.BatchNorm1d(out_channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `hidden` (B, C, T) and `mask` (B, T) to (B, C', T') and (B, T'), with T' = ceil(T / stride)."""
        mask = mask[:, :: self.stride]
        hidden = nn.functional.relu(self.norm(self.conv(hidden)))
        return self.dropout(hidden) * mask[:, None, :], mask


def padded_on_the_right(features: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Move clips that are padded on the left to the start; others stay as they are.

    Args:
        features: Normalised MFCC of shape `(B, T, C)`.
        mask: 1 on real frames and 0 on padding, shape `(B, T)`.

    Raises:
        ValueError: If a clip has padding between its frames, or nothing but padding.
    """
    num_frames = mask.sum(dim=1, keepdim=True)
    position = torch.arange(mask.shape[1], device=mask.device)
    if bool((mask == (position < num_frames)).all()) and bool((num_frames > 0).all()):
        return features, mask
    first = mask.argmax(dim=1, keepdim=True)  # (B, 1)
    source = (position + first) % mask.shape[1]  # (B, T)
    mask = mask.gather(1, source)
    if not bool((mask == (position < num_frames)).all()) or not bool((num_frames > 0).all()):
        raise ValueError(
            "attention_mask must hold one stretch of ones in each clip, with zeros before or after it; found "
            "a clip with zeros between its ones, or without a one."
        )
    return features.gather(1, source[:, :, None].expand_as(features)), mask


def relative_to_speech(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Features less their mean over a clip's speech: cepstral mean subtraction (Atal, 1974).

    What is the same in every frame, as a microphone's colour is, adds a constant to cepstra and goes with
    their mean. Pauses would move that mean: speech are the frames not much softer than the loudest, the first
    coefficient being a frame's loudness.

    Args:
        features: Normalised MFCC of shape `(B, T, C)`.
        mask: 1 on real frames and 0 on padding, shape `(B, T)`.

    Returns:
        As `features`; what padded frames hold is of no use.
    """
    loudness = features[:, :, 0].masked_fill(mask == 0, torch.finfo(features.dtype).min)
    speech = (loudness >= loudness.amax(dim=1, keepdim=True) - SPEECH_RANGE)[:, :, None]
    return features - (features * speech).sum(dim=1, keepdim=True) / speech.sum(dim=1, keepdim=True)


def deltas(features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the change of features: two frames later less two frames before (after Furui, 1981).

    Args:
        features: Normalised MFCC of shape `(B, T, C)`.
        mask: 1 on real frames and 0 on padding, shape `(B, T)`.

    Returns:
        As `features`; zero where one of the two frames lies outside of the clip.
    """
    features = nn.functional.pad(features, (0, 0, DELTA_FRAMES, DELTA_FRAMES))
    mask = nn.functional.pad(mask, (DELTA_FRAMES, DELTA_FRAMES))
    both = mask[:, 2 * DELTA_FRAMES :] * mask[:, : -2 * DELTA_FRAMES]
    return (features[:, 2 * DELTA_FRAMES :] - features[:, : -2 * DELTA_FRAMES]) * both[:, :, None]


class BidirectionalLstm(nn.Module):
    """Bidirectional LSTM over clips of different lengths, padded on the right.

    Two one-way LSTMs, the second over each clip reversed within its own length: the result of a packed
    sequence without the cost of packing, and without padding leaking into the backward direction. A residual
    connection leads around it where the input is as wide as one direction's output or as both together.
    """

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.forward_lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        self.backward_lstm = nn.LSTM(input_size, hidden_size, batch_first=True)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Map `hidden` (B, T', C) and `mask` (B, T') to (B, T', 2H)."""
        position = torch.arange(hidden.shape[1], device=hidden.device)
        last = mask.sum(dim=1, keepdim=True).long() - 1
        reversed_position = torch.where(position <= last, last - position, position)[:, :, None]  # (B, T', 1)
        backward_input = hidden.gather(1, reversed_position.expand_as(hidden))
        forward_output, _ = self.forward_lstm(hidden)
        backward_output, _ = self.backward_lstm(backward_input)
        backward_output = backward_output.gather(1, reversed_position.expand_as(backward_output))
        output = torch.cat([forward_output, backward_output], dim=-1)
        if 2 * hidden.shape[-1] == output.shape[-1]:
            hidden = torch.cat([hidden, hidden], dim=-1)  # each direction has its own way past it
        return output + hidden if hidden.shape == output.shape else output


class AttentiveStatisticsPooling(nn.Module):
    """Mean and standard deviation over time, weighted by attention (Okabe, Koshinaka and Shinoda, 2018)."""

    def __init__(self, input_size: int, attention_size: int):
        super().__init__()
        self.projection = nn.Linear(input_size, attention_size)
        self.score = nn.Linear(attention_size, 1)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `hidden` (B, T', C) and `mask` (B, T') to the pooled clip (B, 2C) and the weights (B, T')."""
        score = self.score(torch.tanh(self.projection(hidden))).squeeze(-1)
        weights = score.masked_fill(mask == 0, torch.finfo(score.dtype).min).softmax(dim=1)
        mean = torch.einsum("bt,btc->bc", weights, hidden)
        variance = torch.einsum("bt,btc->bc", weights, (hidden - mean[:, None, :]).square())
        return torch.cat([mean, variance.clamp(min=1e-6).sqrt()], dim=-1), weights


class MfccLstmPreTrainedModel(PreTrainedModel):
    """What every network of this family shares: its configuration and how its weights start."""

    config_class = MfccLstmConfig
    main_input_name = "input_features"
    input_modalities = "audio"

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike | None, *model_args: Any, **kwargs: Any
    ) -> Any:
        """Load as in transformers, except that weights which do not fit, or are a pickle, are an error.

        Args:
            pretrained_model_name_or_path: A folder, the name of a model on the Hub, or `None` with a
                `state_dict`, which may then hold some of the weights.
            model_args: As in transformers.
            kwargs: As in transformers. Another `num_labels` with `ignore_mismatched_sizes=True` is how to ask
                for a new classifier on trained layers, `use_safetensors=False` how to ask for a pickle.

        Raises:
            RuntimeError: If a weight is missing, left over, of another size or not finite.
            OSError: If there is no checkpoint, or its weights are not safetensors.
        """
        if kwargs.get("use_safetensors") is None:
            kwargs["use_safetensors"] = True
        output_loading_info = kwargs.pop("output_loading_info", False)
        loaded: Any = super().from_pretrained(
            pretrained_model_name_or_path, *model_args, output_loading_info=True, **kwargs
        )
        model, loading = loaded
        missing, left_over = sorted(loading["missing_keys"]), sorted(loading["unexpected_keys"])
        if pretrained_model_name_or_path is not None and (missing or left_over):
            raise RuntimeError(
                f"The weights in {pretrained_model_name_or_path} are not those of its config.json: missing "
                f"are {missing}, left over are {left_over}. Fetch or train the checkpoint again."
            )
        if broken := [name for name, weight in model.state_dict().items() if not weight.isfinite().all()]:
            raise RuntimeError(
                f"The weights in {pretrained_model_name_or_path} are not all finite ({broken[0]} and "
                f"{len(broken) - 1} more), as after a training that diverged. Train the checkpoint again."
            )
        return loaded if output_loading_info else model

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Initialise as torch does: uniformly, within one over the root of the number of inputs or units."""
        if isinstance(module, nn.BatchNorm1d):
            for name, tensor in module.state_dict(keep_vars=True).items():
                start = init.ones_ if name in ("weight", "running_var") else init.zeros_
                start(tensor)
        elif isinstance(module, nn.Conv1d | nn.Linear | nn.LSTM):
            fan_in = module.hidden_size if isinstance(module, nn.LSTM) else module.weight[0].numel()
            for parameter in module.parameters(recurse=False):
                init.uniform_(parameter, -(fan_in**-0.5), fan_in**-0.5)


class MfccLstm(nn.Module):
    """One member of the ensemble: the whole way from features to scores.

    Args:
        config: Sizes.
        view: Its input, one of `MfccLstmConfig.views`.
    """

    def __init__(self, config: MfccLstmConfig, view: str):
        super().__init__()
        self.view = view
        widths = [config.feature_size, *config.conv_channels]
        self.convolutions = nn.ModuleList(
            MaskedConvolution(before, after, config.conv_kernel_size, stride, config.conv_dropout)
            for before, after, stride in zip(widths[:-1], widths[1:], config.conv_strides, strict=True)
        )
        lstm_size = 2 * config.hidden_size
        lstm_inputs = [widths[-1]] + [lstm_size] * (config.num_hidden_layers - 1)
        self.lstm_layers = nn.ModuleList(
            BidirectionalLstm(width, config.hidden_size) for width in lstm_inputs
        )
        self.pooling = AttentiveStatisticsPooling(lstm_size, config.attention_size)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(2 * lstm_size, cast(int, config.num_labels))

    def forward(
        self, input_features: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]]:
        """Map `input_features` (B, T, feature_size) and `mask` (B, T) to scores, weights and hidden states.

        These are `(B, num_labels)`, `(B, T')` and, for the input of the LSTM and the output of each of its
        layers, `(B, T', width)`.
        """
        if self.view == "relative":
            input_features = relative_to_speech(input_features, mask)
        elif self.view == "delta":
            input_features = deltas(input_features, mask)
        hidden = (input_features * mask[:, :, None]).transpose(1, 2)  # (B, C, T)
        for convolution in self.convolutions:
            hidden, mask = convolution(hidden, mask)
        hidden = self.dropout(hidden.transpose(1, 2))  # (B, T', C)
        hidden_states: tuple[torch.Tensor, ...] = (hidden,)
        for layer in self.lstm_layers:
            hidden = layer(hidden, mask)
            hidden_states += (hidden,)
        pooled, attention_weights = self.pooling(hidden, mask)
        return self.classifier(self.dropout(pooled)), attention_weights, hidden_states


class MfccLstmForAudioClassification(MfccLstmPreTrainedModel):
    """MFCC-LSTM, plain or with convolutions in front (`MfccLstmConfig.conv_channels`); one label a clip.

    It is an ensemble of `MfccLstmConfig.ensemble_size` networks that see the same batches and differ in what
    they hear of them (`MfccLstmConfig.views`), random start and dropout (Lakshminarayanan, Pritzel and
    Blundell, 2017). Each learns for itself, and their mean score answers.
    """

    def __init__(self, config: MfccLstmConfig):
        super().__init__(config)
        views = islice(cycle(config.views), config.ensemble_size)
        self.members = nn.ModuleList(MfccLstm(config, view) for view in views)
        self.post_init()

    def forward(
        self,
        input_features: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> MfccLstmOutput | tuple:
        """Classify a batch of clips.

        Args:
            input_features: Normalised MFCC of shape `(B, T, feature_size)`, padded on either side.
            attention_mask: 1 on real frames and 0 on padding, shape `(B, T)`; all ones if not given.
            labels: Class indices of shape `(B,)`, or class probabilities of shape `(B, num_labels)`; with the
                `problem_type` "multi_label_classification" zeros and ones of that shape.
            output_hidden_states: Whether to return `hidden_states`.
            return_dict: Whether to return an `MfccLstmOutput` rather than a tuple.

        Returns:
            An `MfccLstmOutput`, or its entries that are not `None` as a tuple.

        Raises:
            ValueError: If a clip has padding between its frames, or nothing but padding.
        """
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        if attention_mask is None:
            attention_mask = torch.ones(input_features.shape[:2], device=input_features.device)
        input_features = input_features.to(self.dtype)
        mask = attention_mask.to(self.dtype)
        if not torch.jit.is_tracing() and not torch.compiler.is_compiling():  # type: ignore[attr-defined]
            input_features, mask = padded_on_the_right(input_features, mask)

        scores, attention_weights, hidden_states = zip(
            *(member(input_features, mask) for member in self.members), strict=True
        )
        # In full precision even where training computes its layers in bfloat16.
        member_logits = torch.stack(scores).to(self.dtype)  # (ensemble_size, B, num_labels)
        output = MfccLstmOutput(
            loss=None if labels is None else self._mean_loss(member_logits, labels),
            logits=member_logits.mean(dim=0) / self.config.temperature,
            member_logits=member_logits,
            attention_weights=torch.stack(attention_weights).mean(dim=0),
            hidden_states=sum(hidden_states, ()) if output_hidden_states else None,
        )
        return_dict = self.config.return_dict if return_dict is None else return_dict
        return output if return_dict else output.to_tuple()

    def _mean_loss(self, member_logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the mean of the members' losses: each learns the task alone, at temperature 1."""
        if self.config.problem_type == "regression":
            raise ValueError(
                "problem_type is 'regression'; the model classifies: expected 'single_label_classification', "
                "'multi_label_classification' or None."
            )
        if self.config.problem_type == "multi_label_classification":
            labels = labels.to(member_logits.dtype).expand_as(member_logits)
            return nn.functional.binary_cross_entropy_with_logits(member_logits, labels)
        return torch.stack([nn.functional.cross_entropy(logits, labels) for logits in member_logits]).mean()


MfccLstmConfig.register_for_auto_class()
MfccLstmForAudioClassification.register_for_auto_class("AutoModelForAudioClassification")
