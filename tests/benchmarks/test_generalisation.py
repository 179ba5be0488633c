"""`docs/generalisation.md` says what the files say, and the scores of strangeness do what their names say."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from random_checkpoint import save_random_checkpoint

from benchmarks.accuracy.nonspeech import KINDS, LEVELS_DB, make_nonspeech
from benchmarks.accuracy.strangeness import Heard, hear, mahalanobis, strangeness_scores
from benchmarks.accuracy.unlike import best_score
from benchmarks.report import generalisation
from ser import EmotionRecognizer
from ser.configuration_mfcc_lstm import VIEWS
from ser.recognizer.out_of_distribution import Strangeness

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("benchmarks/results", "docs", "checkpoint")


def test_the_committed_document_is_that_of_the_files(tmp_path: Path) -> None:
    for name in INPUTS:
        if (ROOT / name).exists():  # git does not keep a folder of results while it is empty
            shutil.copytree(ROOT / name, tmp_path / name)
    generalisation.main([], tmp_path)
    written = (tmp_path / "docs" / "generalisation.md").read_text()
    assert written == (ROOT / "docs" / "generalisation.md").read_text(), (
        "docs/generalisation.md is out of date: run python -m benchmarks.report.generalisation"
    )


def test_folds_over_several_corpora_become_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks" / "results" / "leave-one-corpus-out" / "corpora"
    folder.mkdir(parents=True)
    six = {"classes": list("abcdef"), "num_clips": 30, "accuracy": 0.5}
    for seed, uar in ((0, 0.4), (1, 0.5)):
        result = {
            "fold": "leave-one-corpus-out-emodb",
            "seed": seed,
            "train_corpora": ["ravdess"],
            "per_corpus": {"emodb": {"shared": six | {"uar": uar}, "6": six | {"uar": uar}}},
            "command": "python -m it --protocol p --name it --data_dir d --output_dir o",
            "recipe": {"noise_prob": 0.01, "views": list(VIEWS)},
            "training_arguments": {"bf16": True},
        }
        (folder / f"fold0-seed{seed}.json").write_text(json.dumps(result))
    lines = list(generalisation.cross_corpus_lines(tmp_path))
    rows = [line for line in lines if line.startswith("| EmoDB")]
    assert rows == ["| EmoDB | RAVDESS | 6 | **45.0** | 50.0 | 30 | 16.7 |"]
    assert lines[-1].startswith("**corpora is of an earlier recipe**, trained with noise_prob 0.01, now 0.6")


def test_results_of_ravdess_alone_are_no_business_of_it(tmp_path: Path) -> None:
    (tmp_path / "benchmarks" / "results" / "luna5" / "corpora").mkdir(parents=True)
    assert list(generalisation.cross_corpus_lines(tmp_path)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_sounds_without_speech_are_repeatable_and_of_a_level(kind: str) -> None:
    waveform, again = (make_nonspeech(kind, 16_000, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(waveform, again)
    assert waveform.dtype == np.float32
    assert 1.5 <= len(waveform) / 16_000 <= 5.0
    level_db = 10 * np.log10(np.mean(waveform.astype(np.float64) ** 2))
    low, high = (-90.1, -69.9) if kind == "silence" else (LEVELS_DB[0] - 6.0, LEVELS_DB[1] + 0.1)
    assert low <= level_db <= high  # clicks lose level where their peaks are clipped


def test_mahalanobis_is_the_distance_to_the_nearest_class() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([2, 5], 500)
    known = rng.standard_normal((1000, 3)) * [1, 2, 4] + np.where(labels[:, None] == 2, 0, 100)
    distances = mahalanobis(known, labels)
    assert distances(known).mean() == pytest.approx(3, rel=0.1)  # as many as dimensions
    np.testing.assert_array_less(distances(known), distances(known + np.array([8, 0, 0])))
    assert distances(np.array([[0.0, 0, 0], [100, 100, 100]])).max() < 1


def test_each_score_is_higher_for_what_is_strange() -> None:
    rng = np.random.default_rng(0)

    def heard(offset: float, sureness: float) -> Heard:
        logits = np.zeros((50, 8))
        logits[:, 0] = sureness
        pooled = rng.standard_normal((50, 4)) + np.array([5, offset, 0, 0])
        moving = np.exp(0.1 * rng.standard_normal((50, 12)) + offset / 20)
        return Heard(logits, pooled, moving, np.full(50, offset))

    known = heard(0, 5)
    of_demo = Strangeness(np.ones(12), np.eye(12), 1.0)
    for name, score in strangeness_scores(known, np.arange(50) % 2, of_demo).items():
        assert score(heard(20, 0)).min() > np.median(score(heard(0, 5))), name


def test_what_is_heard_has_a_row_for_each_clip(tmp_path: Path) -> None:
    recognizer = EmotionRecognizer.from_pretrained(save_random_checkpoint(tmp_path))
    waveforms = [make_nonspeech("chords", 16_000, np.random.default_rng(seed)) for seed in range(3)]
    heard = hear(recognizer, waveforms)
    assert [len(part) for part in heard] == [3] * 4
    probabilities = recognizer.predict_probabilities(waveforms)
    np.testing.assert_array_equal(heard.logits.argmax(axis=1), probabilities.argmax(axis=1))
    assert len(hear(recognizer, waveforms[:1]).pooled) == 1  # and the hook is gone


def test_the_best_score_hears_the_lack_of_a_voice_and_not_the_noise() -> None:
    auroc = {
        "hears noise": {"no speech": 1.0, "voice in noise": 0.99},
        "hears voices": {"no speech": 0.95, "voice in noise": 0.6},
        "hears nothing": {"no speech": 0.5, "voice in noise": 0.5},
    }
    assert best_score(auroc) == "hears voices"
    assert "reached by: hears voices.**" in generalisation.use_sentence(auroc)
    only_noise = {"hears noise": auroc["hears noise"]}
    assert best_score(only_noise) == "hears noise"
    assert "reached by none.**" in generalisation.use_sentence(only_noise)


def test_both_folders_are_needed_to_measure() -> None:
    with pytest.raises(SystemExit):
        generalisation.main(["--ravdess_dir", "data"])
