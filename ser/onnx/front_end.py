"""The feature extractor as a graph: what `MfccLstmFeatureExtractor` computes, in operations that ONNX has."""

import math
from typing import cast

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


class OnnxFrontEnd(nn.Module):
    """Waveforms to normalised MFCC with the settings of an extractor.

    ONNX Runtime's Fourier transform is slow, so here it is two matrix products (Cooley and Tukey, 1965): with
    `n_fft = P * Q`, sample `n = Q * p + q` and frequency `k = r + P * s`,

        `X[r + P s] = sum_q exp(-2 pi i q (r + P s) / n_fft) * sum_p x[Q p + q] exp(-2 pi i p r / P)`

    where `r` up to `P / 2` is enough, for the other half mirrors it. `Q` divides the hop, half a frame and
    the blocks that silence is trimmed by, so that every frame is `P` whole rows of `Q` samples of the clip.

    Args:
        feature_extractor: The settings.
    """

    window: torch.Tensor
    inner: torch.Tensor
    outer: torch.Tensor
    mel_filters: torch.Tensor
    running_mean: torch.Tensor
    cepstrum: torch.Tensor
    offset: torch.Tensor

    def __init__(self, feature_extractor: MfccLstmFeatureExtractor):
        super().__init__()
        self.settings = feature_extractor
        n_fft = feature_extractor.n_fft
        self.block = round(BLOCK_SECONDS * feature_extractor.sampling_rate)
        self.row = math.gcd(feature_extractor.hop_length, n_fft // 2, self.block)  # Q
        self.num_rows = n_fft // self.row  # P
        num_residues = self.num_rows // 2 + 1
        p, r = torch.arange(self.num_rows), torch.arange(num_residues)
        q = s = torch.arange(self.row)
        angle = -2 * math.pi / self.num_rows * (p[:, None] * r[None, :]).double()
        inner = torch.stack([angle.cos(), angle.sin()], dim=-1).flatten(1).T.contiguous()  # (2 R, P)
        turns = q[None, :, None] * (r[:, None, None] + self.num_rows * s[None, None, :])
        angle = -2 * math.pi / n_fft * turns.double()
        cos, sin = angle.cos(), angle.sin()  # (R, Q, Q)
        # (real, imaginary) times these is the real part and the imaginary part: (2, R, 2 Q, Q)
        outer = torch.stack([torch.cat([cos, -sin], dim=1), torch.cat([sin, cos], dim=1)])
        window = hann_window(feature_extractor.win_length, n_fft).view(self.num_rows, self.row)
        self.register_buffer("window", window)
        self.register_buffer("inner", inner.float())
        self.register_buffer("outer", outer.float())
        self.register_buffer("mel_filters", self._mel_filters(num_residues))
        width = 2 * feature_extractor.high_pass_margin + 1
        self.register_buffer("running_mean", torch.ones(width, width + 1).triu(diagonal=1) / width)
        matrix, offset = feature_extractor.cepstrum()
        self.register_buffer("cepstrum", matrix)
        self.register_buffer("offset", offset)

    def _mel_filters(self, num_residues: int) -> torch.Tensor:
        """Mel filters `(R, Q, num_mel_bins)` of the power in each bin, each bin counted once."""
        settings = self.settings
        n_fft = settings.n_fft
        filters = torch.zeros(n_fft // 2 + 1, settings.num_mel_bins)
        for bins, bands, weights in mel_blocks(n_fft, settings.num_mel_bins, settings.sampling_rate):
            filters[bins.start // 2 : bins.stop // 2, bands] = weights[::2]
        placed = torch.zeros(num_residues, self.row, settings.num_mel_bins)
        seen: set[int] = set()
        for r in range(num_residues):
            for s in range(self.row):
                k = r + self.num_rows * s
                k = min(k, n_fft - k)
                if k not in seen:
                    seen.add(k)
                    placed[r, s] = filters[k]
        return placed

    def forward(
        self, waveform: torch.Tensor, num_samples: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map `waveform` (B, N) and `num_samples` (B,) to features (B, T, C), mask (B, T), first sample (B,).

        N is at least `block`, a clip at least one sample.
        """
        settings = self.settings
        waveform = self._without_low_frequencies(waveform, num_samples)
        start, stop, gain = self._bounds(waveform, num_samples)
        length = stop - start
        num_frames = 1 + length // settings.hop_length
        frame = torch.arange(cast(int, num_frames.max()))  # a tensor, so that the graph has it vary
        mask = frame[None, :] < num_frames[:, None]  # (B, T)
        frames = self._frames(waveform, start, length, frame, mask) * self.window  # (B, T, P, Q)
        batch, time = frames.shape[0], frames.shape[1]
        inner = self.inner @ frames  # (B, T, 2 R, Q): real and imaginary of each residue
        inner = inner.reshape(batch * time, -1, 2 * self.row).transpose(0, 1)  # (R, B T, 2 Q)
        real, imaginary = inner @ self.outer[0], inner @ self.outer[1]  # (R, B T, Q)
        power = real * real + imaginary * imaginary
        mel_power = (power @ self.mel_filters).sum(dim=0)  # (B T, num_mel_bins)
        mel_power = mel_power.reshape(batch, time, settings.num_mel_bins) * gain.square()[:, None, None]
        mel_db = (10.0 / math.log(10.0)) * mel_power.clamp(min=POWER_FLOOR).log()
        # Frames on padding are silent, so that none of them is the loudest.
        mel_db = torch.maximum(mel_db, mel_db.amax(dim=(1, 2), keepdim=True) - settings.dynamic_range_db)
        if settings.band_range_db is not None:
            mel_db = torch.maximum(mel_db, mel_db.amax(dim=1, keepdim=True) - settings.band_range_db)
        features = mel_db @ self.cepstrum + self.offset
        return features, mask.float(), start

    def _without_low_frequencies(self, waveform: torch.Tensor, num_samples: torch.Tensor) -> torch.Tensor:
        """Filter as `MfccLstmFeatureExtractor.without_low_frequencies`; zero after each clip's end.

        In rows as long as the moving average is wide, the average from a row's sample `p` on is the whole
        row's less that of the `p` samples before, plus that of the first `p` samples of the next row. Sums
        within a row are one matrix product, and short enough for single precision.
        """
        inside = (torch.arange(waveform.shape[1])[None, :] < num_samples[:, None]).float()
        waveform = waveform * inside
        waveform = waveform - inside * (waveform.sum(dim=1, keepdim=True) / num_samples[:, None])
        if margin := self.settings.high_pass_margin:
            width = 2 * margin + 1
            for _ in range(2):
                rows = nn.functional.pad(waveform, (margin, 2 * width))
                rows = rows[:, : rows.shape[1] // width * width].reshape(waveform.shape[0], -1, width)
                means = rows @ self.running_mean  # (B, rows, width + 1): of the samples before each
                before, whole = means[:, :, :-1], means[:, :-1, -1:]
                average = before[:, 1:] - before[:, :-1] + whole
                waveform = (waveform - average.flatten(1)[:, : waveform.shape[1]]) * inside
        return waveform

    def _bounds(
        self, waveform: torch.Tensor, num_samples: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """First sample, end and gain of each clip, `(B,)` each; see `MfccLstmFeatureExtractor`."""
        settings = self.settings
        block = self.block
        num_blocks = waveform.shape[1] // block
        blocks = waveform[:, : num_blocks * block].reshape(waveform.shape[0], num_blocks, block)
        power = (blocks * blocks).sum(dim=2) / num_samples.clamp(max=block)[:, None]  # (B, blocks)
        position = torch.arange(num_blocks)
        num_whole = (num_samples // block).clamp(min=1)  # (B,); a shorter clip is one block
        power = torch.where(position[None, :] < num_whole[:, None], power, -1.0)
        peak = power.amax(dim=1, keepdim=True)
        gain = torch.ones_like(peak[:, 0])
        if settings.target_level_db is not None:
            is_speech = (power >= peak * 10.0 ** (-LEVEL_TOP_DB / 10.0)).float()
            level = ((power * is_speech).sum(dim=1) / is_speech.sum(dim=1)).clamp(min=0).sqrt()
            target = 10.0 ** (settings.target_level_db / 20.0)
            gain = torch.where(level > 0, target / level, gain)
        start, stop = torch.zeros_like(num_samples), num_samples
        if settings.trim_top_db is not None:
            is_loud = power >= peak.clamp(min=0) * 10.0 ** (-settings.trim_top_db / 10.0)
            start = (torch.where(is_loud, position, num_blocks).amin(dim=1) - TRIM_MARGIN_BLOCKS).clamp(min=0)
            last = torch.where(is_loud, position, -1).amax(dim=1) + TRIM_MARGIN_BLOCKS
            last = torch.minimum(last, num_whole - 1)
            stop = torch.where(last == num_whole - 1, num_samples, (last + 1) * block)
            start = start * block
        return start, stop, gain

    def _frames(
        self,
        waveform: torch.Tensor,
        start: torch.Tensor,
        length: torch.Tensor,
        frame: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Frames `(B, T, P, Q)` of the trimmed clips, with zeros around each clip; zero on padding."""
        settings = self.settings
        rows = nn.functional.pad(waveform, (0, 2 * self.row))
        num_rows = rows.shape[1] // self.row  # of them the last is one of zeros
        rows = rows[:, : num_rows * self.row].reshape(-1, self.row)  # (B num_rows, Q)
        margin = settings.n_fft // 2 // self.row
        row = (
            frame[:, None] * (settings.hop_length // self.row) + torch.arange(self.num_rows) - margin
        )  # (T, P)
        stop = torch.where(mask, length[:, None], 0)[:, :, None]
        is_inside = (row >= 0) & (row * self.row < stop)  # (B, T, P)
        index = torch.where(is_inside, row + (start // self.row)[:, None, None], num_rows - 1)
        first = torch.arange(waveform.shape[0]) * num_rows
        return rows[index + first[:, None, None]]
