import socket

import numpy as np
import pytest
from transformers import EvalPrediction

from ser.evaluation.metrics import classification_scores
from ser.training.trainer_metrics import compute_classification_metrics

RNG = np.random.default_rng(0)
LABELS = RNG.integers(8, size=100)
LOGITS = RNG.normal(size=(100, 8)) + 2 * np.eye(8)[LABELS]


@pytest.mark.parametrize("predictions", [LOGITS, (LOGITS, RNG.normal(size=(100, 5)))], ids=["alone", "tuple"])
def test_trainer_scores_are_those_of_the_largest_logit(predictions):
    scores = compute_classification_metrics(EvalPrediction(predictions=predictions, label_ids=LABELS))
    assert scores == classification_scores(LABELS, LOGITS.argmax(axis=1))
    assert set(scores) == {"accuracy", "uar", "macro_precision", "macro_recall", "macro_f1"}
    assert 0.3 < scores["uar"] < 1


def test_scores_need_no_network_and_leave_the_global_random_state(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the state that must stay as it is
    compute_classification_metrics(EvalPrediction(predictions=LOGITS, label_ids=LABELS))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_diverged_logits_raise():
    broken = LOGITS.copy()
    broken[3, 2] = np.nan
    with pytest.raises(ValueError, match="logits of 1 of 100 clips are not finite"):
        compute_classification_metrics(EvalPrediction(predictions=broken, label_ids=LABELS))
