"""The one training routine: clips in, a trained classifier out.

`train.py` and `benchmarks/accuracy/cross_validate.py` both call it, so that what is measured is what ships.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import EarlyStoppingCallback, Trainer, set_seed

from ser.recognizer.torch_kind import TorchRecognizer
from ser.training.checkpoints import RESUME_OPTION, checkpoint_to_resume, run_settings
from ser.training.corpus_loss import CorpusLoss, corpus_weights
from ser.training.encoder_heads import encoder_parts
from ser.training.mfcc_lstm import mfcc_parts
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.sampler import CorpusSampler
from ser.training.teacher import distillation_loss, teacher_scores
from ser.training.termination import survival_callbacks
from ser.training.trainer_metrics import compute_classification_metrics
from ser.training.warm_start import is_whisper_lstm


def train_classifier(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    resume_from_checkpoint: str | bool | None = None,
) -> tuple[Trainer, TorchRecognizer]:
    """Train on clips and all their augmented copies.

    Args:
        train_clips: Clips with `audio`, `corpus`, `actor` and `emotion`. Normalisation and augmentation use
            nothing else.
        validation_clips: Clips of other actors that choose the best checkpoint and stop training early;
            without them training runs for all its epochs and keeps the last weights. With them, call
            `training_args.keep_best()` first.
        recipe: What to train. With `model_name_or_path`, or `init_from` a checkpoint of that kind, heads on
            a frozen Whisper encoder; otherwise an MFCC-LSTM.
        training_args: How to train.
        resume_from_checkpoint: As in `checkpoint_to_resume`.

    Returns:
        The Trainer, and the trained model with its feature extractor as a recogniser.

    Raises:
        OSError: If there is no such encoder or checkpoint.
        ValueError: If the encoder is of another kind, or the checkpoint to resume is damaged or belongs to a
            training with other settings.
        SystemExit: If the training was interrupted; it saved a checkpoint first.
    """
    settings = run_settings(recipe, training_args, train_clips, validation_clips)
    checkpoint = checkpoint_to_resume(resume_from_checkpoint, training_args, settings)
    has_encoder = recipe.model_name_or_path or (recipe.init_from and is_whisper_lstm(recipe.init_from))
    scores = None
    if recipe.teacher and has_encoder:
        raise ValueError(
            "--teacher is for the MFCC-LSTM; the heads of an encoder learn from the labels alone."
        )
    if recipe.teacher:
        scores = teacher_scores(train_clips, recipe, training_args, train_classifier)
    set_seed(training_args.seed)
    loss = _corpus_loss(train_clips, validation_clips, recipe, training_args)
    arguments = (train_clips, validation_clips, recipe, training_args, loss.corpora)
    parts = encoder_parts(*arguments) if has_encoder else mfcc_parts(*arguments, scores)
    trainer = EmotionTrainer(
        model=parts.model,
        args=training_args,
        corpus_loss=loss,
        teacher_weight=recipe.teacher_weight,
        sampler=CorpusSampler(
            parts.lengths,
            training_args.train_batch_size * training_args.gradient_accumulation_steps,
            training_args.seed,
            parts.corpora,
            corpus_weights(Counter(train_clips["corpus"]), recipe.corpus_power, recipe.min_ravdess_share),
        ),
        data_collator=parts.data_collator,
        eval_data_collator=parts.eval_data_collator,
        train_dataset=parts.train_rows,
        eval_dataset=parts.validation_rows,
        processing_class=parts.feature_extractor,
        compute_metrics=compute_classification_metrics,
        callbacks=survival_callbacks(settings),
    )
    if validation_clips is not None:
        trainer.add_callback(EarlyStoppingCallback(recipe.early_stopping_patience))
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.accelerator.unwrap_model(parts.model, keep_fp32_wrapper=False)  # predict in full precision
    parts.model.config.temperature = recipe.temperature
    parts.model.config.not_sure_below = recipe.not_sure_below
    return trainer, parts.to_recognizer()


def _corpus_loss(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
) -> CorpusLoss:
    """Return the loss over the classes of each corpus, also of one that is only validated on."""
    corpora, labels = train_clips["corpus"][:], train_clips["emotion"][:]
    if validation_clips is not None:
        others = np.flatnonzero(~np.isin(validation_clips["corpus"][:], corpora))
        corpora = [*corpora, *validation_clips.select(others)["corpus"]]
        labels = [*labels, *validation_clips.select(others)["emotion"]]
    return CorpusLoss(
        corpora,
        labels,
        train_clips.features["emotion"].names,
        balanced=recipe.balanced_loss,
        label_smoothing=training_args.label_smoothing_factor,
    )


class EmotionTrainer(Trainer):
    """A Trainer with a loss and a sampler for several corpora, and a collator of its own for evaluation.

    Args:
        corpus_loss: The loss, for training and evaluation.
        teacher_weight: Share of the loss that the scores of a teacher get, in batches that hold them.
        sampler: Draws the training rows.
        eval_data_collator: Makes the batches of evaluation, which are not augmented.
    """

    def __init__(
        self,
        *args: Any,
        corpus_loss: CorpusLoss,
        teacher_weight: float,
        sampler: CorpusSampler,
        eval_data_collator: Callable[[list[Any]], Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.corpus_loss = corpus_loss.to(self.args.device)
        self.teacher_weight = teacher_weight
        self.sampler = sampler
        self.eval_data_collator = eval_data_collator

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,  # noqa: ARG002
    ) -> Any:
        """Return the mean loss of the ensemble members, as `Trainer.compute_loss` does."""
        inputs = dict(inputs)
        labels, corpus = inputs.pop("labels"), inputs.pop("corpus")
        taught = inputs.pop("teacher_scores", None)
        outputs = model(**inputs)
        loss = self.corpus_loss(outputs.member_logits, labels, corpus)
        if taught is not None:
            loss = torch.lerp(loss, distillation_loss(outputs.member_logits, taught), self.teacher_weight)
        if not torch.isfinite(loss):
            raise ValueError(
                f"The loss is {float(loss)} at step {self.state.global_step + 1}, so training has diverged: "
                f"lower --learning_rate (now {self.args.learning_rate:g}) or --max_grad_norm "
                f"(now {self.args.max_grad_norm:g}). {RESUME_OPTION} resumes from the last checkpoint."
            )
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Any = None) -> CorpusSampler:  # noqa: ARG002
        return self.sampler

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        """Return the loader of evaluation, with its own collator."""
        train_collator, self.data_collator = self.data_collator, self.eval_data_collator
        try:
            return super().get_eval_dataloader(eval_dataset)
        finally:
            self.data_collator = train_collator
