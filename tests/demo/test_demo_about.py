"""The About tab states what was measured, from the files it was measured into."""

import json
from pathlib import Path

from ser.demo.about import SHIPPED_RECIPE, accuracy_paragraphs, recall_sentence

SCORES = {"uar": 0.654, "accuracy": 0.661, "uar_interval": {"low": 0.6, "high": 0.7}}


def test_figures_are_those_of_the_result_files(tmp_path: Path):
    cross_validation, evaluation = tmp_path / "results.json", tmp_path / "metrics.json"
    recipes = {SHIPPED_RECIPE: {**SCORES, "num_clips": 1440}, "other": {**SCORES, "uar": 0.9, "num_clips": 7}}
    cross_validation.write_text(json.dumps({"luna5": recipes}))
    metrics = {
        **SCORES,
        "uar": 0.5,
        "actors": [21, 22],
        "num_clips": 120,
        "per_class": {"sad": {"recall": 0.25}},
    }
    evaluation.write_text(json.dumps(metrics))
    first, second, guide = accuracy_paragraphs(cross_validation, evaluation)
    assert "1440 clips" in first
    assert "**UAR 65.4%** (95% interval over actors 60.0% to 70.0%), accuracy 66.1%" in first
    assert "120 clips of actors 21, 22" in second
    assert "**UAR 50.0%**" in second
    assert "unweighted average recall" in guide
    assert recall_sentence(evaluation) == "Recognised: sad 25%."


def test_nothing_is_claimed_that_was_not_measured(tmp_path: Path):
    missing = tmp_path / "missing.json"
    assert accuracy_paragraphs(missing, missing) == ["It has not been measured yet."]
    assert recall_sentence(missing) == ""
