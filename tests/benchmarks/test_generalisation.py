"""`docs/generalisation.md` says what the files say, and the scores of detector do what their names say."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import enrolment
from benchmarks.accuracy.out_of_distribution import KINDS, LEVELS_DB, make_sound
from benchmarks.report import generalisation
from benchmarks.report.measurements import SHIPPED_RECIPE
from ser.labels import CLASS_SETS, EMOTIONS

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


def test_a_corpus_left_out_of_a_training_has_a_row_for_each_set_of_emotions(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / "results" / "leave-one-corpus-out" / SHIPPED_RECIPE
    folder.mkdir(parents=True)
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "config.json").write_text('{"temperature": 2.0}')
    four = [EMOTIONS.index(emotion) for emotion in CLASS_SETS["4"]]
    result = {
        "fold": "leave-one-corpus-out-emodb",
        "seed": 0,
        "train_corpora": ["ravdess"],
        "per_corpus": {"emodb": {"4": {"classes": list(CLASS_SETS["4"]), "uar": 0.75, "accuracy": 0.5}}},
        "command": "python -m it --protocol p --name it --data_dir d --output_dir o",
        "recipe": {"noise_prob": 0.01, "temperature": 1.0},
        "training_arguments": {},
        "speakers": ["emodb:03", "emodb:08"] * 4,
        "labels": four * 2,
        "probabilities": np.eye(8)[four * 2].tolist(),
    }
    (folder / "fold0-seed0.json").write_text(json.dumps(result))
    lines = list(generalisation.cross_corpus_lines(tmp_path))
    [row] = [line for line in lines if line.startswith("| EmoDB")]
    assert row.startswith(
        f"| EmoDB | {SHIPPED_RECIPE} | RAVDESS | 4 | **75.0** | 100.0 to 100.0 | 50.0 | 0.0"
    )
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


def test_enrolment_is_measured_on_clips_that_were_not_enrolled() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 8, 400)
    habit = np.array([3.0, 0, 0, 0, 0, 0, 0, 0])  # both speakers sound neutral whatever the emotion
    scores = 2.0 * np.eye(8)[labels] + habit + rng.normal(0.0, 0.1, (400, 8))
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    speakers = np.repeat(["emodb:03", "emodb:08"], 200)
    answers = enrolment.Answers(labels, speakers, probabilities)
    scores_of = enrolment.measure(answers, EMOTIONS, 10)
    assert scores_of["uar"] == pytest.approx(1 / 8)
    assert scores_of["uar_enrolled"] > 0.9
