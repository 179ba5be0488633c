"""Push a checkpoint, or the demo as a Space, to the Hugging Face Hub, each in one commit."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import CommitOperationAdd, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from ser.hub.files import PublishingError, checkpoint_contents, space_contents


def create_repository(
    repo_id: str, *, space_sdk: str | None = None, private: bool | None = None, token: str | None = None
) -> None:
    """Create a repository on the Hub, unless it exists.

    Called before a long training, it tells at once what would keep the result from being published.

    Args:
        repo_id: Owner and name, such as "someone/speech-emotion".
        space_sdk: "gradio", "docker" or "static" for a Space of that kind; a model if not given.
        private: Whether a new repository is private; the owner's default if not given.
        token: Overrides HF_TOKEN and the token of `hf auth login`.

    Raises:
        PublishingError: If there is no token, it may not write there, or the Hub cannot be reached.
    """
    with _explaining(repo_id):
        _api(token).create_repo(
            repo_id,
            repo_type="space" if space_sdk else "model",
            private=private,
            exist_ok=True,
            space_sdk=space_sdk,
        )


def publish_checkpoint(
    folder: str | Path, hub_model_id: str, *, private: bool | None = None, token: str | None = None
) -> str:
    """Publish a checkpoint with its code and its own card, in one commit.

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
    contents = checkpoint_contents(folder, hub_model_id)
    create_repository(hub_model_id, private=private, token=token)
    return _commit(hub_model_id, "model", contents, "Publish the checkpoint", token)


def publish_space(
    repo_id: str,
    root: str | Path,
    *,
    sdk: str = "gradio",
    private: bool | None = None,
    token: str | None = None,
) -> str:
    """Publish the demo as a Space, in one commit.

    Args:
        repo_id: Owner and name of the Space.
        root: A clone of this project.
        sdk: What the Hub builds it with: "gradio", "docker" for the Dockerfile, or "static" for the page that
            recognises in the browser.
        private: Whether a new Space is private; the owner's default if not given.
        token: Overrides HF_TOKEN and the token of `hf auth login`.

    Returns:
        The commit's id.

    Raises:
        PublishingError: If a part of the demo is missing, or the Hub refuses it or cannot be reached.
    """
    contents = space_contents(Path(root), sdk)
    create_repository(repo_id, space_sdk=sdk, private=private, token=token)
    return _commit(repo_id, "space", contents, "Publish the demo", token)


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
    """Turn errors of the Hub into a sentence that says what to do."""
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
            f"The Hub cannot be reached, or the connection was lost while {repo_id} was being published "
            f"({error}). Nothing here was changed: run the same command again."
        ) from error
