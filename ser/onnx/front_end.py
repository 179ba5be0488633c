"""The feature extractor as a graph: what `MfccLstmFeatureExtractor` computes, in operations that ONNX has."""

import math
from typing import Any, cast

import torch
from torch import nn

from ser.feature_extraction_mfcc_lstm import (
    BLOCK_SECONDS,
    LEVEL_TOP_DB,
    POWER_FLOOR,
    TRIM_MARGIN_BLOCKS,
    MfccLstmFeatureExtractor,
    hann_window,
    mel_blocks,
)

MAX_SUMMED = 32  # samples that one matrix product adds up: more are more work, fewer use the processor badly
DB = 10.0 / math.log(10.0)  # decibels in one unit of the natural logarithm


class Rows(torch.autograd.Function):
    """Samples `(B, ...)` as rows `(B, R, width)`, in one operation of the graph."""

    @staticmethod
    def forward(_: Any, samples: torch.Tensor, width: int) -> torch.Tensor:
        """Reshape."""
        return samples.reshape(samples.shape[0], -1, width)

    @staticmethod
    def symbolic(g: Any, samples: Any, width: int) -> Any:
        """Reshape; 0 stands for the batch as it is."""
        shape = g.op("Constant", value_t=torch.tensor([0, -1, width]))
        return g.op("Reshape", samples, shape).setType(samples.type().with_sizes([None, None, width]))


