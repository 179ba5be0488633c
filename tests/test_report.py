"""The committed tables and README say what the committed result files say."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import report  # noqa: E402

INPUTS = ("benchmarks/results", "docs/evaluation", "checkpoint/training_metrics.json", "README.md")
OUTPUTS = ("docs/results.md", "docs/results.json", "README.md")


def test_committed_reports_are_those_of_the_result_files(tmp_path: Path) -> None:
    for name in INPUTS:
        source, target = ROOT / name, tmp_path / name
        if not source.exists():
            assert name == "benchmarks/results"  # a folder that git does not keep while it is empty
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    report.main(tmp_path)
    for name in OUTPUTS:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), (
            f"{name} is out of date: run python benchmarks/report.py"
        )


def write_fold(folder: Path, fold: int, seed: int, labels: list[int], predictions: list[int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    recall = np.mean(
        [np.mean(np.array(predictions)[np.array(labels) == label] == label) for label in set(labels)]
    )
    result = {
        "fold": f"dev5-{fold}",
        "seed": seed,
        "train_seconds": 10.0,
        "uar": float(recall),
        "accuracy": float(np.mean(np.array(labels) == predictions)),
        "command": "python benchmarks/cross_validate.py",
        "clips": [f"03-01-01-01-01-01-{fold + 1:02d}"] * len(labels),
        "labels": labels,
        "probabilities": np.eye(2)[predictions].tolist(),
    }
    (folder / f"fold{fold}-seed{seed}.json").write_text(json.dumps(result))


def test_summary_is_the_mean_over_folds_and_seeds(tmp_path: Path) -> None:
    write_fold(tmp_path, 0, 0, [0, 1], [0, 1])  # UAR 1
    write_fold(tmp_path, 1, 0, [0, 1], [0, 0])  # UAR 1/2
    write_fold(tmp_path, 0, 1, [0, 1], [1, 0])  # UAR 0
    write_fold(tmp_path, 1, 1, [0, 1], [0, 1])  # UAR 1
    summary = report.summarise(tmp_path)
    assert summary["uar"] == pytest.approx(2.5 / 4)
    assert summary["uar_by_fold"] == [0.5, 0.75]
    assert summary["num_clips"] == 4
    assert summary["seeds"] == [0, 1]
    assert summary["uar_interval"]["low"] <= summary["uar"] <= summary["uar_interval"]["high"]


def test_a_missing_fold_is_named(tmp_path: Path) -> None:
    write_fold(tmp_path, 0, 0, [0, 1], [0, 1])
    write_fold(tmp_path, 1, 0, [0, 1], [0, 1])
    write_fold(tmp_path, 0, 1, [0, 1], [0, 1])
    with pytest.raises(ValueError, match="same folds"):
        report.summarise(tmp_path)
