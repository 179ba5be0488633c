"""The public workflow trusts no tag, and lets secrets reach one step alone."""

import re
from pathlib import Path

import yaml

WORKFLOW = Path(__file__).resolve().parents[2] / ".github" / "workflows" / "check.yml"
JOBS = yaml.safe_load(WORKFLOW.read_text())["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]


def test_every_action_is_pinned_to_a_commit():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action)] == []


def test_secrets_reach_the_push_to_the_space_alone_and_only_after_all_checks():
    with_secrets = [step for step in STEPS if "secrets." in str(step)]
    assert with_secrets == [step for step in JOBS["space"]["steps"] if "make space" in step.get("run", "")]
    assert set(JOBS["space"]["needs"]) == set(JOBS) - {"space"}
    assert "github.event_name == 'push'" in JOBS["space"]["if"]
    assert not [step for step in STEPS if "${{" in step.get("run", "")]  # no value becomes part of a command
