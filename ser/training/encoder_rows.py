"""Training rows of encoder steps, and batches of them."""

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from datasets import Dataset

from ser.training.encoder_features import EncoderFeatures

MAX_STEPS = 55  # of a training clip, 4.4 s: padding a batch to one slow clip costs more than it is worth
MIN_CROP = 0.7  # the shortest part of a clip that is kept
NOISE_STD = 0.1  # added to standardised steps
NUM_TIME_MASKS = 2
MAX_TIME_MASK = 0.12  # the longest, as a share of the clip


class StepRows(torch.utils.data.Dataset):
    """Encoder steps of clips and their changed copies, in memory.

    Args:
        clips: Rows with `audio` (undecoded), `corpus`, `actor` and `emotion`.
        features: Computes the steps, or finds them.
        corpora: Names of the corpora, in the order of the indices that batches hold.
        num_augmented_copies: Changed copies beside each clip of the first clip's corpus.
        num_copies_of_other_corpora: The same of other corpora.
        labels: Of each clip, as `training_labels` returns them; the column `emotion` if not given.
    """

    def __init__(
        self,
        clips: Dataset,
        features: EncoderFeatures,
        corpora: Sequence[str],
        num_augmented_copies: int = 0,
        num_copies_of_other_corpora: int = 0,
        labels: np.ndarray | None = None,
    ):
        corpus_of_clip, actor_of_clip = np.asarray(clips["corpus"]), np.asarray(clips["actor"])
        labels = np.asarray(clips["emotion"]) if labels is None else labels
        steps, label_of_row, corpus_of_row = [], [], []
        for corpus, actor in sorted(set(zip(corpus_of_clip.tolist(), actor_of_clip.tolist(), strict=True))):
            rows = np.flatnonzero((corpus_of_clip == corpus) & (actor_of_clip == actor))
            files = [_content(audio) for audio in clips.select(rows)["audio"]]
            num_copies = num_augmented_copies if corpus == corpus_of_clip[0] else num_copies_of_other_corpora
            for copy in range(num_copies + 1):
                steps += features.of_speaker(files, copy)
                label_of_row += labels[rows].tolist()
                corpus_of_row += [corpora.index(corpus)] * len(rows)
        self.steps = steps
        self.labels = np.array(label_of_row)
        self.corpus_of_row = np.array(corpus_of_row)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, row: int) -> dict[str, Any]:
        """Return `steps`, float16 `(num_steps, C)`, with `labels`, `corpus` and `row`."""
        return {
            "steps": self.steps[row],
            "labels": self.labels[row],
            "corpus": self.corpus_of_row[row],
            "row": row,
        }

    def statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of each channel over all steps."""
        total = torch.zeros(self.steps[0].shape[1], dtype=torch.float64)
        square, count = total.clone(), 0
        for each in self.steps:
            values = each.float()
            total += values.sum(dim=0)
            square += values.square().sum(dim=0)
            count += len(values)
        mean = total / count
        return mean.float(), (square / count - mean.square()).clamp(min=0.0).sqrt().float()


class StepCollator:
    """Batches of steps, padded; in training a random part of each, with noise and masked stretches.

    The changes depend on the seed and the rows of the batch alone, so a resumed training draws the same.

    Args:
        statistics: Mean and standard deviation of each channel; if not given, nothing is changed.
        seed: Seed of the changes.
    """

    def __init__(self, statistics: tuple[torch.Tensor, torch.Tensor] | None = None, seed: int = 0):
        self.statistics = statistics
        self.seed = seed

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return `encoder_steps` (B, S, C), `attention_mask` (B, S), `labels` and `corpus` (B,).

        `labels` are (B, num_labels) if the rows hold votes.
        """
        steps = [example["steps"].float() for example in examples]
        if self.statistics is not None:
            rows = np.array([example["row"] for example in examples])
            rng = np.random.default_rng((self.seed, zlib.crc32(rows.tobytes())))
            steps = [self._changed(each, *self.statistics, rng) for each in steps]
        lengths = torch.tensor([len(each) for each in steps])
        padded = torch.nn.utils.rnn.pad_sequence(steps, batch_first=True)
        return {
            "encoder_steps": padded,
            "attention_mask": (torch.arange(padded.shape[1]) < lengths[:, None]).int(),
            "labels": torch.from_numpy(np.stack([example["labels"] for example in examples])),
            "corpus": torch.tensor([int(example["corpus"]) for example in examples]),
        }

    @staticmethod
    def _changed(
        steps: torch.Tensor, mean: torch.Tensor, std: torch.Tensor, rng: np.random.Generator
    ) -> torch.Tensor:
        length = min(MAX_STEPS, max(1, round(len(steps) * rng.uniform(MIN_CROP, 1.0))))
        start = rng.integers(0, len(steps) - length + 1)
        steps = steps[start : start + length]
        noise = torch.from_numpy(rng.standard_normal(steps.shape, np.float32))
        steps = steps + NOISE_STD * std * noise
        for _ in range(NUM_TIME_MASKS):
            width = int(length * rng.uniform(0.0, MAX_TIME_MASK))
            first = rng.integers(0, length - width + 1)
            steps[first : first + width] = mean
        return steps


def _content(audio: dict[str, Any]) -> bytes:
    return (
        cast(bytes, audio["bytes"])
        if audio["bytes"] is not None
        else Path(os.fspath(audio["path"])).read_bytes()
    )
