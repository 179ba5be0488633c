"""The card of the shipped checkpoint holds the numbers of the committed result files and no others."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.report.card import ACCURATE_NAME, main, shipped_card
from benchmarks.report.measurements import (
    ACCURATE_FOLDER,
    ACCURATE_RECIPE,
    ROOT,
    SHIPPED_RECIPE,
    ShippedResults,
    shipped_results,
    speaker_spread,
)

SUMMARY = {
    "uar": 0.6543,
    "accuracy": 0.6617,
    "uar_interval": {"low": 0.601, "high": 0.702},
    "num_clips": 1440,
    "num_folds": 5,
    "num_seeds": 3,
}


def write_json(file: Path, content: dict) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def test_both_cards_hold_the_numbers_of_the_result_files():
    card = shipped_card(shipped_results())
    for file in ("checkpoint/README.md", "model_card.md"):
        assert (ROOT / file).read_text(encoding="utf-8") == card, "run `make report`"
    accurate = shipped_card(shipped_results(ROOT, ACCURATE_FOLDER, ACCURATE_RECIPE), ACCURATE_NAME)
    assert (ROOT / ACCURATE_FOLDER / "README.md").read_text(encoding="utf-8") == accurate, "run `make report`"


def test_protocols_name_their_kind_of_speakers():
    card = shipped_card(ShippedResults(protocols={"luna5": SUMMARY, "timnet10": SUMMARY}))
    assert "| RAVDESS, luna5 (folds: 5, seeds: 3) | unseen | **65.4** | 60.1 to 70.2 | 66.2 | 1440 |" in card
    assert "| RAVDESS, timnet10 (folds: 5, seeds: 3) | seen | **65.4** |" in card
    assert "name: RAVDESS speech, protocol timnet10 (seen speakers)" in card
    assert "emobox6" not in card


def test_spread_is_the_recall_of_each_speaker_and_group(tmp_path):
    """Actor 2 is always right, actor 3 always wrong, in the first seed; the second seed is all right."""
    for seed in (0, 1):
        for fold, actor in enumerate((2, 3)):
            clips, labels = [], []
            for emotion in range(2, 9):
                for statement in (1, 2):
                    for repetition in (1, 2):
                        clips.append(f"03-01-{emotion:02d}-01-{statement:02d}-{repetition:02d}-{actor:02d}")
                        labels.append(emotion - 1)
            predictions = np.roll(labels, 4) if (seed, actor) == (0, 3) else labels
            probabilities = np.eye(8)[predictions].tolist()
            result = {"seed": seed, "clips": clips, "labels": labels, "probabilities": probabilities}
            write_json(tmp_path / f"fold{fold}-seed{seed}.json", result)
    spread = speaker_spread(tmp_path)
    uars = {value: scores["uar"] for value, scores in spread.per_group["actor"].items()}
    assert uars == {"ravdess:02": 1, "ravdess:03": 0.5}
    assert spread.per_group["statement"]["Kids are talking by the door"]["num_clips"] == 28
    card = shipped_card(ShippedResults(spread=spread))
    assert "| gender male | 50.0 |" in card
    assert "The best and the worst speaker (ravdess:02 and ravdess:03) are" in card


@pytest.mark.parametrize(
    ("changed", "is_complete", "shown"),
    [("", True, True), ("num_train_epochs 6.0, now 7.0", True, False), ("", False, False)],
)
def test_results_of_an_earlier_recipe_of_some_folds_and_of_dev5_are_not_claimed(
    tmp_path, changed, is_complete, shown
):
    summary = {"uar": 0.5, "recipe_changed_since": changed, "is_complete": is_complete}
    results = tmp_path / "benchmarks" / "results"
    write_json(results / "results.json", {name: {SHIPPED_RECIPE: summary} for name in ("luna5", "dev5")})
    run = {"seed": 0, "clips": ["03-01-02-01-01-01-02"], "labels": [1], "probabilities": [[0, 1]]}
    write_json(results / "luna5" / SHIPPED_RECIPE / "fold0-seed0.json", run)
    measured = shipped_results(tmp_path)
    assert (measured.spread is not None) == shown
    assert set(measured.protocols) == ({"luna5"} if shown else set())


def test_evaluations_of_other_models_are_not_claimed(tmp_path):
    for name in ("checkpoint", "elsewhere"):
        evaluation = {"model": {"name": name}, "corpus": {"name": "ravdess"}}
        write_json(tmp_path / "benchmarks" / "results" / f"evaluation-{name}" / "metrics.json", evaluation)
    (evaluation,) = shipped_results(tmp_path).checkpoint.evaluations
    assert evaluation["model"]["name"] == "checkpoint"


def test_without_result_files_nothing_is_claimed(tmp_path):
    (tmp_path / "checkpoint").mkdir()
    assert shipped_results(tmp_path) == ShippedResults()
    main(tmp_path)
    assert "No results of this checkpoint" in (tmp_path / "model_card.md").read_text()