class OnnxFrontEnd(nn.Module):
    """Waveforms to normalised MFCC with the settings of an extractor.

    ONNX Runtime's Fourier transform is slow, so here it is two matrix products (Cooley and Tukey, 1965): with
    `n_fft = P * Q`, sample `n = Q * p + q` and frequency `k = r + P * s`,

        `X[r + P s] = sum_q exp(-2 pi i q (r + P s) / n_fft) * sum_p x[Q p + q] exp(-2 pi i p r / P)`

    where `r` up to `P / 2` is enough, for the other half mirrors it. Frames are `2 * reach` units of samples,
    which also the hop and the blocks that silence is trimmed by consist of.

    Args:
        feature_extractor: The settings.
    """

    sums: torch.Tensor
    window: torch.Tensor
    inner: torch.Tensor
    outer: torch.Tensor
    mel_filters: torch.Tensor
    cepstrum: torch.Tensor
    offset: torch.Tensor

    def __init__(self, feature_extractor: MfccLstmFeatureExtractor):
        super().__init__()
        self.settings = feature_extractor
        n_fft, win_length = feature_extractor.n_fft, feature_extractor.win_length
        self.block = round(BLOCK_SECONDS * feature_extractor.sampling_rate)
        self.unit = math.gcd(feature_extractor.hop_length, self.block)
        self.reach = -(-(win_length + 1) // 2 // self.unit)  # units from a frame's centre to either end
        self.lead = -(-self.reach * self.unit // self.block)  # blocks of zeros before each clip
        margin = feature_extractor.high_pass_margin
        self.width = _divisor(math.gcd(margin, self.block), MAX_SUMMED)
        sums = torch.ones(self.width + 1, self.width).tril(diagonal=-1)  # of the samples before each of a row
        self.register_buffer("sums", sums / (2 * margin + 1))

        row = _divisor(math.gcd(self.unit, n_fft), math.isqrt(n_fft))  # Q
        num_rows = n_fft // row  # P
        beyond = self.reach * self.unit - n_fft // 2
        window = nn.functional.pad(hann_window(win_length, n_fft), (beyond, beyond)).view(-1, row)
        p, r, q = torch.arange(len(window)), torch.arange(num_rows // 2 + 1), torch.arange(row)
        angle = -2 * math.pi / num_rows * (p[:, None] * r[None, :]).double()
        inner = torch.stack([angle.cos(), angle.sin()], dim=-1).flatten(1).T.contiguous()  # (2 R, rows)
        turns = q[None, :, None] * (r[:, None, None] + num_rows * q[None, None, :])
        angle = -2 * math.pi / n_fft * turns.double()
        cos, sin = angle.cos(), angle.sin()  # (R, Q, Q)
        # (real, imaginary) times these is the real part and the imaginary part: (2, R, 2 Q, Q)
        outer = torch.stack([torch.cat([cos, -sin], dim=1), torch.cat([sin, cos], dim=1)])
        self.register_buffer("window", window)
        self.register_buffer("inner", inner.float())
        self.register_buffer("outer", outer.float())
        self.register_buffer("mel_filters", self._mel_filters(r[:, None] + num_rows * q))
        matrix, offset = feature_extractor.cepstrum()
        self.register_buffer("cepstrum", matrix * DB)
        self.register_buffer("offset", offset)

    def _mel_filters(self, frequencies: torch.Tensor) -> torch.Tensor:
        """Mel filters `(R, Q, num_mel_bins)` of the power at `frequencies` (R, Q), each counted once."""
        settings = self.settings
        n_fft = settings.n_fft
        filters = torch.zeros(n_fft // 2 + 1, settings.num_mel_bins)
        for bins, bands, weights in mel_blocks(n_fft, settings.num_mel_bins, settings.sampling_rate):
            filters[bins.start // 2 : bins.stop // 2, bands] = weights[::2]
        placed = torch.zeros(*frequencies.shape, settings.num_mel_bins)
        seen: set[int] = set()
        for place in torch.cartesian_prod(*map(torch.arange, frequencies.shape)).tolist():
            frequency = int(frequencies[*place])
            frequency = min(frequency, n_fft - frequency)
            if frequency not in seen:
                seen.add(frequency)
                placed[*place] = filters[frequency]
        return placed

    def forward(
        self, waveform: torch.Tensor, num_samples: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map `waveform` (B, N) and `num_samples` (B,) to features (B, T, C), mask (B, T), first sample (B,).

        N is at least `block`, a clip at least one sample.
        """
        settings = self.settings
        blocks = self._without_low_frequencies(waveform, num_samples)
        start, stop, scale = self._bounds(blocks, num_samples)
        num_frames = 1 + (stop - start) // settings.hop_length
        frame = torch.arange(cast(int, num_frames.max()))  # a tensor, so that the graph has it vary
        mask = frame[None, :] < num_frames[:, None]  # (B, T)
        frames = self._frames(blocks * scale[:, :, None], start, frame, mask)  # (B T, rows, Q)
        inner = self.inner @ (frames * self.window)  # (B T, 2 R, Q): real and imaginary of each residue
        inner = inner.reshape(-1, len(self.mel_filters), 2 * self.window.shape[1]).transpose(0, 1)
        real, imaginary = inner @ self.outer[0], inner @ self.outer[1]  # (R, B T, Q)
        power = real * real + imaginary * imaginary
        mel_power = (power @ self.mel_filters).sum(dim=0)  # (B T, num_mel_bins)
        mel = mel_power.clamp(min=POWER_FLOOR).log().view(*mask.shape, -1)
        # Frames on padding are silent, so that none of them is the loudest.
        loudest = mel.amax(dim=1, keepdim=True)
        floor = loudest.amax(dim=2, keepdim=True) - settings.dynamic_range_db / DB
        if settings.band_range_db is not None:
            floor = torch.maximum(floor, loudest - settings.band_range_db / DB)
        features = torch.maximum(mel, floor) @ self.cepstrum + self.offset
        return features, mask.float(), start

    def _without_low_frequencies(self, waveform: torch.Tensor, num_samples: torch.Tensor) -> torch.Tensor:
        """Filter as `MfccLstmFeatureExtractor.without_low_frequencies`.

        In rows whose width divides the moving average's margin, the sum around a row's sample `p` is that of
        whole rows, plus that up to sample `p` of the row ahead by the margin, less that before sample `p` of
        the row as far behind. Sums within a row are one matrix product, short enough for single precision.
        Rows are the last axis, so that all operations work on long vectors.

        Returns:
            Blocks `(B, J, block)` of each clip, `lead` blocks of zeros before it, and zeros after it.
        """
        margin, width = self.settings.high_pass_margin, self.width
        before = self.lead * self.block + 2 * margin  # either pass uses up a margin on both sides
        after = (waveform.shape[1] + self.block - 1) // self.block * self.block - waveform.shape[1]
        after = after + self.block + 2 * margin
        rows = Rows.apply(nn.functional.pad(waveform, (before, after)), width).transpose(1, 2)
        row = torch.arange(rows.shape[2]) - before // width
        num_inside = torch.where(row < 0, 0, num_samples[:, None] - row * width)[:, None]  # (B, 1, R)
        inside = (torch.arange(width)[:, None] < num_inside).float()  # (B, width, R)
        rows = (rows - (waveform.sum(dim=1) / num_samples)[:, None, None]) * inside
        if margin:
            ahead = margin // width
            for _ in range(2):
                sums = self.sums @ rows  # (B, width + 1, R)
                mean = sums[:, 1:, 2 * ahead :] - sums[:, :-1, : -2 * ahead]
                whole = sums[:, -1:]
                between = [whole[:, :, each : each - 2 * ahead] for each in range(2 * ahead)]
                inside = inside[:, :, ahead:-ahead]
                rows = (rows[:, :, ahead:-ahead] - (mean + sum(between[1:], between[0]))) * inside
        return Rows.apply(rows.transpose(1, 2), self.block)

    def _bounds(
        self, blocks: torch.Tensor, num_samples: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """First sample and end of each clip `(B,)`, see `MfccLstmFeatureExtractor`, and scales `(B, J)`.

        A block's scale is the clip's gain between start and end, and zero elsewhere.
        """
        settings, block = self.settings, self.block
        power = (blocks * blocks).sum(dim=2) / num_samples.clamp(max=block)[:, None]  # (B, J)
        position = torch.arange(blocks.shape[1])[None, :] - self.lead
        num_whole = (num_samples // block).clamp(min=1)[:, None]  # (B, 1); a shorter clip is one block
        power = torch.where((position >= 0) & (position < num_whole), power, -1.0)
        peak = power.amax(dim=1, keepdim=True)
        gain = torch.ones_like(peak)
        if settings.target_level_db is not None:
            is_speech = (power >= peak * 10.0 ** (-LEVEL_TOP_DB / 10.0)).float()
            level = (power * is_speech).sum(dim=1, keepdim=True) / is_speech.sum(dim=1, keepdim=True)
            target = 10.0 ** (settings.target_level_db / 20.0)
            gain = torch.where(level > 0, target / level.sqrt(), gain)
        first, stop = torch.zeros_like(num_whole), num_samples[:, None]
        if settings.trim_top_db is not None:
            loud = torch.where(power >= peak * 10.0 ** (-settings.trim_top_db / 10.0), position, -1)
            last = loud.amax(dim=1, keepdim=True) + TRIM_MARGIN_BLOCKS
            stop = torch.where(last < num_whole - 1, (last + 1) * block, stop)
            loud = torch.where(loud < 0, num_whole, loud)
            first = (loud.amin(dim=1, keepdim=True) - TRIM_MARGIN_BLOCKS).clamp(min=0)
        scale = torch.where((position >= first) & (position * block < stop), gain, 0.0)
        return (first * block).squeeze(1), stop.squeeze(1), scale

    def _frames(
        self, blocks: torch.Tensor, start: torch.Tensor, frame: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Frames `(B T, rows, Q)` of the trimmed clips, with zeros around each clip; zero on padding."""
        units = blocks.reshape(-1, self.unit)
        num_units = blocks.shape[1] * (self.block // self.unit)  # of a clip; the last one is zero
        first = (start // self.unit)[:, None] + frame * (self.settings.hop_length // self.unit)
        first = torch.where(mask, first + (self.lead * self.block // self.unit - self.reach), num_units)
        index = (first[:, :, None] + torch.arange(2 * self.reach)).clamp(max=num_units - 1)
        clip = torch.arange(blocks.shape[0]) * num_units
        return units[index + clip[:, None, None]].reshape(-1, *self.window.shape)


def _divisor(number: int, largest: int) -> int:
    """Return the largest divisor of a number that is not above another."""
    return max(each for each in range(1, largest + 1) if number % each == 0)
