"""The one training routine: clips in, a trained classifier and its feature extractor out.

`train.py` and `benchmarks/cross_validate.py` both call it, so that what is measured is what ships.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments, set_seed

from .collation import AugmentingCollator, FeatureAugmentation, FeatureCollator
from .configuration_mfcc_lstm import MfccLstmConfig
from .feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from .features import extract_features, feature_statistics
from .modeling_mfcc_lstm import MfccLstmForAudioClassification
from .trainer_metrics import compute_classification_metrics

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "hybrid": {},  # the defaults of MfccLstmConfig
    "plain": {"conv_channels": [], "conv_strides": []},
}


@dataclass
class RecipeArguments:
    """What makes up the recipe beside `TrainingArguments`; the defaults are the shipped recipe."""

    architecture: str = field(
        default="hybrid",
        metadata={"help": "CNN+LSTM hybrid or plain MFCC-LSTM.", "choices": sorted(ARCHITECTURES)},
    )
    num_augmented_copies: int = field(
        default=12, metadata={"help": "Randomly changed copies of each training clip."}
    )
    target_level_db: float | None = field(
        default=None,
        metadata={"help": "Level every clip is brought to, in dB; the recorded level if not given."},
    )
    equaliser_std_db: float = field(
        default=FeatureAugmentation.equaliser_std_db,
        metadata={"help": "Strength of the random equaliser on training features, in dB."},
    )
    mixup_prob: float = field(
        default=FeatureAugmentation.mixup_prob, metadata={"help": "Share of training batches that are mixed."}
    )
    early_stopping_patience: int = field(
        default=5,
        metadata={"help": "Evaluations without a better UAR before training stops; needs validation."},
    )
    augmentation_seed: int = field(default=0, metadata={"help": "Seed of the augmented copies."})
    num_proc: int | None = field(default=None, metadata={"help": "Processes that compute features."})
    feature_cache_dir: str | None = field(
        default=None, metadata={"help": "Where features are kept; the cache folder of datasets if not given."}
    )


@dataclass
class RecipeTrainingArguments(TrainingArguments):
    """`TrainingArguments` whose defaults are the shipped recipe."""

    num_train_epochs: float = field(
        default=6.0, metadata={"help": "Passes over the training clips and all their copies."}
    )
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Clips a step."})
    per_device_eval_batch_size: int = field(default=64, metadata={"help": "Clips a step of evaluation."})
    learning_rate: float = field(default=2e-3, metadata={"help": "Peak learning rate of AdamW."})
    weight_decay: float = field(default=1e-2, metadata={"help": "Weight decay of AdamW."})
    lr_scheduler_type: str = field(default="cosine", metadata={"help": "Schedule of the learning rate."})
    warmup_steps: float = field(default=0.1, metadata={"help": "Share of the steps in which the rate rises."})
    max_grad_norm: float = field(default=2.0, metadata={"help": "Norm that gradients are clipped to."})
    logging_steps: float = field(default=50, metadata={"help": "Steps between two lines of the log."})
    report_to: str = field(default="none", metadata={"help": "Experiment trackers to report to."})


def train_classifier(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: TrainingArguments,
    resume_from_checkpoint: str | bool | None = None,
) -> tuple[Trainer, MfccLstmFeatureExtractor]:
    """Train on some clips and all their augmented copies.

    Args:
        train_clips: Clips with `audio`, `actor` and `emotion`; nothing else is seen, normalised over or
            augmented.
        validation_clips: Clips of other actors that choose the best checkpoint and stop training early;
            without them training runs for all its epochs and the last weights are kept.
        recipe: What to train on.
        training_args: How to train.
        resume_from_checkpoint: As in `Trainer.train`.

    Returns:
        The Trainer, whose model is trained, and the feature extractor with the statistics of `train_clips`.
    """
    set_seed(training_args.seed)
    feature_extractor = MfccLstmFeatureExtractor(target_level_db=recipe.target_level_db)
    train_features = _labelled_features(train_clips, feature_extractor, recipe, recipe.num_augmented_copies)
    feature_extractor.mean, feature_extractor.std = feature_statistics(train_features)
    validation_features = None
    if validation_clips is not None:
        validation_features = _labelled_features(validation_clips, feature_extractor, recipe)

    emotions = train_clips.features["emotion"].names
    model = MfccLstmForAudioClassification(
        MfccLstmConfig(
            **ARCHITECTURES[recipe.architecture],
            id2label=dict(enumerate(emotions)),
            label2id={emotion: label for label, emotion in enumerate(emotions)},
        )
    )
    augmentation = FeatureAugmentation(equaliser_std_db=recipe.equaliser_std_db, mixup_prob=recipe.mixup_prob)
    trainer = EmotionTrainer(
        model=model,
        args=training_args,
        data_collator=AugmentingCollator(feature_extractor, len(emotions), augmentation),
        eval_data_collator=FeatureCollator(feature_extractor),
        train_dataset=train_features,
        eval_dataset=validation_features,
        processing_class=feature_extractor,
        compute_metrics=compute_classification_metrics,
        callbacks=[EarlyStoppingCallback(recipe.early_stopping_patience)]
        if validation_clips is not None
        else [],
    )
    trainer.train(resume_from_checkpoint=resume_from_checkpoint)
    return trainer, feature_extractor


class EmotionTrainer(Trainer):
    """A Trainer that changes features while training and leaves them alone while evaluating."""

    def __init__(self, *args: Any, eval_data_collator: Callable[[list[Any]], Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.eval_data_collator = eval_data_collator

    def get_eval_dataloader(self, eval_dataset: str | Dataset | None = None) -> DataLoader:
        """As in `Trainer`, with the collator of evaluation."""
        train_collator, self.data_collator = self.data_collator, self.eval_data_collator
        try:
            return super().get_eval_dataloader(eval_dataset)
        finally:
            self.data_collator = train_collator


def predict_logits(
    model: torch.nn.Module,
    feature_extractor: MfccLstmFeatureExtractor,
    clips: Dataset,
    recipe: RecipeArguments,
    batch_size: int = 64,
) -> np.ndarray:
    """Scores of clips that were not trained on, shape `(num_clips, num_labels)`, in their order."""
    features = _labelled_features(clips, feature_extractor, recipe)
    collate = FeatureCollator(feature_extractor)
    model.eval()
    logits = []
    with torch.inference_mode():
        for start in range(0, len(features), batch_size):
            rows = features[range(start, min(start + batch_size, len(features)))]
            examples = [
                {"input_features": x, "labels": y}
                for x, y in zip(rows["input_features"], rows["labels"], strict=True)
            ]
            batch = collate(examples)
            logits.append(model(batch["input_features"], batch["attention_mask"]).logits.numpy())
    return np.concatenate(logits)


def _labelled_features(
    clips: Dataset,
    feature_extractor: MfccLstmFeatureExtractor,
    recipe: RecipeArguments,
    num_augmented_copies: int = 0,
) -> Dataset:
    """Features of clips with the column `labels` the Trainer looks for, as numpy arrays."""
    features = extract_features(
        clips,
        feature_extractor,
        num_augmented_copies=num_augmented_copies,
        seed=recipe.augmentation_seed,
        num_proc=recipe.num_proc,
        cache_dir=Path(recipe.feature_cache_dir) if recipe.feature_cache_dir else None,
    )
    return features.rename_column("emotion", "labels").with_format(
        "numpy", columns=["input_features", "labels"]
    )
