"""Training survives kills, damage and a full disk. `SER_HARDENING=1` kills 50 times in place of 3."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from training_runs import (
    NUM_STEPS,
    checkpoints,
    finish,
    start,
    start_on_small_disk,
    start_server,
    wait_for_checkpoint,
    weights,
)

from ser.training.checkpoints import (
    DAMAGED_PREFIX,
    SETTINGS_NAME,
    SUMS_NAME,
    checkpoint_to_resume,
    damage,
    newest_whole,
    seal,
)
from ser.training.recipe import RecipeTrainingArguments
from ser.training.termination import SECONDS

NUM_KILLS = 50 if os.environ.get("SER_HARDENING") else 3
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="mounts a disk as Linux does")


@pytest.fixture(scope="module")
def corpus(write_ravdess, tmp_path_factory) -> Path:
    return write_ravdess(tmp_path_factory.mktemp("corpus"), actors=(1, 2))


@pytest.fixture(scope="module")
def undisturbed(corpus, tmp_path_factory) -> tuple[Path, float]:
    """The folder of a training that nothing interrupted, and the seconds it took."""
    folder = tmp_path_factory.mktemp("undisturbed")
    start_server()
    begin = time.monotonic()
    finish(corpus, folder)
    return folder, time.monotonic() - begin


@pytest.fixture
def sealed(tmp_path) -> Path:
    """A folder with two checkpoints of made-up content, sealed."""
    for step in (5, 10):
        checkpoint = tmp_path / f"checkpoint-{step}"
        checkpoint.mkdir()
        best = tmp_path / "checkpoint-5"
        state = {"global_step": step, "best_model_checkpoint": str(best) if step == 10 else None}
        (checkpoint / "trainer_state.json").write_text(json.dumps(state))
        for name in ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
            (checkpoint / name).write_bytes(np.random.default_rng(step).bytes(2000))
        seal(checkpoint, {"seed": 1})
    return tmp_path


def spoil(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "removed":
        file.unlink()
    elif how == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 3] ^= 4
        file.write_bytes(content)


@pytest.mark.timeout(7200)  # the long form
def test_after_kills_at_any_moment_the_weights_are_those_of_an_undisturbed_training(
    corpus, undisturbed, tmp_path
):
    folder, seconds = undisturbed
    rng = np.random.default_rng(0)
    num_kills, num_trainings = 0, 0
    while num_kills < NUM_KILLS:
        num_trainings += 1
        interrupted = tmp_path / str(num_trainings)
        exit_code = None
        while exit_code != 0:
            process = start(corpus, interrupted)
            if num_kills < NUM_KILLS:
                process.join(rng.uniform(0.1, 0.8) * seconds)
                process.kill()
            process.join(240)
            exit_code = process.exitcode
            assert exit_code in (0, -9), (interrupted / "log").read_text()[-3000:]
            num_kills += exit_code == -9
        assert weights(interrupted) == weights(folder)
        shutil.rmtree(interrupted)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_it_came_in(corpus, undisturbed, tmp_path, number):
    process = start(corpus, tmp_path, "--save_steps", "3")
    wait_for_checkpoint(tmp_path, process)
    os.kill(process.pid, number)
    process.join(60)
    assert process.exitcode == 128 + number
    assert "--resume_from_checkpoint auto" in (tmp_path / "log").read_text()
    assert not (tmp_path / "out" / "model.safetensors").exists()
    step = int(checkpoints(tmp_path)[-1].name.split("-")[1])
    assert 3 <= step < NUM_STEPS  # 3 if it came before the one that was waited for was done
    state = json.loads((checkpoints(tmp_path)[-1] / "trainer_state.json").read_text())
    seconds_before = state["log_history"][-1][SECONDS]
    assert finish(corpus, tmp_path) == weights(undisturbed[0])
    metrics = json.loads((tmp_path / "out" / "training_metrics.json").read_text())
    assert metrics["total_seconds"] > metrics["train_runtime"] > seconds_before > 0


@linux_only
def test_a_full_disk_is_a_sentence_and_leaves_the_checkpoint_before(corpus, undisturbed, tmp_path):
    process = start_on_small_disk(corpus, tmp_path, num_megabytes=27)  # a checkpoint has ten
    process.join(240)
    if not (tmp_path / "report.json").exists() and not (tmp_path / "log").exists():
        pytest.skip("this machine lets nobody mount a disk in a namespace")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["message"].startswith("Error: The disk of ")
    assert "Free some space and resume with --resume_from_checkpoint auto." in report["message"]
    assert report["whole"] == "checkpoint-4"
    assert (tmp_path / "weights").read_bytes() == weights(undisturbed[0])


def test_a_real_checkpoint_is_verified_by_sha256sum_too(undisturbed):
    last = checkpoints(undisturbed[0])[-1]
    assert last.name == f"checkpoint-{NUM_STEPS}"
    assert {"model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"} < {
        file.name for file in last.iterdir()
    }
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS_NAME], cwd=last, check=True)


def test_the_one_before_a_damaged_checkpoint_leads_to_the_same_weights(corpus, undisturbed, tmp_path):
    shutil.copytree(undisturbed[0], tmp_path, dirs_exist_ok=True)
    last = checkpoints(tmp_path)[-1]
    spoil(last / "optimizer.pt", "flipped")
    (tmp_path / "out" / "model.safetensors").unlink()
    assert finish(corpus, tmp_path) == weights(undisturbed[0])
    log = (tmp_path / "log").read_text()
    assert (
        f"{last.name} cannot be used and is now damaged-{last.name}: optimizer.pt changed or missing" in log
    )


@pytest.mark.parametrize("how", ["removed", "cut", "flipped"])
def test_damage_to_any_file_is_named_and_set_aside(sealed, how):
    names = sorted(file.name for file in (sealed / "checkpoint-10").iterdir())
    assert len(names) == 7
    for name in names:
        shutil.rmtree(sealed / "copy", ignore_errors=True)
        (sealed / "copy").mkdir()
        for step in (5, 10):
            shutil.copytree(sealed / f"checkpoint-{step}", sealed / "copy" / f"checkpoint-{step}")
        spoil(sealed / "copy" / "checkpoint-10" / name, how)
        problem = damage(sealed / "copy" / "checkpoint-10")
        assert problem is not None
        assert name in problem or name == SUMS_NAME
        assert newest_whole(sealed / "copy") == sealed / "copy" / "checkpoint-5"
        assert sorted(folder.name for folder in (sealed / "copy").iterdir()) == [
            "checkpoint-5",
            f"{DAMAGED_PREFIX}checkpoint-10",
        ]


def test_any_cut_and_any_flip_of_the_sums_themselves_is_noticed(sealed):
    sums = sealed / "checkpoint-5" / SUMS_NAME
    content = sums.read_bytes()
    for length in range(len(content)):
        sums.write_bytes(content[:length])
        assert damage(sums.parent)
    for position in range(len(content)):
        sums.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        assert damage(sums.parent)


def test_a_checkpoint_that_is_not_there_is_no_unfinished_one(sealed):
    assert damage(sealed / "checkpoint-7") == "it does not exist"


def test_a_file_that_was_not_sealed_is_noticed(sealed):
    (sealed / "checkpoint-10" / "scaler.pt").write_bytes(b"")
    assert newest_whole(sealed) == sealed / "checkpoint-5"


def test_a_checkpoint_whose_best_one_is_damaged_is_not_used(sealed):
    """At its end training would return to the best one, and load it unseen."""
    spoil(sealed / "checkpoint-5" / "model.safetensors", "flipped")
    assert newest_whole(sealed) is None
    assert {folder.name for folder in sealed.iterdir()} == {"damaged-checkpoint-5", "damaged-checkpoint-10"}


def test_the_same_accident_twice_leaves_one_folder(sealed):
    for _ in range(2):
        (sealed / "checkpoint-15").mkdir()
        assert newest_whole(sealed) == sealed / "checkpoint-10"
    assert len(list(sealed.iterdir())) == 3


def test_only_the_same_training_goes_on(sealed):
    arguments = RecipeTrainingArguments(output_dir=str(sealed))
    newest = str(sealed / "checkpoint-10")
    assert checkpoint_to_resume(None, arguments, {"seed": 1}) is None
    for wanted in ("auto", True, newest):
        assert checkpoint_to_resume(wanted, arguments, {"seed": 1}) == newest
    with pytest.raises(ValueError, match=r"checkpoint-10 belongs to .*\(seed: 1, now 2\).*another folder"):
        checkpoint_to_resume("auto", arguments, {"seed": 2})


def test_a_damaged_checkpoint_asked_for_by_name_is_refused(sealed):
    arguments = RecipeTrainingArguments(output_dir=str(sealed))
    (sealed / "checkpoint-5" / SETTINGS_NAME).unlink()
    with pytest.raises(ValueError, match=r"checkpoint-5 cannot be used: run_settings\.json changed"):
        checkpoint_to_resume(str(sealed / "checkpoint-5"), arguments, {"seed": 1})


def test_where_there_is_no_checkpoint_training_begins(tmp_path):
    for folder in (tmp_path, tmp_path / "not-there"):
        assert checkpoint_to_resume("auto", RecipeTrainingArguments(output_dir=str(folder)), {}) is None


def test_one_checkpoint_is_too_few_to_keep(tmp_path):
    with pytest.raises(ValueError, match="save_total_limit must be 2 or more, got 1"):
        RecipeTrainingArguments(output_dir=str(tmp_path), save_total_limit=1)
