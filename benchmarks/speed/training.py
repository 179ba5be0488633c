"""An epoch of training, beside one over packed sequences that computes its features each time."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.speed.rows import Row
from ser.audio import load_audio
from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
from ser.training.collation import FeatureCollator

BATCH_SIZE = 32


class PackedLstm(nn.Module):
    """A bidirectional LSTM over packed sequences, with the interface of `BidirectionalLstm`."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True, bidirectional=True)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Map `hidden` (B, T, C) and `mask` (B, T) to (B, T, 2H)."""
        lengths = mask.sum(dim=1).long()
        packed = pack_padded_sequence(hidden, lengths, batch_first=True, enforce_sorted=False)
        output, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=hidden.shape[1])
        return output


def measure_training(
    model: MfccLstmForAudioClassification,
    feature_extractor: MfccLstmFeatureExtractor,
    files: Sequence[Path],
    num_repeats: int,
) -> list[Row]:
    """Time epochs over some files: the training's own, and one as training is usually written."""
    collate = FeatureCollator(feature_extractor, ["ravdess"])

    def spectrograms_of(batch: Sequence[Path]) -> list[np.ndarray]:
        waveforms = [load_audio(file, feature_extractor.sampling_rate) for file in batch]
        return [feature_extractor.mel_spectrogram(each).numpy() for each in waveforms]

    kept = spectrograms_of(files)
    by_length = sorted(range(len(kept)), key=lambda row: len(kept[row]))  # as the Trainer groups them

    ours = MfccLstmForAudioClassification(cast(MfccLstmConfig, model.config))
    usual = MfccLstmForAudioClassification(cast(MfccLstmConfig, model.config))
    for member in usual.members:
        layers = cast(nn.ModuleList, member.lstm_layers)
        for index, layer in enumerate(layers):
            width = cast(nn.LSTM, layer.forward_lstm).input_size
            layers[index] = PackedLstm(width, model.config.hidden_size)

    def epoch(network: MfccLstmForAudioClassification, order: Sequence[int], recompute: bool) -> float:
        network.train()
        optimizer = torch.optim.AdamW(network.parameters())
        start = time.process_time()
        for first in range(0, len(order), BATCH_SIZE):
            rows = order[first : first + BATCH_SIZE]
            spectrograms = (
                spectrograms_of([files[row] for row in rows]) if recompute else [kept[row] for row in rows]
            )
            batch = collate(
                [{"mel_spectrogram": each, "labels": 0, "corpus": "ravdess"} for each in spectrograms]
            )
            del batch["corpus"]
            optimizer.zero_grad()
            network(**batch).loss.backward()
            optimizer.step()
        return time.process_time() - start

    shuffled = np.random.default_rng(0).permutation(len(kept)).tolist()
    epoch(ours, by_length[:BATCH_SIZE], recompute=False), epoch(usual, shuffled[:BATCH_SIZE], recompute=True)
    spent = [
        (epoch(ours, by_length, recompute=False), epoch(usual, shuffled, recompute=True))
        for _ in range(num_repeats)
    ]
    ours_seconds, usual_seconds = np.median(spent, axis=0).tolist()
    return [
        Row(
            "training, clips a second, beside packed sequences and features computed in every epoch",
            ">= 4x",
            f"{usual_seconds / ours_seconds:.1f}x ({len(kept) / ours_seconds:.0f} beside "
            f"{len(kept) / usual_seconds:.0f})",
            usual_seconds >= 4 * ours_seconds,
        )
    ]
