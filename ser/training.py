"""The one training routine: clips in, a trained classifier out.

`train.py` and `benchmarks/cross_validate.py` both call it, so that what is measured is what ships.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import EarlyStoppingCallback, Trainer, set_seed

from .checkpoints import checkpoint_to_resume, run_settings
from .collation import AugmentingCollator, FeatureAugmentation, FeatureCollator
from .configuration_mfcc_lstm import MfccLstmConfig
from .encoder_finetuning import train_encoder
from .feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from .features import extract_features, feature_statistics
from .inference import EmotionRecognizer
from .modeling_mfcc_lstm import MfccLstmForAudioClassification
from .recipe import ARCHITECTURES, RecipeArguments, RecipeTrainingArguments
from .termination import survival_callbacks
from .trainer_metrics import compute_classification_metrics


def train_classifier(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    resume_from_checkpoint: str | bool | None = None,
) -> tuple[Trainer, EmotionRecognizer]:
    """Train on some clips and all their augmented copies.

    Args:
        train_clips: Clips with `audio`, `actor` and `emotion`; nothing else is seen, normalised over or
            augmented.
        validation_clips: Clips of other actors that choose the best checkpoint and stop training early;
            without them training runs for all its epochs and the last weights are kept. With them,
            `training_args.keep_best()` must have been called.
        recipe: What to train, and on what. With its `model_name_or_path` that is an encoder of transformers:
            see `train_encoder`.
        training_args: How to train.
        resume_from_checkpoint: As in `checkpoint_to_resume`.

    Returns:
        The Trainer, and the trained model with its feature extractor as a recogniser.

    Raises:
        ValueError: If the checkpoint to go on from is damaged, or of a training with other settings.
        SystemExit: If SIGTERM came; a checkpoint was saved first.
    """
    if recipe.model_name_or_path is not None:
        return train_encoder(train_clips, validation_clips, recipe, training_args, resume_from_checkpoint)
    settings = run_settings(recipe, training_args, train_clips, validation_clips)
    checkpoint = checkpoint_to_resume(resume_from_checkpoint, training_args, settings)
    set_seed(training_args.seed)
    feature_extractor = MfccLstmFeatureExtractor(
        target_level_db=recipe.target_level_db, dynamic_range_db=recipe.dynamic_range_db
    )
    validation_features = None
    with training_args.main_process_first():  # the other processes then read what it left in the cache
        train_features = _labelled_features(
            train_clips, feature_extractor, recipe, recipe.num_augmented_copies
        )
        if validation_clips is not None:
            validation_features = _labelled_features(validation_clips, feature_extractor, recipe)
    feature_extractor.mean, feature_extractor.std = feature_statistics(train_features)

    emotions = train_clips.features["emotion"].names
    model = MfccLstmForAudioClassification(
        MfccLstmConfig(
            **ARCHITECTURES[recipe.architecture],
            id2label=dict(enumerate(emotions)),
            label2id={emotion: label for label, emotion in enumerate(emotions)},
        )
    )
    augmentation = FeatureAugmentation(equaliser_std_db=recipe.equaliser_std_db)
    trainer = EmotionTrainer(
        model=model,
        args=training_args,
        data_collator=AugmentingCollator(feature_extractor, len(emotions), augmentation, training_args.seed),
        eval_data_collator=FeatureCollator(feature_extractor),
        train_dataset=train_features,
        eval_dataset=validation_features,
        processing_class=feature_extractor,
        compute_metrics=compute_classification_metrics,
        callbacks=survival_callbacks(settings),
    )
    if validation_clips is not None:
        trainer.add_callback(EarlyStoppingCallback(recipe.early_stopping_patience))
    trainer.train(resume_from_checkpoint=checkpoint)
    model.config.temperature = recipe.temperature
    return trainer, EmotionRecognizer(model, feature_extractor)


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
