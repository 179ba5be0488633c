"""What each kind of model contributes to the one training routine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset
from transformers import PreTrainedModel

from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.recognizer.torch_kind import TorchRecognizer


@dataclass
class TrainingParts:
    """The parts that differ between kinds of models.

    Attributes:
        model: The model to train.
        feature_extractor: Prepares recordings for it.
        train_rows: Training clips and their augmented copies.
        corpora: The corpus of each training row.
        lengths: The length of each training row, by which batches are grouped.
        validation_rows: Validation clips, if any.
        data_collator: Makes augmented batches of training rows, with `labels` and `corpus`.
        eval_data_collator: Makes batches of validation rows.
        to_recognizer: Wraps the trained model.
    """

    model: PreTrainedModel
    feature_extractor: MfccLstmFeatureExtractor
    train_rows: Dataset
    corpora: Sequence[str]
    lengths: Sequence[int]
    validation_rows: Dataset | None
    data_collator: Callable[[list[Any]], Any]
    eval_data_collator: Callable[[list[Any]], Any]
    to_recognizer: Callable[[], TorchRecognizer]
