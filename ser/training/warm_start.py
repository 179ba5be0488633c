"""Training from a trained checkpoint: its layers, a new classifier, and layers to freeze."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import torch
from huggingface_hub import ModelCard
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils.hub import cached_file

from ser.configuration_whisper_lstm import WhisperLstmConfig
from ser.recognizer.torch_kind import TorchRecognizer
from ser.training.recipe import FREEZE_CHOICES

FRONT_LAYERS = ("convolutions", "projection")  # of an MFCC-LSTM, and of an LSTM head on an encoder


def start_from(folder_or_hub_id: str, labels: Sequence[str], freeze: str = "nothing") -> TorchRecognizer:
    """Load a checkpoint for training on other labels.

    Args:
        folder_or_hub_id: The checkpoint.
        labels: The new labels. Those that the checkpoint has too keep their row of the classifier.
        freeze: Layers that are not trained: "nothing", the "front" (before the LSTM), or the "body" (all but
            the classifier).

    Returns:
        The model with a classifier for `labels` and temperature 1, and its feature extractor, whose
        normalisation the trained layers expect.

    Raises:
        OSError: If the checkpoint does not exist.
        ValueError: If it is damaged, or `freeze` is unknown.
    """
    if freeze not in FREEZE_CHOICES:
        raise ValueError(f"freeze must be one of {', '.join(FREEZE_CHOICES)}, got {freeze!r}.")
    recognizer = TorchRecognizer.from_pretrained(folder_or_hub_id)
    model = recognizer.model
    renew_classifiers(model, labels)
    model.config.temperature = 1.0
    model.config.not_sure_below = 0.0
    model.config.confidence_steps = None
    frozen = [
        layer
        for member in _members(model)
        for name, layer in member.named_children()
        if (freeze == "front" and name in FRONT_LAYERS)
        or (freeze == "body" and not isinstance(layer, nn.Dropout) and name != "classifier")
    ]
    for layer in frozen:
        layer.requires_grad_(False)
    if frozen:
        # The Trainer puts the whole model into training mode; frozen layers keep their batch statistics and
        # use no dropout.
        model.register_forward_pre_hook(lambda *_: [layer.eval() for layer in frozen] and None)
    return recognizer


def is_whisper_lstm(folder_or_hub_id: str) -> bool:
    """Return whether a checkpoint has heads on a Whisper encoder.

    Raises:
        OSError: If the checkpoint does not exist.
    """
    config, _ = PreTrainedConfig.get_config_dict(folder_or_hub_id)
    return config.get("model_type") == WhisperLstmConfig.model_type


def inherit_license(folder_or_hub_id: str, output_dir: str | Path) -> str | None:
    """Copy the licence file of the model that training started from.

    Args:
        folder_or_hub_id: The checkpoint or encoder.
        output_dir: Folder of the trained model.

    Returns:
        The licence that its model card names, such as "cc-by-nc-sa-4.0"; `None` if it names none.
    """
    if text := _text_of(folder_or_hub_id, "LICENSE.md"):
        (Path(output_dir) / "LICENSE.md").write_text(text, encoding="utf-8")
    card = _text_of(folder_or_hub_id, "README.md")
    return ModelCard(card).data.get("license") if card else None


def _text_of(folder_or_hub_id: str, name: str) -> str | None:
    try:
        file = cached_file(folder_or_hub_id, name)
    except OSError:  # transformers raises it where the file is missing
        return None
    return Path(file).read_text(encoding="utf-8") if file else None


@torch.no_grad()
def renew_classifiers(model: PreTrainedModel, labels: Sequence[str]) -> None:
    """Replace the classifiers of a model by new ones; labels that the model has too keep their row."""
    known = cast(dict[str, int], model.config.label2id)
    for member in _members(model):
        old = cast(nn.Linear, member.classifier)
        new = nn.Linear(old.in_features, len(labels)).to(old.weight)
        for row, label in enumerate(labels):
            if label in known:
                new.weight[row] = old.weight[known[label]]
                new.bias[row] = old.bias[known[label]]
        member.classifier = new
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: number for number, label in enumerate(labels)}


def _members(model: PreTrainedModel) -> Iterator[nn.Module]:
    return (
        module for module in model.modules() if isinstance(getattr(module, "classifier", None), nn.Linear)
    )
