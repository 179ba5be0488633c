"""The files of a checkpoint and of the demo that are published, and no others."""

import tempfile
from importlib.metadata import files
from pathlib import Path

from huggingface_hub import ModelCard, SpaceCard

from ser.evaluation.training_record import RECORD_NAME
from ser.hub.card import published_card
from ser.onnx.recognizer import GRAPH_FILE, QUANTIZED_FILE, OnnxRecognizer
from ser.recognizer.checkpoint import Checkpoint
from ser.recognizer.out_of_distribution import FILE_NAME as DETECTOR_FILE
from ser.segments.voice_activity import GRAPH_NAME, graph_file

CHECKPOINT_PARTS = ("config.json", "preprocessor_config.json", "model*.safetensors")
"""Patterns of files that every checkpoint needs; without one of them it is not published."""

CHECKPOINT_EXTRAS = (
    "LICENSE.md",
    "model.safetensors.index.json",
    "configuration_*.py",
    "feature_extraction_*.py",
    "modeling_*.py",
    DETECTOR_FILE,
    "training_curves.png",
    "training_metrics.json",
    RECORD_NAME,
)
"""Patterns of files that are published if present. Optimizer states and pickled arguments never are."""

SPACE_FILES = (
    "README.md",  # its front matter configures the Space
    "LICENSE",
    "app.py",
    "requirements-demo.lock",  # pip installs it there, under the name requirements.txt
    "packages.txt",  # apt installs it there
    "ser/**/*.py",
    "ser/**/*.css",
    "ser/**/*.js",
    "ser/**/*.md",
    "checkpoint/*.json",
    "checkpoint/*.md",
    "checkpoint/*.py",
    "checkpoint/*.safetensors",
    "checkpoint/onnx/model.onnx",
    "checkpoint-accurate/*.json",  # of this one the graph alone: its weights take room, and need torch
    "checkpoint-accurate/*.md",
    "checkpoint-accurate/onnx/model.onnx",
    "examples/*.flac",
    "examples/*.md",
)
"""The files of the Space: the demo and what it reads."""

DOCKER_FILES = ("Dockerfile", ".dockerignore", "requirements.lock")
"""The further files of a Space of kind docker."""

DOCKER_PORT = 7860  # on which the container serves, as the Dockerfile says


class PublishingError(ValueError):
    """The reason why nothing was published. The message is for the person who publishes."""


def checkpoint_contents(folder: str | Path, hub_model_id: str) -> dict[str, Path | bytes]:
    """Return the published content of a checkpoint: by name, the file or the bytes.

    Raises:
        PublishingError: If the folder holds no whole checkpoint.
    """
    folder = Path(folder)
    lacking = [pattern for pattern in CHECKPOINT_PARTS if not any(folder.glob(pattern))]
    if lacking:
        raise PublishingError(
            f"{folder} is not a checkpoint that can be published: it lacks {', '.join(lacking)}. "
            "Give the output folder of train.py."
        )
    files = _matching(folder, (*CHECKPOINT_PARTS, *CHECKPOINT_EXTRAS))
    contents: dict[str, Path | bytes] = {file.name: file for file in files}
    contents |= _graph(folder)
    card = published_card(folder, hub_model_id)
    return {**contents, **_examples(folder, card), "README.md": card.encode()}


def _examples(folder: Path, card: str) -> dict[str, Path | bytes]:
    """Return the recordings that a card offers to try the model with, from the folder or beside it."""
    found: dict[str, Path | bytes] = {}
    for entry in ModelCard(card, ignore_metadata_errors=True).data.get("widget") or []:
        name = str(entry["src"])
        if name.startswith("https://"):
            continue
        files = [file for file in (folder / name, folder.resolve().parent / name) if file.is_file()]
        if not files:
            raise PublishingError(
                f"The `widget` of the card names {name}, expected a file of this name in {folder} or beside "
                "it. Put it there, or delete the entry."
            )
        found[name] = files[0]
    return found


