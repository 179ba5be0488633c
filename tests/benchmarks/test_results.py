"""The committed tables and README say what the committed result files say."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import calibrate, robustness
from benchmarks.report import results as report
from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.evaluation.calibration import apply_temperature
from ser.labels import EMOTIONS, corpus_classes, restrict_probabilities
from ser.training.recipe import RecipeArguments

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("benchmarks/results", "checkpoint/training_metrics.json", "README.md")
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
    today = {"views": RecipeArguments().views, "bf16": True}
    for name, recipe in (
        ("now", {"noise_prob": RecipeArguments().noise_prob, "num_proc": 7}),
        ("before", {"noise_prob": 0.01, "temperature": 9.0}),
    ):
        write_fold(tmp_path / name, 0, 0, [0, 1], [0, 1], today | recipe)
    summaries = {name: report.summarise(tmp_path / name) for name in ("now", "before")}
    lines = report.protocol_table("dev5", summaries)
    assert [line for line in lines if "earlier recipe" in line] == [
        "**before is of an earlier recipe**, trained with noise_prob 0.01, now 0.6: run its command to "
        "measure it anew."
    ]
    for name, told in (("now", True), ("before", False)):
        results = {"shipped": {"checkpoint": summaries["now"]}, "luna5": {"corpora": summaries[name]}}
        assert ("(luna5)" in report.readme_table(results)) == told


def test_recipes_on_unlike_folds_are_compared_fold_by_fold(tmp_path: Path) -> None:
    write_fold(tmp_path / "all", 0, 0, [0, 1], [0, 1])
    write_fold(tmp_path / "all", 1, 0, [0, 1], [0, 0])
    write_fold(tmp_path / "some", 0, 0, [0, 1], [0, 1])
    summaries = {name: report.summarise(tmp_path / name) for name in ("all", "some")}
    warning = "Not all of these recipes ran on the same folds: compare them by the points to another."
    assert warning in report.protocol_table("dev5", summaries)
    assert warning not in report.protocol_table("dev5", {"all": summaries["all"]})


def test_a_recipe_is_compared_with_another_on_the_folds_of_both(tmp_path: Path) -> None:
    for fold, answers in enumerate(([0, 1], [0, 0], [0, 1])):  # UAR 1, 1/2, 1
        write_fold(tmp_path / "hybrid", fold, 0, [0, 1], answers)
    for seed in (0, 1):
        write_fold(tmp_path / "plain", 0, seed, [0, 1], [0, 0])  # UAR 1/2
        write_fold(tmp_path / "plain", 1, seed, [0, 1], [0, 0])  # UAR 1/2
    beside = report.summarise(tmp_path / "plain")["beside"]
    assert beside["baseline"] == "hybrid"
    assert beside["folds"] == ["dev5-0", "dev5-1"]
    assert beside["uar"] == pytest.approx(-0.25)
    # Of two actors, one makes no difference and one half a point: the mean of any two lies between.
    assert beside["uar_interval"] == {"low": -0.5, "high": 0.0, "confidence": 0.95}
    assert report.summarise(tmp_path / "hybrid")["beside"] is None
    summaries = {name: report.summarise(tmp_path / name) for name in ("hybrid", "plain")}
    table = "\n".join(report.protocol_table("dev5", summaries))
    assert "| -25.0 (-50.0 to 0.0) to hybrid |" in table


def test_changes_of_one_network_are_compared_with_one_network(tmp_path: Path) -> None:
    write_fold(tmp_path / "hybrid", 0, 0, [0, 1], [0, 1])
    write_fold(tmp_path / "single", 0, 0, [0, 1], [0, 0])
    write_fold(tmp_path / "single_no_noise", 0, 0, [0, 1], [0, 1])
    write_fold(tmp_path / "single_no_copies", 1, 0, [0, 1], [0, 1])
    assert report.summarise(tmp_path / "single")["beside"]["baseline"] == "hybrid"
    assert report.summarise(tmp_path / "single_no_noise")["beside"]["baseline"] == "single"
    assert report.summarise(tmp_path / "single_no_copies")["beside"] is None, "no fold is shared"


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

    clips = calibrate.HeldOutClips(*(np.array(each) for each in honest_clips()))
    measured = {
        **calibrate.fit_shipped(clips),
        "cross_fitted": calibrate.measure(clips, *calibrate.cross_fitted(clips)),
    }
    table = "\n".join(calibrate.calibration_table({**measured, "command": "run"}))
    assert f"**{measured['temperature']:.2f}**" in table
    assert f"| **{measured['cross_fitted']['ece']:.3f}** |" in table


def test_the_shipped_checkpoint_is_calibrated_as_measured() -> None:
    config = json.loads((ROOT / "checkpoint" / "config.json").read_text())
    measured = json.loads((ROOT / "benchmarks" / "results" / "calibration.json").read_text())
    assert config["temperature"] == measured["temperature"] == RecipeArguments.temperature
    assert config["not_sure_below"] == measured["fitted"]["threshold"] == RecipeArguments.not_sure_below
    assert config["confidence_steps"] == measured["fitted"]["confidence_steps"]


def test_a_calibration_is_written_into_a_checkpoint_and_changes_nothing_else(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    shutil.copy(ROOT / "checkpoint" / "config.json", config)
    before = json.loads(config.read_text())
    fitted = {"threshold": 0.45, "confidence_steps": [[0.0, 0.3], [0.5, 0.75]]}
    calibrate.write_into_checkpoint(config, {"temperature": 1.25, "fitted": fitted})
    after = MfccLstmConfig.from_pretrained(tmp_path)
    assert (after.temperature, after.not_sure_below) == (1.25, 0.45)
    assert after.confidence_steps == [[0.0, 0.3], [0.5, 0.75]]
    written = json.loads(config.read_text())
    assert {name for name in before if before[name] != written[name]} <= {
        "temperature",
        "not_sure_below",
        "confidence_steps",
    }


def test_what_ships_is_not_calibrated_on_the_actors_it_is_tested_on() -> None:
    clips = calibrate.HeldOutClips(*(np.array(each) for each in honest_clips()))
    assert calibrate.fit_shipped(clips)["temperature"] == pytest.approx(1.0, abs=0.01)
    with pytest.raises(ValueError, match=r"actors \[23, 24\]"):
        calibrate.fit_shipped(clips._replace(actors=clips.actors + 22))


def test_a_temperature_for_strangers_asks_about_their_corpus_alone() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(8), size=4000)
    shared = restrict_probabilities(probabilities, corpus_classes("nemo"))
    drawn = [rng.choice(corpus_classes("nemo"), p=row) for row in shared]
    labels = np.array([EMOTIONS.index(emotion) for emotion in drawn])
    clips = calibrate.HeldOutClips(apply_temperature(probabilities, 0.5), labels, *np.zeros((3, 4000), int))
    fitted = calibrate.fit_shipped(clips, "nemo")
    assert fitted["temperature"] == pytest.approx(2.0, abs=0.15)
    assert fitted["fitted"]["ece"] < fitted["fitted"]["ece_uncalibrated"]
    assert fitted["fitted_on"] == "nEMO, left out of training"


def test_what_ships_is_calibrated_by_models_that_never_heard_those_actors(tmp_path: Path) -> None:
    """dev5 decides what ships and luna5, which trains on them, what that is worth."""
    (tmp_path / "docs" / "images").mkdir(parents=True)
    results = tmp_path / "benchmarks" / "results"
    arguments = ["--recipe", "hybrid"]
    with pytest.raises(SystemExit, match="no results of hybrid on dev5"):
        calibrate.main(arguments, root=tmp_path)
    for protocol in ("dev5", "luna5"):
        shutil.copytree(ROOT / "benchmarks" / "results" / protocol / "hybrid", results / protocol / "hybrid")
    calibrate.main(arguments, root=tmp_path)
    written = tmp_path / "benchmarks" / "results" / "calibration.json"
    whole = json.loads(written.read_text())
    (results / "dev5" / "hybrid" / "fold0-seed0.json").unlink()
    calibrate.main(arguments, root=tmp_path)
    fewer = json.loads(written.read_text())
    assert fewer["fitted"] != whole["fitted"]
    assert fewer["cross_fitted"] == whole["cross_fitted"]


def honest_clips(num_clips: int = 400) -> tuple[list, ...]:
    """Sure at 90 % and right as often, of two actors in two folds, with one seed."""
    labels = [0 if clip % 10 else 1 for clip in range(num_clips)]
    actors = [1 + clip // (num_clips // 2) for clip in range(num_clips)]
    folds = [f"luna5-{actor}" for actor in actors]
    return [[0.9, 0.1]] * num_clips, labels, actors, folds, [0] * num_clips


def test_more_seeds_do_not_make_the_calibration_look_better() -> None:
    """Two seeds that err in opposite directions are each as far off as before, whatever their mean is."""
    probabilities, labels, *_ = (np.array(each) for each in honest_clips(100))
    too_modest, too_sure = [[0.8, 0.2]] * 100, [[0.9999, 0.0001]] * 100
    seeds = np.repeat([0, 1], 100)
    off = calibrate.mean_ece(np.array(too_modest + too_sure), np.tile(labels, 2), seeds)
    assert off == pytest.approx(0.1, abs=1e-3)
    assert calibrate.mean_ece(probabilities, labels, seeds[:100]) == pytest.approx(0.0, abs=1e-9)


def test_calibration_never_looks_at_the_actors_it_is_measured_on() -> None:
    """Actor 1 is always right and actor 2 never: what either gets follows from the other alone."""
    probabilities, _, actors, folds, seeds = honest_clips()
    labels = [0 if actor == 1 else 1 for actor in actors]
    labels[-40:], probabilities[-40:] = [0] * 40, [[0.999, 0.001]] * 40  # some deserve an answer
    clips = calibrate.HeldOutClips(
        *(np.array(each) for each in (probabilities, labels, actors, folds, seeds))
    )
    calibrated, _ = calibrate.cross_fitted(clips)
    first, second = calibrated[0].max(), calibrated[200].max()
    assert first < 0.6  # fitted on actor 2, who is mostly misheard
    assert second > 0.99  # fitted on actor 1, who is always understood


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
