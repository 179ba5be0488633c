"""The committed tables and README say what the committed result files say."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import calibrate, robustness
from benchmarks.report import results as report
from benchmarks.report.measurements import SHIPPED_RECIPE
from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.evaluation.calibration import apply_temperature
from ser.labels import corpus_classes, restrict_probabilities
from ser.training.recipe import RecipeArguments

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("benchmarks/results", "checkpoint", "checkpoint-accurate", "README.md")
OUTPUTS = ("docs/results.md", "benchmarks/results/results.json", "README.md")


def test_committed_reports_are_those_of_the_result_files(tmp_path: Path) -> None:
    for name in INPUTS:
        source, target = ROOT / name, tmp_path / name
        if not source.exists():
            continue  # not measured yet
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    (tmp_path / "docs").mkdir()
    report.main(tmp_path)
    for name in OUTPUTS:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), (
            f"{name} is out of date: run python -m benchmarks.report.results"
        )


def write_fold(
    folder: Path, fold: int, seed: int, labels: list[int], predictions: list[int], recipe: dict | None = None
) -> None:
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
        "command": "python -m it --protocol dev5 --name it --data_dir d --output_dir o",
        "recipe": recipe or {},
        "training_arguments": {},
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


def test_a_result_of_an_earlier_recipe_says_so(tmp_path: Path) -> None:
    for name, recipe in (
        ("now", {"noise_prob": RecipeArguments().noise_prob, "num_proc": 7}),
        ("before", {"noise_prob": 0.01, "temperature": 9.0}),
    ):
        write_fold(tmp_path / name, 0, 0, [0, 1], [0, 1], recipe)
    summaries = {name: report.summarise(tmp_path / name) for name in ("now", "before")}
    lines = report.protocol_table("dev5", summaries)
    assert [line for line in lines if "earlier recipe" in line] == [
        "**Of an earlier recipe**, trained with noise_prob 0.01, now 0.6: before."
    ]
    for name, told in (("now", True), ("before", False)):
        results = {"luna5": {SHIPPED_RECIPE: summaries[name] | {"is_complete": True}}}
        assert any("(luna5)" in line for line in report.readme_table(results)) == told
    one_fold = report.readme_table({"luna5": {SHIPPED_RECIPE: summaries["now"]}})
    assert not any("(luna5)" in line for line in one_fold)


def test_recipes_on_unlike_folds_are_compared_fold_by_fold(tmp_path: Path) -> None:
    write_fold(tmp_path / "all", 0, 0, [0, 1], [0, 1])
    write_fold(tmp_path / "all", 1, 0, [0, 1], [0, 0])
    write_fold(tmp_path / "some", 0, 0, [0, 1], [0, 1])
    summaries = {name: report.summarise(tmp_path / name) for name in ("all", "some")}
    warning = "Not all of these recipes ran on the same folds: compare them by the points to hybrid."
    assert warning in report.protocol_table("dev5", summaries)
    assert warning not in report.protocol_table("dev5", {"all": summaries["all"]})


def test_a_recipe_is_compared_with_another_on_the_folds_of_both(tmp_path: Path) -> None:
    for fold, answers in enumerate(([0, 1], [0, 0], [0, 1])):  # UAR 1, 1/2, 1
        write_fold(tmp_path / "hybrid", fold, 0, [0, 1], answers)
    for seed in (0, 1):
        write_fold(tmp_path / "plain", 0, seed, [0, 1], [0, 0])  # UAR 1/2
        write_fold(tmp_path / "plain", 1, seed, [0, 1], [0, 0])  # UAR 1/2
    beside = report.summarise(tmp_path / "plain")["beside"]
    assert beside["folds"] == ["dev5-0", "dev5-1"]
    assert beside["uar"] == pytest.approx(-0.25)
    # Of two actors, one makes no difference and one half a point: the mean of any two lies between.
    assert beside["uar_interval"] == {"low": -0.5, "high": 0.0, "confidence": 0.95}
    assert report.summarise(tmp_path / "hybrid")["beside"] is None
    summaries = {name: report.summarise(tmp_path / name) for name in ("hybrid", "plain")}
    table = "\n".join(report.protocol_table("dev5", summaries))
    assert "| -25.0 (-50.0 to 0.0) |" in table


def test_recipes_without_a_common_fold_are_not_compared(tmp_path: Path) -> None:
    write_fold(tmp_path / "hybrid", 0, 0, [0, 1], [0, 1])
    write_fold(tmp_path / "plain", 1, 0, [0, 1], [0, 1])
    assert report.summarise(tmp_path / "plain")["beside"] is None


def test_recipes_tested_on_other_clips_are_not_compared(tmp_path: Path) -> None:
    write_fold(tmp_path / "hybrid", 0, 0, [0, 1], [0, 1])
    write_fold(tmp_path / "plain", 0, 0, [1, 0], [0, 1])
    with pytest.raises(ValueError, match="not tested on the same clips"):
        report.summarise(tmp_path / "plain")


def test_the_command_makes_the_folds_that_are_there():
    runs = [
        {"fold": f"luna5-{fold}", "seed": seed, "command": f"python it.py --folds {fold} --seeds {seed}"}
        for seed in range(3)
        for fold in range(5)
    ]
    assert report.command_of(runs[:5]) == "python it.py"
    assert report.command_of(runs[1:3]) == "python it.py --folds 1 2"
    assert report.command_of(runs) == "python it.py --seeds 0 1 2"
    assert report.command_of(runs[5:7]) == "python it.py --seeds 1 --folds 0 1"
    one_of_many = {"fold": "leave-one-corpus-out-emodb", "seed": 0, "command": "python it.py"}
    assert report.command_of([one_of_many]) == "python it.py"


def test_a_missing_fold_is_named(tmp_path: Path) -> None:
    write_fold(tmp_path, 0, 0, [0, 1], [0, 1])
    write_fold(tmp_path, 1, 0, [0, 1], [0, 1])
    write_fold(tmp_path, 0, 1, [0, 1], [0, 1])
    with pytest.raises(ValueError, match="same folds"):
        report.summarise(tmp_path)


def test_tables_of_conditions_and_calibration_show_what_was_measured() -> None:
    scores = {"uar": 0.5, "uar_lost": 0.125, "uar_lost_interval": {"low": 0.1, "high": 0.15}}
    result = {
        "num_clips": 9,
        "actors": [1],
        "conditions": {"clean": scores, "rain": scores},
        "command": "run",
    }
    lines = robustness.robustness_table(result)
    assert "| clean | 50.0 |  |  |" in lines
    assert "| rain | 50.0 | 12.5 | 10.0 to 15.0 |" in lines


@pytest.mark.parametrize(
    ("checkpoint", "file"),
    [("checkpoint", "calibration.json"), ("checkpoint-accurate", "calibration-accurate.json")],
)
def test_a_shipped_checkpoint_is_calibrated_as_measured(checkpoint: str, file: str) -> None:
    config = json.loads((ROOT / checkpoint / "config.json").read_text())
    measured = json.loads((ROOT / "benchmarks" / "results" / file).read_text())
    for name in ("temperature", "not_sure_below", "confidence_steps"):
        assert config[name] == measured[name], name
    if checkpoint == "checkpoint":
        assert config["temperature"] == RecipeArguments.temperature
        assert config["not_sure_below"] == RecipeArguments.not_sure_below


def test_a_calibration_is_written_into_a_checkpoint_and_changes_nothing_else(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    shutil.copy(ROOT / "checkpoint" / "config.json", config)
    before = json.loads(config.read_text())
    fitted = {"temperature": 1.25, "not_sure_below": 0.45, "confidence_steps": [[0.0, 0.3], [0.5, 0.75]]}
    calibrate.write_into_checkpoint(config, fitted)
    after = MfccLstmConfig.from_pretrained(tmp_path)
    assert (after.temperature, after.not_sure_below) == (1.25, 0.45)
    assert after.confidence_steps == [[0.0, 0.3], [0.5, 0.75]]
    written = json.loads(config.read_text())
    assert {name for name in before if before[name] != written[name]} <= {
        "temperature",
        "not_sure_below",
        "confidence_steps",
    }


def unseen_clips(corpus: str, num_clips: int, temperature: float, seed: int = 0) -> calibrate.UnseenClips:
    """Answers whose labels were drawn from their probabilities, as if divided by `temperature`."""
    rng = np.random.default_rng(seed)
    honest = rng.dirichlet(np.full(8, 0.3), size=num_clips)
    shared = restrict_probabilities(honest, corpus_classes(corpus))
    labels = np.array([rng.choice(len(row), p=row) for row in shared])
    return calibrate.UnseenClips(
        corpus, apply_temperature(honest, 1 / temperature), labels, np.zeros(num_clips, int)
    )


def test_a_calibration_holds_on_the_classes_of_each_corpus() -> None:
    fitted = calibrate.fit(
        {"one": unseen_clips("nemo", 4_000, 2.0), "other": unseen_clips("emodb", 4_000, 2.0)}
    )
    assert fitted["temperature"] == pytest.approx(2.0, abs=0.15)
    for scores in fitted["fitted_on"].values():
        assert scores["ece"] < 0.05 < scores["ece_uncalibrated"]
        assert scores["accuracy"] == pytest.approx(0.7, abs=0.1)
    table = "\n".join(
        calibrate.calibration_table({**fitted, "measured_on": {}, "picture": "p", "command": "c"})
    )
    assert f"**{fitted['temperature']:.2f}**" in table
    assert f"**{fitted['fitted_on']['other']['ece']:.3f}**" in table


def test_a_large_corpus_counts_like_a_small_one() -> None:
    """Two corpora ask for opposite temperatures: the fit lies between them, whatever their sizes are."""
    small = unseen_clips("emodb", 500, 0.5)
    fits = [
        calibrate.fit({"small": small, "large": unseen_clips("nemo", size, 2.0)})["temperature"]
        for size in (500, 5_000)
    ]
    assert fits[0] == pytest.approx(fits[1], rel=0.2)
    assert 0.6 < fits[1] < 1.7


def test_nothing_is_fitted_on_ravdess() -> None:
    with pytest.raises(ValueError, match="fit on other corpora"):
        calibrate.fit({"speech": unseen_clips("ravdess", 50, 1.0)})


def test_more_seeds_do_not_make_the_calibration_look_better() -> None:
    """Two seeds that err in opposite directions are each as far off as before, whatever their mean is."""
    first, second = (unseen_clips("emodb", 2_000, temperature, 1) for temperature in (0.4, 2.5))
    both = calibrate.UnseenClips(
        "emodb",
        np.concatenate([first.probabilities, second.probabilities]),
        np.concatenate([first.labels, second.labels]),
        np.repeat([0, 1], 2_000),
    )
    alone = [calibrate.measure(each, 1.0, 0.0)["ece"] for each in (first, second)]
    measured = calibrate.measure(both, 1.0, 0.0)
    assert measured["ece"] == pytest.approx(np.mean(alone))
    assert measured["num_clips"] == 2_000


def test_conditions_change_the_sound_as_they_say(require_ffmpeg: str) -> None:
    rng = np.random.default_rng(0)
    talkers = [rng.normal(0, 0.1, 8_000).astype(np.float32) for _ in range(8)]
    clip = np.sin(np.arange(16_000) * 0.2).astype(np.float32) * 0.1
    found = robustness.conditions(16_000, talkers)
    assert len(found) == 14
    for name, disturb in found.items():
        changed = disturb(clip, np.random.default_rng(1))
        again = disturb(clip, np.random.default_rng(1))
        np.testing.assert_array_equal(changed, again)
        assert np.isfinite(changed).all(), name
        assert abs(len(changed) - len(clip)) < 4_000, name
        assert np.array_equal(changed, clip) == (name == "clean"), name
        if "dB SNR" in name:
            snr_db = 10 * np.log10(np.mean(clip**2) / np.mean((changed - clip) ** 2))
            assert snr_db == pytest.approx(float(name.split(", ")[1].split()[0]), abs=0.1)
