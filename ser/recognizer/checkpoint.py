"""A checkpoint in a folder or on the Hugging Face Hub: its files, and which kind of recogniser loads it."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ser.recognizer.base import EmotionRecognizer

CONFIG_FILE = "config.json"
ONNX_FILES = ("onnx/model.onnx", "model.onnx")  # the first is where export writes it

ONNX = "ser.onnx.recognizer:OnnxRecognizer"
KINDS = {
    "mfcc-lstm": "ser.recognizer.mfcc_lstm:MfccLstmRecognizer",
    "whisper-lstm": "ser.recognizer.whisper_lstm:WhisperLstmRecognizer",
}
"""`model_type` of a configuration -> the recogniser that loads it, imported when it is needed."""
OTHER_KIND = "ser.recognizer.encoder:EncoderRecognizer"  # any audio classifier of transformers


@dataclass(frozen=True)
class Checkpoint:
    """The place of a model, and how to load it.

    Attributes:
        name: A folder, an ONNX file, or the name of a model on the Hub.
        revision: Branch, tag or commit of a model on the Hub.
        token: Access token for the Hub.
        cache_dir: Where models from the Hub are kept.
        device: Where torch computes.
    """

    name: str
    revision: str | None = None
    token: str | bool | None = None
    cache_dir: str | os.PathLike[str] | None = None
    device: str | None = None

    @classmethod
    def find(
        cls,
        folder_or_hub_id: str | os.PathLike[str],
        revision: str | None,
        token: str | bool | None,
        cache_dir: str | os.PathLike[str] | None,
        device: str | None,
    ) -> "Checkpoint":
        """Look for a model; a leading `~` stands for the home folder.

        Raises:
            FileNotFoundError: If it is neither a folder nor a possible name of a model on the Hub.
        """
        name = os.fspath(folder_or_hub_id)
        if name.startswith("~"):
            name = str(Path(name).expanduser())
        if not Path(name).exists() and not _may_be_on_hub(name):
            raise FileNotFoundError(
                f"There is no folder or file {name}. Check the path, or give the name of a model on the "
                "Hugging Face Hub as OWNER/MODEL."
            )
        return cls(name, revision, token, cache_dir, device)

    @property
    def hub_options(self) -> dict[str, Any]:
        """The arguments of transformers' `from_pretrained` besides the name."""
        return {"revision": self.revision, "token": self.token, "cache_dir": self.cache_dir}

    def file(self, name: str) -> Path | None:
        """Return a file of the checkpoint, downloaded if need be; `None` where it has none of this name.

        Raises:
            OSError: If the model is not on the Hub, or the Hub cannot be reached.
        """
        if Path(self.name).exists():
            path = Path(self.name, name)
            return path if path.is_file() else None
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

        try:
            return Path(hf_hub_download(self.name, name, **self.hub_options))
        except (HfHubHTTPError, EntryNotFoundError) as error:
            if isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError):
                return None
            raise OSError(
                f"There is no folder {self.name}, and the Hugging Face Hub gives no model of this name: "
                f"{str(error).splitlines()[0]} Check the name, the connection and, for a private model, the "
                "token."
            ) from error

    def first_file(self, names: Sequence[str]) -> Path | None:
        """Return the first of several files that the checkpoint has; `None` if it has none of them."""
        return next((file for file in map(self.file, names) if file is not None), None)

    def kind(self, backend: str | None) -> "type[EmotionRecognizer]":
        """Choose the recogniser that loads this checkpoint.

        Args:
            backend: "torch" or "onnx"; "auto" for the ONNX graph if there is one, else torch; if not given,
                torch for a checkpoint with a configuration.

        Raises:
            ValueError: If the backend is unknown or the configuration is damaged.
            OSError: If there is no model.
        """
        if backend not in (None, "auto", "torch", "onnx"):
            raise ValueError(f"backend must be 'torch', 'onnx' or 'auto', got {backend!r}.")
        if backend == "auto":
            backend = "onnx" if Path(self.name).is_file() or self.first_file(ONNX_FILES) else None
        if backend == "onnx" or (backend is None and Path(self.name).is_file()):
            return _imported(ONNX)
        config = self.file(CONFIG_FILE)
        if config is not None:
            return _imported(KINDS.get(self._model_type(config), OTHER_KIND))
        if backend is None and self.first_file(ONNX_FILES) is not None:
            return _imported(ONNX)
        raise FileNotFoundError(
            f"There is no model in {self.name}: it has no {CONFIG_FILE}"
            + (f" and no {ONNX_FILES[0]}." if backend is None else ".")
            + " Give the folder that training wrote."
        )

    def _model_type(self, config: Path) -> str:
        try:
            return str(json.loads(config.read_text(encoding="utf-8"))["model_type"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{CONFIG_FILE} in {self.name} is damaged or names no model_type. Fetch the checkpoint again."
            ) from error


def _may_be_on_hub(name: str) -> bool:
    """Tell whether a name could be OWNER/MODEL or MODEL; a path with more parts or an ONNX file cannot."""
    try:
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]
    except ImportError:  # installed for the ONNX file alone
        return False
    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return not name.startswith(".") and not name.endswith(".onnx")


def _imported(home: str) -> "type[EmotionRecognizer]":
    module, name = home.split(":")
    return getattr(import_module(module), name)
