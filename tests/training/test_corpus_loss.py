"""The loss of several corpora against the same sums by hand."""

import numpy as np
import pytest
import torch

from ser.labels import EMOTIONS
from ser.training.corpus_loss import CorpusLoss

NEUTRAL, CALM, HAPPY, SAD = range(4)
COUNTS = np.array(
    [
        [2, 4, 4, 4, 4, 4, 4, 4],  # as RAVDESS
        [6, 0, 3, 1, 0, 0, 0, 0],  # no calm: it counts as neutral
        [0, 0, 5, 5, 0, 0, 0, 0],  # no neutral either: calm is no answer
    ]
)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(3, len(EMOTIONS), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_only_the_classes_of_the_clips_corpus_count(logits):
    loss = CorpusLoss(COUNTS, label_smoothing=0.0)(
        logits, torch.tensor([CALM, NEUTRAL, SAD]), torch.arange(3)
    )
    odds = logits.exp().numpy()
    first = odds[0] * COUNTS[0] / COUNTS[0].sum()
    neutral, happy, sad = (odds[1, 0] + odds[1, 1]) * 0.6, odds[1, 2] * 0.3, odds[1, 3] * 0.1
    expected = [first[CALM] / first.sum(), neutral / (neutral + happy + sad), odds[2, 3] / odds[2, 2:4].sum()]
    assert float(loss) == pytest.approx(-np.log(expected).mean(), abs=1e-5)


def test_classes_that_a_corpus_lacks_get_no_gradient(logits):
    logits.requires_grad_(True)
    CorpusLoss(COUNTS)(logits, torch.tensor([CALM, NEUTRAL, SAD]), torch.arange(3)).backward()
    assert logits.grad is not None
    has_gradient = logits.grad.abs() > 1e-9
    assert has_gradient[0].all()
    assert has_gradient[1].nonzero().flatten().tolist() == [NEUTRAL, CALM, HAPPY, SAD]
    assert has_gradient[2].nonzero().flatten().tolist() == [HAPPY, SAD]


def test_several_heads_share_labels(logits):
    loss, labels = CorpusLoss(COUNTS), torch.tensor([CALM, NEUTRAL, SAD])
    both = loss(torch.stack([logits, 2 * logits]), labels, torch.arange(3))
    alone = [loss(each, labels, torch.arange(3)) for each in (logits, 2 * logits)]
    torch.testing.assert_close(both, torch.stack(alone).mean())
