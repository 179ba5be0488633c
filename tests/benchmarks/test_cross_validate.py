"""`benchmarks/accuracy/cross_validate.py` on tiny generated corpora."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_corpora import write_emodb, write_savee

from benchmarks.accuracy import cross_validate
from ser.evaluation.metrics import unweighted_average_recall
from ser.labels import CLASS_SETS, EMOTIONS
from ser.recognizer import EmotionRecognizer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    emodb = write_emodb(tmp_path / "emodb", ("03", "08", "09", "10", "11"), num_clips_each=1)
    savee = write_savee(tmp_path / "savee")

    def run(*options: str) -> dict[str, dict]:
        arguments = ["--name", "tiny", "--corpus", "emodb,savee", "--data_dir", f"{emodb},{savee}"]
        arguments += ["--results_dir", str(tmp_path / "results"), "--output_dir", str(tmp_path / "trainer")]
        arguments += ["--feature_cache_dir", str(tmp_path / "features"), "--num_proc", "1"]
        arguments += ["--num_augmented_copies", "0", "--max_steps", "1", *options]
        monkeypatch.setattr(sys, "argv", ["cross_validate.py", *arguments])
        cross_validate.main()
        files = sorted((tmp_path / "results").glob("*/tiny/*.json"))
        return {str(file.relative_to(tmp_path / "results")): json.loads(file.read_text()) for file in files}

    return run


def test_each_corpus_tests_a_model_of_the_others_on_what_they_share(run, tmp_path):
    results = run("--protocol", "leave-one-corpus-out")
    assert list(results) == [f"leave-one-corpus-out/tiny/fold{number}-seed0.json" for number in (0, 1)]
    emodb, savee = results.values()
    assert (emodb["fold"], savee["fold"]) == ("leave-one-corpus-out-emodb", "leave-one-corpus-out-savee")
    assert (emodb["train_corpora"], savee["train_corpora"]) == (["savee"], ["emodb"])
    assert set(emodb["speakers"]) == {f"emodb:{n}" for n in ("03", "08", "09", "10", "11")}
    # SAVEE has surprise, which a model of EmoDB never heard: it is not asked about.
    assert savee["per_corpus"]["savee"]["shared"]["classes"] == list(CLASS_SETS["6"])
    assert savee["per_corpus"]["savee"]["shared"]["num_clips"] == 24
    assert len(savee["clips"]) == 28
    assert savee["per_corpus"]["savee"]["4"]["num_clips"] == 16
    assert savee["uar"] == savee["per_corpus"]["savee"]["shared"]["uar"]
    kept = EmotionRecognizer.from_pretrained(tmp_path / "trainer/tiny/leave-one-corpus-out-savee-seed0")
    clip = next((tmp_path / "savee").rglob(f"{savee['clips'][0]}.*"))
    assert list(kept.predict(clip).values()) == pytest.approx(savee["probabilities"][0], abs=1e-4)


def test_folds_by_actor_score_each_corpus_by_itself(run):
    (name, result), *_ = run("--protocol", "dev5", "--folds", "0").items()
    assert name == "dev5-emodb+savee/tiny/fold0-seed0.json"
    assert set(result["speakers"]) == {"savee:DC", "emodb:03"}
    assert set(result["per_corpus"]) == {"emodb", "savee"}
    uars = [scores["shared"]["uar"] for scores in result["per_corpus"].values()]
    assert result["uar"] == pytest.approx(np.mean(uars))


def test_a_fold_is_kept_and_not_taken_for_one_of_another_recipe(run, monkeypatch):
    dev5 = ("--protocol", "dev5", "--folds", "0", "--architecture", "plain")
    kept = run(*dev5)
    monkeypatch.setattr(cross_validate, "run_fold", lambda *_: pytest.fail("computed again"))
    assert run(*dev5, "--not_sure_below", "0.2") == kept
    with pytest.raises(
        SystemExit, match=r"with learning_rate 0\.002, now 0\.1\. Choose another --name, or delete it"
    ):
        run(*dev5, "--learning_rate", "0.1")


def test_scores_of_ravdess_alone_are_those_of_all_eight_emotions():
    rng = np.random.default_rng(0)
    labels, probabilities = rng.integers(8, size=100), rng.dirichlet(np.ones(8), size=100)
    scores = cross_validate.scores_by_corpus(labels, probabilities, ["ravdess"] * 100, set(EMOTIONS))
    expected = unweighted_average_recall(labels, probabilities.argmax(axis=1))
    assert scores["ravdess"]["shared"]["uar"] == scores["ravdess"]["8"]["uar"] == expected
    assert list(scores["ravdess"]) == ["shared", "8", "6", "4"]
