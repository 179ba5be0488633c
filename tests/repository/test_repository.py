"""The repository as a whole: what must not lie in it, and that its commands and pins hold."""

import ast
import re
import subprocess
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPO = Path(__file__).resolve().parents[2]
MAX_FILE_BYTES = 2**20
MAX_CHECKPOINT_BYTES = {"checkpoint": 10_000_000, "checkpoint-accurate": 40_000_000}  # weights and graphs
BROWSER_PROGRAMS = ("benchmarks/demo/", "benchmarks/speed/")
AUDIO_SUFFIXES = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".webm", ".mp4", ".wma"}
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:work|root|opt|Users|home(?!/user\b))/\w")
PRIVATE_REGISTRY = re.compile(
    r"https?://(?!(?:pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|deb\.debian\.org)\b)"
    r"[^/\s\"']*(?:pypi|npm|registry|mirror|artifactory|nexus)[^/\s\"']*"
)
REQUIREMENTS = [f"requirements{extra}.txt" for extra in ("", "-dev", "-onnx", "-ray")]
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.]+)  # \S.*")


def _tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=True)
    files = [REPO / name for name in listing.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]  # one may be deleted and not yet committed


def _texts() -> dict[str, str]:
    contents = {file.relative_to(REPO).as_posix(): file.read_bytes() for file in _tracked_files()}
    return {name: content.decode() for name, content in contents.items() if b"\0" not in content}


def _pins(name: str) -> dict[str, str]:
    lines = (REPO / name).read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith(("#", "-r "))]
    unexplained = [line for line in pins if not PIN.fullmatch(line)]
    assert not unexplained, f"{name}: expected 'name==version  # why', found {unexplained}"
    return {match["name"].lower(): match["version"] for line in pins if (match := PIN.fullmatch(line))}


@pytest.mark.parametrize("pattern", [MACHINE_PATH, PRIVATE_REGISTRY], ids=["path", "registry"])
def test_no_file_names_one_machine(pattern: re.Pattern[str]):
    found = {name: match[0] for name, text in _texts().items() if (match := pattern.search(text))}
    assert not found


def test_audio_lies_only_among_the_examples():
    audio = [file.relative_to(REPO) for file in _tracked_files() if file.suffix.lower() in AUDIO_SUFFIXES]
    assert [str(file) for file in audio if file.parts[0] != "examples"] == []


def test_files_are_small():
    sizes = {file.relative_to(REPO): file.stat().st_size for file in _tracked_files()}
    for folder, max_bytes in MAX_CHECKPOINT_BYTES.items():
        assert sum(size for file, size in sizes.items() if file.parts[0] == folder) <= max_bytes
    others = {file: size for file, size in sizes.items() if file.parts[0] not in MAX_CHECKPOINT_BYTES}
    assert [str(file) for file, size in others.items() if size > MAX_FILE_BYTES] == []


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_pin_is_explained_and_is_what_runs(name: str):
    pins = _pins(name)
    assert pins
    installed = {
        package: version(package).partition("+")[0] for package in pins
    }  # torch's +cpu is no version
    assert installed == pins


def test_programs_import_only_what_requirements_pin():
    pinned = {
        package.replace("-", "_") for package in _pins("requirements.txt") | _pins("requirements-ray.txt")
    }
    for_checks = pinned | {package.replace("-", "_") for package in _pins("requirements-dev.txt")}
    distributions = packages_distributions()
    unpinned = set()
    for name, text in _texts().items():
        if not name.endswith(".py") or name.startswith("tests/"):
            continue
        for module in _imported_modules(text):
            owners = {owner.lower().replace("-", "_") for owner in distributions.get(module, [])}
            allowed = for_checks if name.startswith(BROWSER_PROGRAMS) else pinned
            if module != "ser" and owners and not owners & allowed:
                unpinned.add(f"{name}: {module}")
    assert not unpinned


def _imported_modules(source: str) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules.add(node.module.partition(".")[0])
    return modules


def test_what_is_installed_is_what_the_requirements_pin():
    """`pip install .` allows ranges; the pins, which tests run with, lie in them, and nothing is missing."""
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = {name: pin for file in REQUIREMENTS for name, pin in _pins(file).items()}
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    ranges = {each.name.lower(): each.specifier for group in groups for each in map(Requirement, group)}
    assert ranges.keys() == pins.keys()
    assert [name for name, pin in pins.items() if pin not in ranges[name]] == []
