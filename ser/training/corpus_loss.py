"""The loss of a training on several corpora that do not have the same classes."""

import numpy as np
import torch

from ser.labels import EMOTIONS

NEUTRAL, CALM = EMOTIONS.index("neutral"), EMOTIONS.index("calm")


class CorpusLoss:
    """Cross-entropy over the classes that a clip's corpus has.

    Calm's probability counts as neutral where the corpus has no calm, as in `restrict_probabilities`. The
    logarithms of the corpus's own label shares are added to the scores (logit adjustment, Menon et al.,
    2021). By themselves the scores then hold all labels as likely before a clip is heard.

    Args:
        label_counts: Clips of each emotion in each corpus, shape `(num_corpora, num_labels)`.
        label_smoothing: Probability spread evenly over the classes of the clip's corpus.
    """

    def __init__(self, label_counts: np.ndarray, label_smoothing: float = 0.1):
        counts = torch.as_tensor(label_counts, dtype=torch.float32)
        self.has_class = counts > 0
        shares = counts / counts.sum(dim=1, keepdim=True)
        self.log_shares = shares.clamp(min=1e-12).log()
        self.folds_calm = self.has_class[:, NEUTRAL] & ~self.has_class[:, CALM]
        self.label_smoothing = label_smoothing

    def __call__(self, logits: torch.Tensor, labels: torch.Tensor, corpora: torch.Tensor) -> torch.Tensor:
        """Mean loss of `logits` (..., B, num_labels) with `labels` (B,) of clips of `corpora` (B,)."""
        has_class, log_shares = self.has_class[corpora], self.log_shares[corpora]
        both = torch.logaddexp(logits[..., NEUTRAL], logits[..., CALM])
        neutral = torch.where(self.folds_calm[corpora], both, logits[..., NEUTRAL])
        is_neutral = torch.arange(logits.shape[-1]) == NEUTRAL
        scores = torch.where(is_neutral, neutral[..., None], logits) + log_shares
        log_probabilities = scores.masked_fill(~has_class, -1e9).log_softmax(dim=-1)
        targets = torch.nn.functional.one_hot(labels, logits.shape[-1]) * (1 - self.label_smoothing)
        targets = targets + self.label_smoothing * has_class / has_class.sum(dim=1, keepdim=True)
        return -(targets * log_probabilities).sum(dim=-1).mean()
