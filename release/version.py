"""The version and its changes: `pyproject.toml` holds the one, `CHANGELOG.md` the others."""

import re
from datetime import date
from pathlib import Path

PROJECT_FILE = "pyproject.toml"
CHANGELOG_FILE = "CHANGELOG.md"
VERSION = re.compile(r"(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)")
PROJECT_VERSION = re.compile(r'^version = "(?P<version>[^"]*)"$', re.MULTILINE)
UNRELEASED = "## [Unreleased]\n"
SECTION = re.compile(r"^## \[(?P<version>[^\]]+)\].*\n(?P<text>(?:(?!## \[).*\n?)*)", re.MULTILINE)


def project_version(text: str) -> str:
    """The version that a `pyproject.toml` names.

    Raises:
        ValueError: If it names none.
    """
    match = PROJECT_VERSION.search(text)
    if match is None:
        raise ValueError(f'{PROJECT_FILE} has no line such as version = "1.2.3".')
    return match["version"]


def next_version(version: str) -> str:
    """The version after this one that adds something and breaks nothing: its middle number goes up."""
    major, minor, _ = _numbers(version)
    return f"{major}.{minor + 1}.0"


def check_version(version: str, current: str) -> None:
    """Refuse what is no version, or not a later one.

    Raises:
        ValueError: If it is not three numbers, or not later than the current version.
    """
    if _numbers(version) <= _numbers(current):
        raise ValueError(f"{version} is not later than {current}, the present version.")


def set_version(root: Path, version: str, day: date) -> None:
    """Write a version into the project, move the changelog's unreleased entries under it; twice is as once.

    Raises:
        ValueError: If there is nothing unreleased to move.
    """
    project = root / PROJECT_FILE
    text = project.read_text(encoding="utf-8")
    project_version(text)
    changelog = root / CHANGELOG_FILE
    changes = changelog.read_text(encoding="utf-8")
    if f"## [{version}]" not in changes:
        if not release_notes(changes, "Unreleased"):
            raise ValueError(f"{CHANGELOG_FILE} has nothing under Unreleased: say what is new for its users.")
        changes = changes.replace(UNRELEASED, f"{UNRELEASED}\n## [{version}] - {day.isoformat()}\n", 1)
        changelog.write_text(changes, encoding="utf-8")
    project.write_text(PROJECT_VERSION.sub(f'version = "{version}"', text, count=1), encoding="utf-8")


def release_notes(changelog: str, version: str) -> str:
    """What a changelog says of a version, or of "Unreleased"; empty if it says nothing."""
    return next(
        (match["text"].strip() for match in SECTION.finditer(changelog) if match["version"] == version), ""
    )


def _numbers(version: str) -> tuple[int, int, int]:
    match = VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"{version!r} is no version. Give three numbers, such as 1.2.0.")
    return int(match["major"]), int(match["minor"]), int(match["patch"])
