"""A step of a release, and the note that it is done, by which a release goes on where it was broken off."""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One thing that is done once for a release, and again when what it is made from has changed.

    Attributes:
        name: What it is called on the command line and in its note.
        purpose: What it is for, in a few words.
        action: A command, run in the repository, or a function.
        inputs: Patterns of the files in the repository that it is made from, none of which it writes. Its
            note is void once they differ.
        clears: Patterns of the files that an older release left and this step would take for its own. They
            are deleted when it begins anew, not when it goes on.
    """

    name: str
    purpose: str
    action: tuple[str, ...] | Callable[[], None]
    inputs: tuple[str, ...]
    clears: tuple[str, ...] = ()


class StepError(RuntimeError):
    """Which step failed. Running the release again goes on with it."""


def fingerprint(root: Path, step: Step) -> str:
    """SHA-256 over what a step does and the files that it is made from."""
    digest = hashlib.sha256(repr(step.action if isinstance(step.action, tuple) else step.name).encode())
    for file in _matching(root, step.inputs):
        digest.update(f"\n{file.relative_to(root).as_posix()} ".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def is_done(root: Path, notes: Path, step: Step) -> bool:
    """Whether a step was finished, with the inputs as they are now."""
    note = _read(notes, step)
    return "seconds" in note and note["fingerprint"] == fingerprint(root, step)


def carry_out(root: Path, notes: Path, step: Step) -> None:
    """Do a step and note that it is done.

    Args:
        root: The repository.
        notes: Folder of the notes, one file a step.
        step: What to do.

    Raises:
        StepError: If its command fails, or its function raises OSError or ValueError.
    """
    inputs = fingerprint(root, step)
    if _read(notes, step).get("fingerprint") != inputs:
        for file in _matching(root, step.clears):
            file.unlink()
        _write(notes, step, {"fingerprint": inputs})
    start = time.monotonic()
    try:
        if isinstance(step.action, tuple):
            # A make inside this one must not take over its variables.
            environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
            subprocess.run(step.action, cwd=root, env=environment, check=True)
        else:
            step.action()
    except (subprocess.CalledProcessError, OSError, ValueError) as error:
        raise StepError(f"The step {step.name} failed: {error}") from error
    _write(notes, step, {"fingerprint": inputs, "seconds": round(time.monotonic() - start, 1)})


def _matching(root: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    found = {file for pattern in patterns for file in root.glob(pattern) if file.is_file()}
    yield from sorted(file for file in found if "__pycache__" not in file.parts)


def _read(notes: Path, step: Step) -> dict[str, str | float]:
    file = notes / f"{step.name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _write(notes: Path, step: Step, note: dict[str, str | float]) -> None:
    notes.mkdir(parents=True, exist_ok=True)
    temporary = notes / f"{step.name}.partial"
    temporary.write_text(json.dumps(note) + "\n", encoding="utf-8")
    temporary.replace(notes / f"{step.name}.json")
