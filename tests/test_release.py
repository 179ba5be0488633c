"""A release goes on where it was broken off, tells its plan, and collects what would be published."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from documented_commands import check_command
from random_checkpoint import save_random_checkpoint

from release import __main__ as release
from release.collecting import SUMS_FILE, install
from release.plan import CORPUS_FOLDER, EMODB_FOLDER, link_corpora, release_steps, sources
from release.step import Step, StepError, carry_out, is_done
from release.version import check_version, next_version, project_version, release_notes, set_version

REPO = Path(__file__).resolve().parents[1]
CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [0.1.0] - 2025-01-01\n\n- The first.\n"
)
PROJECT = '[project]\nname = "ser"\nversion = "0.1.0"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a version and changes."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    (root / "pyproject.toml").write_text(PROJECT)
    return root


@pytest.fixture
def log_step(root: Path) -> Callable[..., Step]:
    """`log_step(name, inputs=(), clears=(), fails=lambda: False)`: a step that writes its name into a log."""

    def act(name: str, fails: Callable[[], bool]) -> None:
        with (root / "log").open("a") as log:
            log.write(f"{name} ")
        if fails():
            raise ValueError("no luck")

    def make(name: str, inputs=(), clears=(), fails=lambda: False) -> Step:
        return Step(name, "writes a log", partial(act, name, fails), inputs, clears)

    return make


def run(root: Path, steps: list[Step]) -> None:
    for step in steps:
        if not is_done(root, root / "notes", step):
            carry_out(root, root / "notes", step)


def test_a_release_goes_on_with_the_step_that_failed(root: Path, log_step: Callable[..., Step]):
    failing = True
    steps = [log_step("one"), log_step("two", fails=lambda: failing), log_step("three")]
    with pytest.raises(StepError, match=r"step two failed: no luck"):
        run(root, steps)
    failing = False
    run(root, steps)
    run(root, steps)
    assert (root / "log").read_text().split() == ["one", "two", "two", "three"]


def test_what_is_made_from_changed_files_is_made_again(root: Path, log_step: Callable[..., Step]):
    (root / "code.py").write_text("1")
    steps = [log_step("train", inputs=("*.py",)), log_step("publish", inputs=("*.md",))]
    run(root, steps)
    (root / "code.py").write_text("2")
    run(root, steps)
    assert (root / "log").read_text().split() == ["train", "publish", "train"]


def test_old_results_are_cleared_when_a_step_begins_and_kept_when_it_goes_on(
    root: Path, log_step: Callable[..., Step]
):
    (root / "results").mkdir()
    old, new, failing = root / "results" / "old.json", root / "results" / "new.json", True

    def leave_a_result_and_fail() -> bool:
        if failing:
            new.touch()
        return failing

    old.touch()
    step = log_step("validate", clears=("results/*",), fails=leave_a_result_and_fail)
    with pytest.raises(StepError):
        run(root, [step])
    assert (old.exists(), new.exists()) == (False, True)
    failing = False
    run(root, [step])
    assert new.exists()


def test_a_command_that_fails_is_a_step_that_failed(root: Path):
    step = Step("speak", "say something", (sys.executable, "-c", "raise SystemExit(3)"), ())
    with pytest.raises(StepError, match=r"speak failed.*status 3"):
        carry_out(root, root / "notes", step)
    assert not is_done(root, root / "notes", step)


def test_the_version_takes_the_unreleased_entries_with_it_once(root: Path):
    for _ in range(2):
        set_version(root, "0.2.0", date(2026, 3, 4))
    changelog = (root / "CHANGELOG.md").read_text()
    assert "## [Unreleased]\n\n## [0.2.0] - 2026-03-04\n\n### Added\n\n- A thing.\n\n## [0.1.0]" in changelog
    assert changelog.count("0.2.0") == 1
    assert release_notes(changelog, "0.2.0") == "### Added\n\n- A thing."
    assert release_notes(changelog, "Unreleased") == ""
    assert project_version((root / "pyproject.toml").read_text()) == "0.2.0"
    with pytest.raises(ValueError, match="nothing under Unreleased"):
        set_version(root, "0.3.0", date(2026, 3, 5))


@pytest.mark.parametrize(
    ("version", "message"), [("0.1.0", "not later"), ("0.0.9", "later"), ("1.2", "three")]
)
def test_a_version_that_is_none_or_goes_back_is_refused(version: str, message: str):
    with pytest.raises(ValueError, match=message):
        check_version(version, "0.1.0")


def test_versions_are_compared_as_numbers():
    check_version("0.10.0", "0.9.3")
    assert next_version("0.9.3") == "0.10.0"


def test_every_command_of_the_plan_is_understood_by_its_program(monkeypatch: pytest.MonkeyPatch):
    steps = release_steps(REPO, "9.9.9", {}, REPO / "output" / "release" / "9.9.9", "someone/voices")
    commands = [step.action for step in steps if isinstance(step.action, tuple)]
    assert len(commands) > 5
    for command in commands:
        check_command(" ".join(command).replace(sys.executable, "python"), monkeypatch)
    made_later = ("output/", "benchmarks/results/")
    patterns = {pattern for step in steps for pattern in step.inputs if not pattern.startswith(made_later)}
    assert [pattern for pattern in patterns if not any(REPO.glob(pattern))] == []


def test_what_a_training_is_made_from_is_found_by_its_imports():
    found = sources(REPO, "ser/training.py", "ser/corpora/__init__.py")
    assert {"ser/training.py", "ser/recipe.py", "ser/augmentation.py", "ser/corpora/ravdess.py"} <= set(found)
    assert not {"ser/publishing.py", "ser/demo/page.py", "ser/plots.py"} & set(found)


def test_the_corpus_is_found_where_the_commands_look_for_it(tmp_path: Path):
    corpus, other, root = tmp_path / "corpus", tmp_path / "other", tmp_path / "root"
    for folder in (corpus, other, root):
        folder.mkdir()
    for _ in range(2):
        link_corpora(root, {CORPUS_FOLDER: corpus, EMODB_FOLDER: other})
    assert (root / CORPUS_FOLDER).samefile(corpus)
    assert (root / EMODB_FOLDER).samefile(other)
    with pytest.raises(ValueError, match="is not"):
        link_corpora(root, {CORPUS_FOLDER: other})
    with pytest.raises(ValueError, match=f"no corpus for {EMODB_FOLDER}"):
        link_corpora(root, {EMODB_FOLDER: tmp_path / "nowhere"})


def test_new_weights_take_the_place_of_the_old_and_the_licence_stays(tmp_path: Path):
    shipped = tmp_path / "checkpoint"
    shipped.mkdir()
    (shipped / "LICENSE.md").write_text("share alike")
    (shipped / "leftover.json").touch()
    model = save_random_checkpoint(tmp_path / "model")
    (model / "training_args.bin").touch()
    (model / "checkpoint-7").mkdir()
    install(tmp_path, model)
    names = {file.name for file in shipped.iterdir()}
    assert {"config.json", "model.safetensors", "preprocessor_config.json", "LICENSE.md"} <= names
    assert not names & {"leftover.json", "training_args.bin", "checkpoint-7", "README.md"}
    assert (shipped / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


def test_a_dry_run_tells_every_step_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], tiny_ravdess: Path
):
    before = subprocess.run(
        ["git", "status", "--porcelain"], cwd=REPO, capture_output=True, check=True
    ).stdout
    places = ["--data_dir", str(tiny_ravdess), "--emodb_dir", str(tiny_ravdess)]
    release.main([*places, "--dry_run", "--version", "99.0.0"])
    printed = capsys.readouterr().out
    steps = release_steps(REPO, "99.0.0", {}, REPO / "output" / "release" / "99.0.0", "a/b")
    positions = [printed.index(f"to do  {step.name} ") for step in steps]
    assert positions == sorted(positions)
    assert printed.count("   (in this program)\n") == sum(callable(step.action) for step in steps) > 0
    assert "Nothing was done." in printed
    after = subprocess.run(["git", "status", "--porcelain"], cwd=REPO, capture_output=True, check=True).stdout
    assert before == after
    assert not (REPO / "output" / "release" / "99.0.0").exists()


def test_a_dry_run_says_what_a_release_would_fail_by(tmp_path: Path):
    places = ["--data_dir", str(tmp_path / "nowhere"), "--emodb_dir", str(tmp_path)]
    with pytest.raises(SystemExit, match=r"(?s)no corpus for data/ravdess.*not later"):
        release.main([*places, "--dry_run", "--version", "0.0.1"])


def test_a_release_broken_off_goes_on_and_leaves_what_would_be_published(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The true plan, with the long steps cut short and the second one failing at first."""
    for name in ("checkpoint", "docs", "examples", "ser"):
        shutil.copytree(REPO / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "LICENSE", "app.py", "requirements.txt", "packages.txt", "model_card.md"):
        shutil.copy(REPO / name, root)
    monkeypatch.setattr(release, "committed_version", lambda _: "0.1.0")
    monkeypatch.setattr(release, "release_steps", shortened_steps)
    arguments = ["--data_dir", str(root / "corpus"), "--emodb_dir", str(root / "corpus")]
    (root / "corpus").mkdir()
    with pytest.raises(SystemExit, match=r"step train failed(?s:.*)Run the same command again"):
        release.main(arguments, root)
    (root / "trained").touch()
    release.main(arguments, root)
    assert capsys.readouterr().out.count("] corpora: ") == 1  # not again
    publish = root / "output" / "release" / "0.2.0" / "publish"
    assert (publish / "CHANGES.md").read_text() == "# 0.2.0\n\n### Added\n\n- A thing.\n"
    assert {"config.json", "model.safetensors", "README.md"} <= {
        f.name for f in (publish / "model").iterdir()
    }
    assert (publish / "space" / "app.py").read_bytes() == (REPO / "app.py").read_bytes()
    sums = dict(reversed(line.split("  ")) for line in (publish / SUMS_FILE).read_text().splitlines())
    files = {file.relative_to(publish).as_posix() for file in publish.rglob("*") if file.is_file()}
    assert files == sums.keys() | {SUMS_FILE}
    assert all(hashlib.sha256((publish / name).read_bytes()).hexdigest() == sums[name] for name in sums)


def shortened_steps(root: Path, *arguments: Any) -> list[Step]:
    kept = {"corpora", "version", "collect"}
    condition = (
        f"import pathlib, sys; sys.exit(not pathlib.Path({json.dumps(str(root / 'trained'))}).exists())"
    )
    long_command = (sys.executable, "-c", condition)
    return [
        Step(step.name, step.purpose, step.action if step.name in kept else long_command, ())
        for step in release_steps(root, *arguments)
    ]
