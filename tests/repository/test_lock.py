"""The locks hold exactly what is installed and tested here, with hashes, and name no index."""

import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).resolve().parents[2]
ENTRY = re.compile(
    r"^(?P<name>[\w.-]+)==(?P<version>[\w.]+)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M
)


def locked(name: str) -> dict[str, str]:
    text = (REPO / f"{name}.lock").read_text()
    entries = {match["name"]: match["version"] for match in ENTRY.finditer(text)}
    without_entries = ENTRY.sub("", text)
    assert not re.sub(r"^#.*$", "", without_entries, flags=re.MULTILINE).strip(), "something is not hashed"
    assert "://" not in text
    assert "--index" not in text
    return entries


def needed(names: set[str]) -> set[str]:
    """Everything that must be installed for some packages to work."""
    found: set[str] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            if (key := f"{canonicalize_name(requirement.name)}[{extra}]") in found:
                continue
            found.add(key)
            for line in requires(requirement.name) or []:
                child = Requirement(line)
                if child.marker is None or child.marker.evaluate({"extra": extra}):
                    waiting.append(child)
    return {key.partition("[")[0] for key in found}


@pytest.mark.parametrize("name", ["requirements", "requirements-demo", "requirements-dev"])
def test_the_lock_is_what_is_installed_and_all_of_it(name: str):
    lines = (REPO / f"{name}.txt").read_text().splitlines()
    if name == "requirements-dev":
        for base in ("requirements.txt", "requirements-ray.txt"):
            lines += (REPO / base).read_text().splitlines()
    pins = {line.split("==")[0] for line in lines if line and not line.startswith(("#", "-r "))}
    entries = locked(name)
    assert set(entries) == needed(pins)
    installed = {package: version(package).partition("+")[0] for package in entries}
    assert entries == installed


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_torch_may_be_any_build_of_its_version(name: str):
    text = (REPO / f"{name}.lock").read_text()
    (torch,) = (match for match in ENTRY.finditer(text) if match["name"] == "torch")
    assert torch["hashes"].count("sha256") >= 2
