import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, concatenate_datasets

from ser.labels import EMOTIONS, restrict_probabilities
from ser.training.corpus_loss import CorpusLoss, corpus_weights, training_labels

CORPORA = ["ravdess"] * 8 + ["nemo"] * 7
LABELS = [*range(8), 0, 0, 2, 3, 4, 5, 7]
NEMO = ("neutral", "happy", "sad", "angry", "fearful", "surprised")


@pytest.fixture
def scores() -> torch.Tensor:
    return torch.randn(3, 2, 8, generator=torch.Generator().manual_seed(0))  # three members, two clips


def test_without_shares_it_is_the_rule_of_evaluation(scores):
    loss = CorpusLoss(CORPORA, LABELS, EMOTIONS, balanced=False, label_smoothing=0.0)
    found = loss(scores, torch.tensor([1, 0]), torch.tensor([0, 1]))
    probabilities = scores.double().softmax(dim=-1).numpy()
    calm = probabilities[:, 0, EMOTIONS.index("calm")]
    neutral = restrict_probabilities(probabilities[:, 1], NEMO)[:, 0]
    assert float(found) == pytest.approx(-np.log([calm, neutral]).mean(), abs=1e-5)


def test_label_shares_are_those_of_the_corpus(scores):
    loss = CorpusLoss(CORPORA, LABELS, EMOTIONS, label_smoothing=0.0)
    found = loss(scores[0], torch.tensor([2, 2]), torch.tensor([1, 1]))
    merged = torch.logaddexp(scores[0, :, 0], scores[0, :, 1])
    adjusted = torch.stack(
        [merged + np.log(2 / 7), *(scores[0, :, i] + np.log(1 / 7) for i in (2, 3, 4, 5, 7))]
    )
    assert float(found) == pytest.approx(float(-adjusted.log_softmax(dim=0)[1].mean()), abs=1e-5)


def test_a_class_that_the_corpus_lacks_is_neither_asked_for_nor_pushed_away(scores):
    loss = CorpusLoss(CORPORA, LABELS, EMOTIONS)
    scores.requires_grad_()
    loss(scores, torch.tensor([0, 3]), torch.tensor([1, 1])).backward()
    assert torch.equal(scores.grad[..., EMOTIONS.index("disgust")], torch.zeros(3, 2))
    assert scores.grad[..., EMOTIONS.index("calm")].abs().min() > 0
    assert torch.isfinite(scores.grad).all()


def test_a_class_that_no_corpus_has_is_learnt_to_be_unlikely(scores):
    loss = CorpusLoss(["a"] * 7, range(7), EMOTIONS)
    scores.requires_grad_()
    loss(scores, torch.tensor([0, 3]), torch.tensor([0, 0])).backward()
    assert scores.grad[..., EMOTIONS.index("surprised")].abs().min() > 0


def test_votes_are_taken_as_labels(scores):
    loss = CorpusLoss(CORPORA, LABELS, EMOTIONS)
    corpus = torch.tensor([0, 0])
    votes = torch.zeros(2, 8)
    votes[:, 2], votes[:, 7] = 0.75, 0.25
    both = [loss(scores, torch.tensor([label, label]), corpus) for label in (2, 7)]
    assert float(loss(scores, votes, corpus)) == pytest.approx(
        float(0.75 * both[0] + 0.25 * both[1]), abs=1e-5
    )


def test_classes_of_ones_own_have_no_calm_to_merge():
    loss = CorpusLoss(["mine"] * 2, [0, 1], ["bored", "awake"], label_smoothing=0.0)
    found = loss(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([0]))
    assert float(found) == pytest.approx(np.log(2))


def test_ravdess_has_a_least_share():
    sizes = {"nemo": 6400, "ravdess": 100, "ravdess-song": 100}
    expected = {"nemo": 5.6 / 9, "ravdess": 0.3, "ravdess-song": 0.7 / 9}
    assert corpus_weights(sizes, 0.5, 0.3) == pytest.approx(expected)
    assert corpus_weights({"nemo": 6400, "emodb": 100}, 0.5, 0.3) == pytest.approx(
        {"nemo": 8 / 9, "emodb": 1 / 9}
    )
    assert corpus_weights({"ravdess": 100}, 0.5, 0.3) == {"ravdess": 1.0}


def test_votes_are_learned_in_place_of_the_label():
    plain = Dataset.from_dict(
        {"emotion": [2, 0]}, features=Features({"emotion": ClassLabel(names=list("abc"))})
    )
    assert training_labels(plain).tolist() == [2, 0]
    voted = plain.add_column("votes", [[0.25, 0.75, 0.0], None])
    together = concatenate_datasets([plain, voted])  # a corpus without votes beside one with some
    assert training_labels(together).tolist() == [[0, 0, 1], [1, 0, 0], [0.25, 0.75, 0], [1, 0, 0]]
