"""What is known of a checkpoint, read from the result files that the measuring programs left."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import safe_open

from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.corpora.ravdess_names import read_clip
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT
from ser.evaluation.scoring import BOOTSTRAP_SEED, CONFIDENCE, GROUPS, NUM_RESAMPLES
from ser.evaluation.subgroups import group_scores, largest_gap
from ser.evaluation.training_record import RECORD_NAME, changed_settings
from ser.hub.shipped import SHIPPED_RECIPE, SPREAD_PROTOCOL

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED_FOLDER = "checkpoint"
# Without dev5, on which recipes are chosen: scores there flatter the one that was.
PROTOCOL_ORDER = ("luna5", "emobox6", "loso24", "stratified80", "timnet10")
VALIDATION_SCORES = ("uar", "accuracy")


class Spread(NamedTuple):
    """Scores by who speaks and how, each the mean over seeds, as `ser.evaluation.subgroups` gives them.

    Attributes:
        per_group: By column ("gender") and value ("female").
        gaps: By column, its largest gap.
    """

    per_group: dict[str, dict[str, dict[str, Any]]]
    gaps: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Measurements:
    """What is known of a checkpoint.

    Attributes:
        protocols: By protocol, the summary that `benchmarks/report/results.py` makes of the recipe's result
        files. spread: How the recipe does on one voice and another, on `SPREAD_PROTOCOL`.
        evaluations: What `evaluation.py` wrote of this very checkpoint, a dictionary a corpus.
        trained_anew: What the recipe, trained once more on all of RAVDESS, scores on other corpora: by corpus
            and by "6" or "4" emotions, one dictionary a training.
        robustness: What `benchmarks/accuracy/robustness.py` wrote of disturbed clips.
        unlike: What `benchmarks/report/generalisation.py` wrote of telling sounds unlike the training data.
        validation: Scores on the actors that chose among the checkpoints of the training, if there were any.
        record: How it was trained, as `train.py` leaves it.
        config: Its `config.json`.
        num_parameters: Trained numbers in its weights.
    """

    protocols: dict[str, dict[str, Any]] = field(default_factory=dict)
    spread: Spread | None = None
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    trained_anew: list[dict[str, dict[str, dict[str, Any]]]] = field(default_factory=list)
    robustness: dict[str, Any] | None = None
    unlike: dict[str, Any] | None = None
    validation: dict[str, float] = field(default_factory=dict)
    record: dict[str, Any] | None = None
    config: dict[str, Any] = field(default_factory=dict)
    num_parameters: int = 0

    @property
    def model_type(self) -> str:
        """The kind of model, such as "mfcc-lstm"."""
        return str(self.config.get("model_type", MfccLstmConfig.model_type))

    @property
    def at_home(self) -> list[dict[str, Any]]:
        """The evaluations on RAVDESS."""
        return [each for each in self.evaluations if each["corpus"]["name"] == "ravdess"]

    @property
    def elsewhere(self) -> list[dict[str, Any]]:
        """The evaluations on other corpora."""
        return [each for each in self.evaluations if each["corpus"]["name"] != "ravdess"]

    @property
    def corpora(self) -> list[str]:
        """What it was trained on, by name."""
        return list((self.record or {}).get("corpora", ["ravdess"]))

    @property
    def is_mfcc_lstm(self) -> bool:
        """Whether it is a model of this project, not an encoder of transformers fine-tuned by it."""
        return self.model_type == MfccLstmConfig.model_type

    @property
    def base_model(self) -> str | None:
        """Hub id of the pretrained model it was made from, if any; a folder here tells nobody anything."""
        name = (self.record or {}).get("base_model")
        return name if name and not Path(name).is_dir() else None


def shipped_measurements(root: Path = REPOSITORY) -> Measurements:
    """What the committed files say of the shipped checkpoint and its recipe; what is missing is left out."""
    results = _read_json(root / "benchmarks" / "results" / "results.json") or {}
    evaluations = [
        _read_json(file) for file in sorted(root.glob("benchmarks/results/evaluation*/metrics.json"))
    ]
    others = root / "benchmarks" / "results" / LEAVE_ONE_CORPUS_OUT / SHIPPED_RECIPE
    checkpoint = _about_checkpoint(root / SHIPPED_FOLDER)
    protocols = {
        name: results[name][SHIPPED_RECIPE]
        for name in PROTOCOL_ORDER
        if SHIPPED_RECIPE in results.get(name, {})
        and not results[name][SHIPPED_RECIPE]["recipe_changed_since"]
    }
    voices = root / "benchmarks" / "results" / SPREAD_PROTOCOL / SHIPPED_RECIPE
    return Measurements(
        protocols=protocols,
        spread=voice_spread(voices) if SPREAD_PROTOCOL in protocols else None,
        evaluations=[evaluation for evaluation in evaluations if evaluation],
        trained_anew=[
            run["per_corpus"]
            for run in read_runs(others)
            if run["train_corpora"] == ["ravdess"] and not changed_settings(run, checkpoint["record"] or run)
        ],
        robustness=_read_json(root / "benchmarks" / "results" / "robustness.json"),
        unlike=_read_json(root / "benchmarks" / "results" / "unlike.json"),
        **checkpoint,
    )


def measurements_of(folder: Path) -> Measurements:
    """What a freshly trained checkpoint says of itself, and `evaluation.py` in its folder `evaluation`."""
    metrics = _read_json(folder / "training_metrics.json") or {}
    evaluation = _read_json(folder / "evaluation" / "metrics.json")
    return Measurements(
        evaluations=[evaluation] if evaluation else [],
        validation={name: metrics[f"eval_{name}"] for name in VALIDATION_SCORES if f"eval_{name}" in metrics},
        **_about_checkpoint(folder),
    )


def _about_checkpoint(folder: Path) -> dict[str, Any]:
    num_parameters = 0
    for file in folder.glob("model*.safetensors"):
        with safe_open(file, framework="numpy") as weights:
            names = weights.keys()
            # What batch normalisation counts is kept beside the weights, but nothing in it was trained.
            trained = [name for name in names if "running_" not in name and "num_batches" not in name]
            num_parameters += sum(math.prod(weights.get_slice(name).get_shape()) for name in trained)
    return {
        "record": _read_json(folder / RECORD_NAME),
        "config": _read_json(folder / "config.json") or {},
        "num_parameters": num_parameters,
    }


def voice_spread(folder: Path) -> Spread | None:
    """Scores by gender, intensity, statement and actor from a protocol whose folds test every actor once.

    Args:
        folder: Holds `foldN-seedS.json` of RAVDESS clips as `benchmarks/accuracy/cross_validate.py` writes
        them.

    Returns:
        The spread, or `None` where there are no files.
    """
    runs = read_runs(folder)
    if not runs:
        return None
    names = sorted({name for run in runs for name in run["clips"]})
    heard = {
        (run["seed"], name): (label, int(np.argmax(probabilities)))
        for run in runs
        for name, label, probabilities in zip(run["clips"], run["labels"], run["probabilities"], strict=True)
    }
    seeds = sorted({run["seed"] for run in runs})
    labels = np.array([heard[seeds[0], name][0] for name in names])
    predictions = np.array([[heard[seed, name][1] for seed in seeds] for name in names])
    clips = [read_clip(Path(f"{name}.wav"), folder_actor=int(name[-2:])) for name in names]
    actors = [clip.actor for clip in clips]
    spread = Spread({}, {})
    for column in GROUPS:
        values = [getattr(clip, column) for clip in clips]
        rng = np.random.default_rng(BOOTSTRAP_SEED)
        arguments = (labels, predictions, actors, values, NUM_RESAMPLES, rng, CONFIDENCE)
        spread.per_group[column] = group_scores(*arguments)
        if gap := largest_gap(*arguments):
            spread.gaps[column] = gap
    return spread


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """What `benchmarks/accuracy/cross_validate.py` left in a folder, a dictionary a fold and seed."""
    return [_read_json(file) or {} for file in sorted(folder.glob("fold*-seed*.json"))]


def _read_json(file: Path) -> dict[str, Any] | None:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
