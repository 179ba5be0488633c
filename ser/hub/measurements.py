"""The record, size and scores in a checkpoint's folder."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import safe_open

from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.evaluation.training_record import RECORD_NAME
from ser.labels import EMOTIONS

VALIDATION_SCORES = ("uar", "accuracy")


@dataclass(frozen=True)
class Measurements:
    """The facts about a checkpoint.

    Attributes:
        evaluations: What `python -m ser evaluate` wrote about it, one dictionary per corpus.
        validation: Scores on the speakers that chose among the training's checkpoints, if there were any.
        record: How it was trained, as `python -m ser train` records it.
        config: Its `config.json`.
        num_parameters: Trained numbers in its weights.
        file_bytes: Size of each file of weights and of each graph, by name.
    """

    evaluations: list[dict[str, Any]] = field(default_factory=list)
    validation: dict[str, float] = field(default_factory=dict)
    record: dict[str, Any] | None = None
    config: dict[str, Any] = field(default_factory=dict)
    num_parameters: int = 0
    file_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def model_type(self) -> str:
        """The kind of model, such as "mfcc-lstm"."""
        return str(self.config.get("model_type", MfccLstmConfig.model_type))

    @property
    def labels(self) -> list[str]:
        """The labels, in the order of the outputs."""
        names = self.config.get("id2label")
        return [names[key] for key in sorted(names, key=int)] if names else list(EMOTIONS)

    @property
    def at_home(self) -> list[dict[str, Any]]:
        """The evaluations on corpora that it was trained on."""
        return [each for each in self.evaluations if each["corpus"]["name"] in self.corpora]

    @property
    def elsewhere(self) -> list[dict[str, Any]]:
        """The evaluations on other corpora."""
        return [each for each in self.evaluations if each["corpus"]["name"] not in self.corpora]

    @property
    def corpora(self) -> list[str]:
        """The names of the training corpora."""
        return list((self.record or {}).get("corpora", ["ravdess"]))

    @property
    def base_model(self) -> str | None:
        """Hub id of the pretrained model it was made from, if any; the name of a folder here is left out."""
        name = (self.record or {}).get("base_model")
        return name if name and not Path(name).is_dir() else None


def measurements_of(folder: Path) -> Measurements:
    """Read the files of a checkpoint, and evaluations in `evaluation*/metrics.json`."""
    metrics = read_json(folder / "training_metrics.json")
    evaluations = [read_json(file) for file in sorted(folder.glob("evaluation*/metrics.json"))]
    return Measurements(
        evaluations=evaluations,
        validation={name: metrics[f"eval_{name}"] for name in VALIDATION_SCORES if f"eval_{name}" in metrics},
        record=read_json(folder / RECORD_NAME) or None,
        config=read_json(folder / "config.json"),
        num_parameters=sum(map(_num_parameters, folder.glob("model*.safetensors"))),
        file_bytes={
            file.relative_to(folder).as_posix(): file.stat().st_size
            for pattern in ("*.safetensors", "onnx/*.onnx")
            for file in sorted(folder.glob(pattern))
        },
    )


def read_json(file: Path) -> dict[str, Any]:
    """Read an object from a file; empty if there is no such file."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _num_parameters(file: Path) -> int:
    with safe_open(file, framework="numpy") as weights:
        names = weights.keys()
        # The counts of batch normalisation are no trained parameters.
        trained = [name for name in names if not ("running_" in name or "num_batches" in name)]
        return sum(math.prod(weights.get_slice(name).get_shape()) for name in trained)
