"""The loss for clips of corpora that do not share all classes: the one place with these rules.

- The probabilities of a clip are over the classes of its corpus, the only labels it could get.
- Calm counts as neutral in a corpus without calm: RAVDESS divides into both what other corpora call neutral.
  The same rule as in evaluation (`ser.labels.restrict_probabilities`).
- The logarithms of the corpus's own label shares are added to the scores (logit adjustment, Menon et al.,
  2021). The scores by themselves then assume that all classes are equally likely.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from datasets import Dataset
from torch import nn

ABSENT = -1e4  # instead of the logarithm of a share of 0: its softmax is 0 and its gradient is not NaN


class CorpusLoss(nn.Module):
    """Cross-entropy over the classes of each clip's corpus.

    Args:
        corpora: The corpus of each training clip, (num_clips,).
        labels: The label of each training clip, an index of `classes`, (num_clips,).
        classes: What the labels are called.
        balanced: Whether the label shares of a corpus are added to the scores.
        label_smoothing: Probability spread evenly over the classes of a clip's corpus.

    Attributes:
        corpora: The name of each corpus, in the order of the indices that the loss takes.
    """

    log_shares: torch.Tensor
    is_present: torch.Tensor
    counts_calm_as_neutral: torch.Tensor

    def __init__(
        self,
        corpora: Sequence[str],
        labels: Sequence[int] | np.ndarray,
        classes: Sequence[str],
        balanced: bool = True,
        label_smoothing: float = 0.1,
    ) -> None:
        super().__init__()
        self.corpora = tuple(dict.fromkeys(corpora))
        self.label_smoothing = label_smoothing
        self.calm, self.neutral = (
            classes.index(name) if name in classes else -1 for name in ("calm", "neutral")
        )
        index = np.array([self.corpora.index(corpus) for corpus in corpora])
        counts = np.zeros((len(self.corpora), len(classes)))
        np.add.at(counts, (index, np.asarray(labels)), 1)
        unseen = counts.sum(axis=0) == 0
        # A class without a single clip would otherwise keep the score that it starts with.
        counts[:, unseen] = (counts.sum(axis=1) / (counts > 0).sum(axis=1))[:, None]
        shares = torch.from_numpy(counts / counts.sum(axis=1, keepdims=True))
        self.register_buffer("is_present", shares > 0)
        weights = shares.log() if balanced else torch.zeros_like(shares)
        self.register_buffer("log_shares", torch.where(shares > 0, weights, ABSENT).float())
        has_both = self.calm >= 0 and self.neutral >= 0
        self.register_buffer("counts_calm_as_neutral", has_both & ~self.is_present[:, self.calm])

    def forward(self, scores: torch.Tensor, labels: torch.Tensor, corpus: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of a batch, and of the members of an ensemble if there are several.

        Args:
            scores: Of one network, (B, num_classes), or of several, (..., B, num_classes).
            labels: Indices (B,), or probabilities (B, num_classes) such as shares of votes.
            corpus: Index of each clip's corpus in `corpora`, (B,).
        """
        scores = scores.float()
        if self.counts_calm_as_neutral.any():
            neutral, calm = scores[..., self.neutral], scores[..., self.calm]
            merged = torch.where(self.counts_calm_as_neutral[corpus], torch.logaddexp(neutral, calm), neutral)
            scores = scores.index_copy(
                -1, torch.tensor([self.neutral], device=scores.device), merged[..., None]
            )
        log_probabilities = (scores + self.log_shares[corpus]).log_softmax(dim=-1)
        is_present = self.is_present[corpus]
        if labels.ndim == 1:
            labels = nn.functional.one_hot(labels, scores.shape[-1])
        smooth = is_present / is_present.sum(dim=1, keepdim=True)
        targets = labels * (1 - self.label_smoothing) + smooth * self.label_smoothing
        return -(torch.where(is_present, log_probabilities, 0.0) * targets).sum(dim=-1).mean()


def training_labels(clips: Dataset) -> np.ndarray:
    """Return what training learns: the label of each clip, or the votes of listeners where there are some.

    Args:
        clips: With the column `emotion`, and possibly `votes`: of each clip, shares of the labels, or null.

    Returns:
        Indices, `(num_clips,)`; or probabilities `(num_clips, num_labels)` if there are votes.
    """
    labels = np.asarray(clips["emotion"])
    votes = clips["votes"][:] if "votes" in clips.column_names else []
    if not any(votes):
        return labels
    learned = np.eye(len(clips.features["emotion"].names), dtype=np.float32)[labels]
    for row, shares in enumerate(votes):
        if shares:
            learned[row] = shares
    return learned


def corpus_weights(sizes: Mapping[str, int], power: float, min_ravdess_share: float) -> dict[str, float]:
    """Return how often each corpus is drawn: in proportion to a power of its size.

    Args:
        sizes: Number of clips of each corpus.
        power: 1 draws all clips equally often, 0 all corpora; 0.5 lies between.
        min_ravdess_share: RAVDESS's speech is drawn at least so often, if there are others.

    >>> corpus_weights({"nemo": 4800, "ravdess": 1200}, power=0.5, min_ravdess_share=0.5)
    {'nemo': 0.5, 'ravdess': 0.5}
    """
    weights = {corpus: size**power for corpus, size in sizes.items()}
    total = sum(weights.values())
    shares = {corpus: weight / total for corpus, weight in weights.items()}
    ravdess = shares.get("ravdess", 1.0)
    if len(shares) > 1 and ravdess < min_ravdess_share:
        scale = (1 - min_ravdess_share) / (1 - ravdess)
        shares = {corpus: share * scale for corpus, share in shares.items()}
        shares["ravdess"] = min_ravdess_share
    return shares
