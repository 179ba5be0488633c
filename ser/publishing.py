"""Put a checkpoint, or the demo as a Space, on the Hugging Face Hub.

    python -m ser.publishing model checkpoint someone/speech-emotion
    python -m ser.publishing space someone/speech-emotion-demo

Both need a token with write access: `hf auth login`, or the environment variable HF_TOKEN. Each push is one
commit, so that what is on the Hub is always whole. The files here are only read: a push that failed can be
repeated.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import CommitOperationAdd, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from .measurements import REPOSITORY
from .model_card import published_card
from .training_record import RECORD_NAME

CHECKPOINT_PARTS = ("config.json", "preprocessor_config.json", "model*.safetensors")
"""What every checkpoint needs, as patterns; without one of them it is not published."""

CHECKPOINT_EXTRAS = (
    "LICENSE.md",
    "model.safetensors.index.json",
    "*_mfcc_lstm.py",
    "training_curves.png",
    "training_metrics.json",
    RECORD_NAME,
)
"""What goes with it if it is there. Nothing else does: neither optimizer states nor pickled arguments."""

SPACE_FILES = (
    "README.md",  # its front matter configures the Space
    "LICENSE",
    "app.py",
    "requirements.txt",  # what pip installs there
    "packages.txt",  # what apt installs there
    "ser/**/*.py",
    "ser/**/*.css",
    "ser/**/*.js",
    "ser/**/*.md",
    "checkpoint/*.json",
    "checkpoint/*.md",
    "checkpoint/*.py",
    "checkpoint/*.safetensors",
    "examples/*.flac",
    "examples/*.md",
    "docs/results.json",  # these three are what the About tab shows
    "docs/evaluation/metrics.json",
    "docs/evaluation/confusion_matrix.png",
)
"""What the Space is made of: the demo and what it reads."""


class PublishingError(ValueError):
    """Why nothing was published. The message is for the person who publishes."""


def create_repository(
    repo_id: str, *, repo_type: str = "model", private: bool | None = None, token: str | None = None
) -> None:
    """Make a repository on the Hub, unless it is there.

    Called before a long training, it tells at once what would keep the result from being published.

    Args:
        repo_id: Owner and name, such as "someone/speech-emotion".
        repo_type: "model" or "space".
        private: Whether a new repository is private; the owner's default if not given.
        token: Overrides HF_TOKEN and the token of `hf auth login`.

    Raises:
        PublishingError: If there is no token, it may not write there, or the Hub cannot be reached.
    """
    with _explaining(repo_id):
        _api(token).create_repo(
            repo_id,
            repo_type=repo_type,
            private=private,
            exist_ok=True,
            space_sdk="gradio" if repo_type == "space" else None,
        )


def publish_checkpoint(
    folder: str | Path, hub_model_id: str, *, private: bool | None = None, token: str | None = None
) -> str:
    """Publish a checkpoint with its code and our model card, in one commit.

    Args:
        folder: What `train.py` or `save_pretrained` left; it is not changed.
        hub_model_id: Owner and name of the model.
        private: Whether a new repository is private; the owner's default if not given.
        token: Overrides HF_TOKEN and the token of `hf auth login`.

    Returns:
        The commit's id, for `from_pretrained(hub_model_id, revision=...)`.

    Raises:
        PublishingError: If the folder holds no whole checkpoint, or the Hub refuses it or cannot be reached.
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
    contents["README.md"] = published_card(folder, hub_model_id).encode()
    create_repository(hub_model_id, private=private, token=token)
    return _commit(hub_model_id, "model", contents, "Publish the checkpoint", token)


def publish_space(
    repo_id: str, root: str | Path = REPOSITORY, *, private: bool | None = None, token: str | None = None
) -> str:
    """Publish the demo as a Space, in one commit.

    Args:
        repo_id: Owner and name of the Space.
        root: This repository.
        private: Whether a new Space is private; the owner's default if not given.
        token: Overrides HF_TOKEN and the token of `hf auth login`.

    Returns:
        The commit's id.

    Raises:
        PublishingError: If a part of the demo is missing, or the Hub refuses it or cannot be reached.
    """
    root = Path(root)
    contents: dict[str, Path | bytes] = {
        file.relative_to(root).as_posix(): file for file in space_files(root)
    }
    create_repository(repo_id, repo_type="space", private=private, token=token)
    return _commit(repo_id, "space", contents, "Publish the demo", token)


def space_files(root: Path = REPOSITORY) -> list[Path]:
    """The files that make up the Space.

    Raises:
        PublishingError: If a file or folder without which the demo cannot run is missing.
    """
    files = _matching(root, SPACE_FILES)
    found = {file.relative_to(root).parts[0] for file in files}
    needed = {pattern.partition("/")[0] for pattern in SPACE_FILES} - {"docs"}
    if lacking := needed - found:
        raise PublishingError(
            f"{root} lacks {', '.join(sorted(lacking))}, without which the demo cannot run."
        )
    return files


def _matching(root: Path, patterns: tuple[str, ...]) -> list[Path]:
    found = {file for pattern in patterns for file in root.glob(pattern) if file.is_file()}
    return sorted(file for file in found if "__pycache__" not in file.parts)


def _api(token: str | None) -> HfApi:
    token = token or get_token()
    if not token:
        raise PublishingError(
            "There is no token for the Hub. Run `hf auth login`, or set HF_TOKEN to one with write access."
        )
    return HfApi(token=token)


def _commit(
    repo_id: str, repo_type: str, contents: dict[str, Path | bytes], message: str, token: str | None
) -> str:
    operations = [CommitOperationAdd(path, content) for path, content in contents.items()]
    with _explaining(repo_id):
        commit = _api(token).create_commit(repo_id, operations, commit_message=message, repo_type=repo_type)
    return commit.oid


@contextmanager
def _explaining(repo_id: str) -> Iterator[None]:
    """Turn what goes wrong on the way to the Hub into a sentence that says what to do."""
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise PublishingError(
                f"The Hub does not let this token write to {repo_id} (status {status}). Use one with write "
                "access to it: `hf auth login`, or HF_TOKEN."
            ) from error
        raise PublishingError(f"The Hub refused {repo_id}: {error} Nothing here was changed.") from error
    except (httpx2.HTTPError, OfflineModeIsEnabled) as error:
        raise PublishingError(
            f"The Hub cannot be reached or broke off while {repo_id} was being published ({error}). Nothing "
            "here was changed: run the same command again."
        ) from error


def main(arguments: list[str]) -> None:
    """Parse, publish, say where."""
    parser = argparse.ArgumentParser(
        prog="python -m ser.publishing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    model = commands.add_parser("model", help="publish a checkpoint with its code and card")
    model.add_argument("folder", type=Path, help="the checkpoint: `checkpoint`, or the output of train.py")
    space = commands.add_parser("space", help="publish the demo")
    for command, kind in ((model, "model"), (space, "Space")):
        command.add_argument("repo_id", help=f"owner and name of the {kind}, such as someone/speech-emotion")
        command.add_argument(
            "--private", action="store_true", default=None, help=f"make a new {kind} private"
        )
    args = parser.parse_args(arguments)
    try:
        if args.command == "model":
            commit = publish_checkpoint(args.folder, args.repo_id, private=args.private)
        else:
            commit = publish_space(args.repo_id, private=args.private)
    except ValueError as error:
        sys.exit(f"Error: {error}")
    print(f"Published {args.repo_id} at commit {commit}.")  # noqa: T201  # a program when run by itself


if __name__ == "__main__":
    main(sys.argv[1:])
