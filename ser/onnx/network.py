"""The network in operations that ONNX Runtime computes fastest; its answers stay the same."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from ser.modeling_mfcc_lstm import AttentiveStatisticsPooling, BidirectionalLstm, MaskedConvolution

GATES = [0, 3, 1, 2]  # torch has the gates input, forget, cell, output; ONNX has input, output, forget, cell


def for_export(network: nn.Module) -> nn.Module:
    """Return a copy of a network for evaluation with its parts replaced by those of this module."""
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if replacement := REPLACEMENTS.get(type(child)):
                setattr(module, name, replacement(child))
    return network


class OneRowConvolution(nn.Module):
    """A convolution over time as one over images of one row, for which ONNX Runtime has faster code."""

    def __init__(self, layer: MaskedConvolution):
        super().__init__()
        self.conv = fuse_conv_bn_eval(layer.conv, layer.norm)
        self.weight = nn.Parameter(self.conv.weight[:, :, None])

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `hidden` (B, C, T) and `mask` (B, T) as `MaskedConvolution` does."""
        stride, padding = self.conv.stride[0], int(self.conv.padding[0])
        mask = mask[:, ::stride]
        hidden = hidden[:, :, None]
        hidden = nn.functional.conv2d(hidden, self.weight, self.conv.bias, (1, stride), (0, padding))
        return hidden.relu().squeeze(2) * mask[:, None, :], mask


class MatrixPooling(nn.Module):
    """Attentive pooling with its sums over time as products of matrices."""

    def __init__(self, pooling: AttentiveStatisticsPooling):
        super().__init__()
        self.projection, self.score = pooling.projection, pooling.score

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `hidden` (B, T', C) and `mask` (B, T') as `AttentiveStatisticsPooling` does."""
        score = self.score(torch.tanh(self.projection(hidden))).squeeze(-1)
        weights = score.masked_fill(mask == 0, torch.finfo(score.dtype).min).softmax(dim=1)[:, None]
        mean = weights @ hidden  # (B, 1, C)
        variance = weights @ (hidden - mean).square()
        return torch.cat([mean, variance.clamp(min=1e-6).sqrt()], dim=-1).squeeze(1), weights.squeeze(1)


class OnnxLstm(nn.Module):
    """A bidirectional LSTM as the operation that ONNX has for it, which knows the clips' lengths."""

    def __init__(self, layer: BidirectionalLstm):
        super().__init__()
        self.layer = layer
        directions = (layer.forward_lstm, layer.backward_lstm)

        def both(*names: str) -> torch.Tensor:
            return torch.stack(
                [torch.cat([_reordered(getattr(lstm, name)) for name in names]) for lstm in directions]
            )

        biases = both("bias_ih_l0", "bias_hh_l0")
        self.weights = nn.ParameterList([both("weight_ih_l0"), both("weight_hh_l0"), biases])

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Map `hidden` (B, T', C) and `mask` (B, T') to (B, T', 2H), zeros on padding."""
        if not torch.jit.is_tracing():  # type: ignore[attr-defined]
            return self.layer(hidden, mask)
        return _LstmOperation.apply(hidden, mask, *self.weights, self.layer.forward_lstm.input_size)


def _reordered(weight: torch.Tensor) -> torch.Tensor:
    return weight.detach().unflatten(0, (len(GATES), -1))[GATES].flatten(0, 1)


class _LstmOperation(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, hidden: torch.Tensor, mask: torch.Tensor, *others: Any) -> torch.Tensor:
        """Give the tracer a result of the right shape, all that it looks at."""
        return hidden.new_zeros(*mask.shape, 2 * others[1].shape[2])

    @staticmethod
    def symbolic(g: Any, hidden: Any, mask: Any, weight: Any, recurrence: Any, bias: Any, width: int) -> Any:
        def constant(*values: int) -> Any:
            return g.op("Constant", value_t=torch.tensor(values))

        size = recurrence.type().sizes()[2]
        steps = g.op("Transpose", hidden, perm_i=[1, 0, 2])
        lengths = g.op("Cast", g.op("ReduceSum", mask, constant(1), keepdims_i=0), to_i=6)  # 6 is int32
        options = {"direction_s": "bidirectional", "hidden_size_i": size}
        output = g.op("LSTM", steps, weight, recurrence, bias, lengths, **options)  # (T', 2, B, H)
        output = g.op("Transpose", output, perm_i=[2, 0, 1, 3])
        output = g.op("Reshape", output, constant(0, -1, 2 * size))
        if width == size:
            hidden = g.op("Concat", hidden, hidden, axis_i=2)
        if width in (size, 2 * size):
            output = g.op("Add", output, hidden)
        return output.setType(steps.type().with_sizes([None, None, 2 * size]))


REPLACEMENTS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    MaskedConvolution: OneRowConvolution,
    BidirectionalLstm: OnnxLstm,
    AttentiveStatisticsPooling: MatrixPooling,
}
