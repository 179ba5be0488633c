from pathlib import Path

import numpy as np
import pytest

from ser.labels import CLASS_SETS, EMOTIONS, LABEL_MAPS, corpus_classes, restrict_probabilities


def test_every_label_leads_to_an_emotion_or_is_dropped():
    assert {emotion for labels in LABEL_MAPS.values() for emotion in labels.values()} == {*EMOTIONS, None}


def test_class_sets_are_what_their_names_say():
    assert {name: len(classes) for name, classes in CLASS_SETS.items()} == {"8": 8, "6": 6, "4": 4}
    assert CLASS_SETS["6"] == corpus_classes("crema-d")
    for classes in CLASS_SETS.values():
        assert sorted(classes, key=EMOTIONS.index) == list(classes)


def test_unknown_corpus_is_named():
    with pytest.raises(ValueError, match="'iemocap'; expected one of ravdess, crema-d"):
        corpus_classes("iemocap")


def test_calm_is_added_to_neutral_only_where_calm_is_not_wanted():
    probabilities = np.array([[0.1, 0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05]])
    np.testing.assert_allclose(restrict_probabilities(probabilities, ["neutral", "happy"]), [[2 / 3, 1 / 3]])
    np.testing.assert_allclose(restrict_probabilities(probabilities, ["neutral", "calm"]), [[0.25, 0.75]])
    np.testing.assert_allclose(restrict_probabilities(probabilities, ["happy", "sad"]), [[2 / 3, 1 / 3]])


def test_all_classes_in_another_order_are_only_reordered():
    probabilities = np.random.default_rng(0).dirichlet(np.ones(8), size=(3, 2))
    np.testing.assert_allclose(
        restrict_probabilities(probabilities, EMOTIONS[::-1]), probabilities[..., ::-1]
    )


@pytest.mark.parametrize("classes", CLASS_SETS.values())
def test_rows_sum_to_one_and_input_is_left_alone(classes: tuple[str, ...]):
    probabilities = np.random.default_rng(1).dirichlet(np.full(8, 0.1), size=50).astype(np.float32)
    before = probabilities.copy()
    restricted = restrict_probabilities(probabilities, classes)
    np.testing.assert_allclose(restricted.sum(axis=-1), 1)
    np.testing.assert_array_equal(probabilities, before)


def test_nothing_left_becomes_equal_shares():
    certain_of_calm = np.eye(8)[1]
    np.testing.assert_array_equal(restrict_probabilities(certain_of_calm, ["happy", "sad"]), [0.5, 0.5])


@pytest.mark.parametrize("classes", [[], ["neutral", "neutral"], ["bored"]])
def test_impossible_classes_are_refused(classes: list[str]):
    with pytest.raises(ValueError, match="each once"):
        restrict_probabilities(np.full(8, 1 / 8), classes)


@pytest.mark.parametrize("shape", [(), (7,), (8, 1)])
def test_wrong_shape_is_refused(shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 8\)"):
        restrict_probabilities(np.ones(shape), ["happy"])


def test_documented_table_is_the_label_maps():
    lines = (Path(__file__).parent.parent / "docs" / "corpora.md").read_text().splitlines()
    header = f"| | {' | '.join(LABEL_MAPS)} |"
    table = lines[lines.index(header) + 2 :][: len(EMOTIONS) + 1]
    for emotion, line in zip((*EMOTIONS, None), table, strict=True):
        first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert first == (emotion or "dropped")
        documented = [set(cell.replace("`", "").replace("–", "").replace(",", "").split()) for cell in cells]
        assert documented == [
            {code for code, meaning in labels.items() if meaning == emotion} for labels in LABEL_MAPS.values()
        ]
