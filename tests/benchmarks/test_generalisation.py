"""`docs/generalisation.md` says what the files say, and the scores of detector do what their names say."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.out_of_distribution import KINDS, LEVELS_DB, make_sound
from benchmarks.report import generalisation

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("benchmarks/results", "docs", "checkpoint", "checkpoint-accurate")


def test_the_committed_document_is_that_of_the_files(tmp_path: Path) -> None:
    for name in INPUTS:
        if (ROOT / name).exists():  # git does not keep a folder of results while it is empty
            shutil.copytree(ROOT / name, tmp_path / name)
    generalisation.main(tmp_path)
    written = (tmp_path / "docs" / "generalisation.md").read_text()
    assert written == (ROOT / "docs" / "generalisation.md").read_text(), (
        "docs/generalisation.md is out of date: run python -m benchmarks.report.generalisation"
    )


def test_folds_over_several_corpora_become_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / "results" / "leave-one-corpus-out" / "any"
    folder.mkdir(parents=True)
    six = {"classes": list("abcdef"), "num_clips": 30, "accuracy": 0.5}
    for seed, uar in ((0, 0.4), (1, 0.5)):
        result = {
            "fold": "leave-one-corpus-out-emodb",
            "seed": seed,
            "train_corpora": ["ravdess"],
            "per_corpus": {"emodb": {"shared": six | {"uar": uar}, "6": six | {"uar": uar}}},
            "command": "python -m it --protocol p --name it --data_dir d --output_dir o",
            "recipe": {"noise_prob": 0.01},
            "training_arguments": {},
        }
        (folder / f"fold0-seed{seed}.json").write_text(json.dumps(result))
    lines = list(generalisation.cross_corpus_lines(tmp_path))
    rows = [line for line in lines if line.startswith("| EmoDB")]
    assert rows == ["| EmoDB | RAVDESS | 6 | **45.0** | 50.0 | 30 | 16.7 |"]
    assert lines[-1].startswith("**Of an earlier recipe**, trained with noise_prob 0.01, now 0.6")


def test_results_of_ravdess_alone_are_no_business_of_it(tmp_path: Path) -> None:
    (tmp_path / "benchmarks" / "results" / "luna5" / "any").mkdir(parents=True)
    assert list(generalisation.cross_corpus_lines(tmp_path)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_sounds_without_speech_are_repeatable_and_of_a_level(kind: str) -> None:
    waveform, again = (make_sound(kind, 16_000, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(waveform, again)
    assert waveform.dtype == np.float32
    assert 1.5 <= len(waveform) / 16_000 <= 5.0
    level_db = 10 * np.log10(np.mean(waveform.astype(np.float64) ** 2))
    low, high = (-90.1, -69.9) if kind == "silence" else (LEVELS_DB[0] - 6.0, LEVELS_DB[1] + 0.1)
    assert low <= level_db <= high  # clicks lose level where their peaks are clipped
