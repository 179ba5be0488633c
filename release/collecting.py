"""What a release leaves behind: new weights, and a folder with all that would be published."""

import hashlib
import shutil
from pathlib import Path

from release.version import CHANGELOG_FILE, release_notes
from ser.published_files import checkpoint_contents, space_contents

SUMS_FILE = "SHA256SUMS"
LICENCE_FILE = "LICENSE.md"


def install(root: Path, model: Path) -> None:
    """Put what `train.py` left into `checkpoint/`, in place of what was there.

    The licence stays, for no training makes it. Optimizer states and the like do not come in.

    Raises:
        ValueError: If there is no whole checkpoint.
    """
    contents = checkpoint_contents(model, "checkpoint")
    del contents["README.md"]  # the card stands in model_card.md
    checkpoint = root / "checkpoint"
    for file in checkpoint.iterdir():
        if file.is_file() and file.name not in (*contents, LICENCE_FILE):
            file.unlink()
    write_contents(checkpoint, contents)


def collect(root: Path, version: str, folder: Path, hub_model_id: str) -> None:
    """Leave the model, the Space and the words of a release in a folder, as they would be published.

    Args:
        root: The repository.
        version: Whose changes are told.
        folder: Emptied first.
        hub_model_id: What the model is called on the Hub.

    Raises:
        ValueError: If a part is missing.
    """
    shutil.rmtree(folder, ignore_errors=True)
    write_contents(folder / "model", checkpoint_contents(root / "checkpoint", hub_model_id))
    write_contents(folder / "space", space_contents(root))
    changelog = (root / CHANGELOG_FILE).read_text(encoding="utf-8")
    notes = release_notes(changelog, version)
    if not notes:
        raise ValueError(f"{CHANGELOG_FILE} says nothing of {version}.")
    (folder / "CHANGES.md").write_text(f"# {version}\n\n{notes}\n", encoding="utf-8")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    sums = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n"
        for file in files
    ]
    (folder / SUMS_FILE).write_text("".join(sums), encoding="utf-8")


def write_contents(folder: Path, contents: dict[str, Path | bytes]) -> None:
    """Write files, each given as a file to copy or as bytes, below a folder."""
    for name, content in contents.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