def _graph(folder: Path) -> dict[str, Path | bytes]:
    """Return the ONNX graphs of a checkpoint by name; export those that are missing or outdated.

    Empty for a model that has no graph: one of transformers' own.
    """
    try:
        OnnxRecognizer(folder / GRAPH_FILE)
        return _existing(folder)
    except (OSError, ValueError):
        from ser.onnx.export import export_onnx  # needs torch
        from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
    if not issubclass(Checkpoint(str(folder)).kind("torch"), MfccLstmRecognizer):
        return {}
    with tempfile.TemporaryDirectory() as exported:
        export_onnx(MfccLstmRecognizer.from_pretrained(folder), exported, folder)
        return _existing(Path(exported))


def _existing(folder: Path) -> dict[str, Path | bytes]:
    names = (GRAPH_FILE, QUANTIZED_FILE)
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def space_contents(root: Path, sdk: str = "gradio") -> dict[str, Path | bytes]:
    """Return the published content of the demo: by name, the file or the bytes.

    Args:
        root: A clone of this project.
        sdk: What the Hub builds it with: "gradio", "docker" for the Dockerfile, or "static" for the page that
            recognises in the browser.

    Raises:
        PublishingError: If a file or folder without which the demo cannot run is missing.
    """
    if sdk == "static":
        return _static_contents(root)
    files = space_files(root) + (_matching(root, DOCKER_FILES) if sdk == "docker" else [])
    contents: dict[str, Path | bytes] = {file.relative_to(root).as_posix(): file for file in files}
    contents["requirements.txt"] = root / "requirements-demo.lock"
    contents |= _speech_detector()
    if sdk == "docker":
        contents["README.md"] = _space_card(root, sdk=sdk, app_port=DOCKER_PORT)
    return contents


def _speech_detector() -> dict[str, Path | bytes]:
    """Return the speech detector by name: its network and licence, without torch, which its package needs."""
    (licence,) = (file for file in files("silero-vad") or [] if file.name == "LICENSE")
    return {
        f"ser/segments/{GRAPH_NAME}": graph_file(),
        "ser/segments/silero_vad_LICENSE": Path(str(licence.locate())),
    }


def _static_contents(root: Path) -> dict[str, Path | bytes]:
    from ser.hub.static_page import build_page

    with tempfile.TemporaryDirectory() as folder:
        try:
            build_page(root / "checkpoint", Path(folder), web=root / "web")
        except OSError as error:
            raise PublishingError(f"The page cannot be built: {error}") from error
        contents: dict[str, Path | bytes] = {file.name: file.read_bytes() for file in Path(folder).iterdir()}
    return {**contents, "README.md": _space_card(root, sdk="static", license="cc-by-nc-sa-4.0")}


def _space_card(root: Path, **settings: str | int) -> bytes:
    """Return the README with the settings of another kind of Space."""
    card = SpaceCard((root / "README.md").read_text(encoding="utf-8"))
    for of_gradio in ("sdk_version", "python_version", "app_file"):
        card.data.pop(of_gradio)
    for name, value in settings.items():
        card.data[name] = value
    return str(card).encode()


def space_files(root: Path) -> list[Path]:
    """Return the files of the Space.

    Raises:
        PublishingError: If a file or folder without which the demo cannot run is missing.
    """
    files = _matching(root, SPACE_FILES)
    found = {file.relative_to(root).parts[0] for file in files}
    needed = {pattern.partition("/")[0].rstrip("*") for pattern in SPACE_FILES}
    if lacking := needed - found:
        raise PublishingError(
            f"{root.resolve()} is not a complete clone of this project: it lacks "
            f"{', '.join(sorted(lacking))}."
        )
    return files


def _matching(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    found = {file for pattern in patterns for file in root.glob(pattern) if file.is_file()}
    return sorted(file for file in found if "__pycache__" not in file.parts)
