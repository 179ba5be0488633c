"""The models that visitors may choose from, each loaded when it is first asked, and their cards."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import ModelCard

from ser.recognizer import EmotionRecognizer

TITLES = {  # of the models that come with this project, by the names in their cards
    "speech-emotion-mfcc-lstm": "Small (MFCC-LSTM)",
    "speech-emotion-whisper-lstm": "Accurate (Whisper layers + LSTM)",
}


class Models:
    """Models by name; the first is the default and is loaded at once.

    Args:
        sources: Checkpoint folders or Hub ids.
        load: Loads one of them; `EmotionRecognizer.from_pretrained` if not given.
    """

    def __init__(
        self,
        sources: Sequence[str],
        load: Callable[[str], EmotionRecognizer] = EmotionRecognizer.from_pretrained,
    ):
        self._sources = {_short_name(source, sources): source for source in sources}
        self._load = load
        self._loaded: dict[str, EmotionRecognizer] = {}
        self._cards: dict[str, ModelCard | None] = {}
        self._lock = threading.Lock()
        self.default = self[self.names[0]]

    @property
    def names(self) -> list[str]:
        """The names to choose from."""
        return list(self._sources)

    def __getitem__(self, name: str) -> EmotionRecognizer:
        """Return a model, loaded if need be; the default for "".

        Raises:
            ValueError: If there is no model of this name, or its checkpoint is damaged.
            OSError: If its checkpoint is not there.
        """
        name = name or self.names[0]
        if name not in self._sources:
            raise ValueError(f"There is no model {name!r}; choose one of {', '.join(self.names)}.")
        with self._lock:  # two visitors who ask first do not load it twice
            if name not in self._loaded:
                self._loaded[name] = self._load(self._sources[name])
        return self._loaded[name]

    def source(self, name: str) -> str:
        """Return the checkpoint folder or Hub id of a model."""
        return self._sources[name]

    def is_on_hub(self, name: str) -> bool:
        """Tell whether a model is loaded from the Hugging Face Hub."""
        return not Path(self._sources[name]).exists()

    def title(self, name: str) -> str:
        """Return the name of a model as people read it, with its size."""
        card = self.card(name)
        title = (getattr(card.data, "model_name", None) if card is not None else None) or name
        title = TITLES.get(title, title)
        folder = Path(self._sources[name])
        files = [*folder.glob("model*.safetensors")] or [*folder.glob("onnx/model.onnx")]
        num_bytes = sum(file.stat().st_size for file in files)
        return f"{title}, {num_bytes / 1e6:.0f} MB" if num_bytes else title

    def card(self, name: str) -> ModelCard | None:
        """Return the card of a model; `None` where its checkpoint has none."""
        if name not in self._cards:  # the Hub is asked once
            self._cards[name] = _load_card(self._sources[name])
        return self._cards[name]


def _load_card(source: str) -> ModelCard | None:
    file = Path(source) / "README.md"
    try:
        return ModelCard.load(file if Path(source).is_dir() else source, ignore_metadata_errors=True)
    except (OSError, ValueError):  # no card, or a Hub that cannot be reached
        return None


def _short_name(source: str, sources: Sequence[str]) -> str:
    """Return the last part of a path or Hub id, or all of it where another source ends alike."""
    lasts = [each.replace("\\", "/").rstrip("/").rpartition("/")[2] for each in sources]
    last = lasts[list(sources).index(source)]
    return last if lasts.count(last) == 1 else source
