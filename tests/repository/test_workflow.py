"""The workflow of the project's public life calls what everybody calls, and trusts no tag."""

import re
from pathlib import Path

import yaml

REPO = Path(__file__).resolve().parents[2]
WORKFLOW = REPO / ".github" / "workflows" / "check.yml"
JOBS = yaml.safe_load(WORKFLOW.read_text())["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]


def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is():
    lines = re.findall(r"uses: (.*)", WORKFLOW.read_text())
    assert len(lines) == sum("uses" in step for step in STEPS)
    assert [
        line for line in lines if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    ] == []


def test_it_runs_make_targets_that_exist():
    targets = [target for step in STEPS for target in re.findall(r"\bmake ([\w-]+)", step.get("run", ""))]
    assert set(targets) == {"lint", "test", "conformance", "container-test", "space"}
    assert set(targets) <= set(re.findall(r"^([\w-]+):", (REPO / "Makefile").read_text(), re.MULTILINE))


def test_secrets_reach_the_push_to_the_space_alone_and_only_after_all_checks():
    with_secrets = [step for step in STEPS if "secrets." in str(step)]
    assert len(with_secrets) == 1
    assert "make space" in with_secrets[0]["run"]
    assert with_secrets[0] in JOBS["space"]["steps"]
    assert set(JOBS["space"]["needs"]) == set(JOBS) - {"space"}
    assert "github.event_name == 'push'" in JOBS["space"]["if"]
    assert not [step for step in STEPS if "${{" in step.get("run", "")]  # no value becomes part of a command
