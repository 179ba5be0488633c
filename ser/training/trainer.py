"""The one training routine: clips in, a trained classifier out.

`train.py` and `benchmarks/accuracy/cross_validate.py` both call it, so that what is measured is what ships.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets
from torch.utils.data import DataLoader
from transformers import EarlyStoppingCallback, Trainer, set_seed

from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
from ser.out_of_distribution import MIN_CLIPS, Strangeness
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
from ser.recognizer.torch_kind import TorchRecognizer
from ser.training.augmentation import WAVEFORM_ONLY
from ser.training.checkpoints import RESUME_OPTION, checkpoint_to_resume, run_settings
from ser.training.collation import AugmentingCollator, FeatureCollator
from ser.training.corpus_loss import CorpusLoss, corpus_weights
from ser.training.encoder_heads import train_heads
from ser.training.mel_augmentation import MelAugmentationRecipe
from ser.training.recipe import ARCHITECTURES, RecipeArguments, RecipeTrainingArguments
from ser.training.spectrograms import extract_spectrograms, feature_statistics
from ser.training.termination import survival_callbacks
from ser.training.trainer_metrics import compute_classification_metrics
from ser.training.warm_start import is_whisper_lstm, start_from


def train_classifier(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    resume_from_checkpoint: str | bool | None = None,
) -> tuple[Trainer, TorchRecognizer]:
    """Train on some clips and all their augmented copies.

    Args:
        train_clips: Clips with `audio`, `corpus`, `actor` and `emotion`; nothing else is seen, normalised
            over or augmented.
        validation_clips: Clips of other actors that choose the best checkpoint and stop training early;
            without them training runs for all its epochs and the last weights are kept. With them,
            `training_args.keep_best()` must have been called.
        recipe: What to train, and on what. With its `model_name_or_path`, or an `init_from` of that
            kind, heads on a Whisper encoder: see `train_heads`.
        training_args: How to train.
        resume_from_checkpoint: As in `checkpoint_to_resume`.

    Returns:
        The Trainer, and the trained model with its feature extractor as a recogniser.

    Raises:
        ValueError: If the checkpoint to go on from is damaged, or of a training with other settings.
        SystemExit: If SIGTERM came; a checkpoint was saved first.
    """
    if recipe.model_name_or_path or (recipe.init_from and is_whisper_lstm(recipe.init_from)):
        return train_heads(train_clips, validation_clips, recipe, training_args, resume_from_checkpoint)
    settings = run_settings(recipe, training_args, train_clips, validation_clips)
    checkpoint = checkpoint_to_resume(resume_from_checkpoint, training_args, settings)
    set_seed(training_args.seed)
    emotions = train_clips.features["emotion"].names
    known = start_from(recipe.init_from, emotions, recipe.freeze) if recipe.init_from else None
    feature_extractor = (
        known.feature_extractor
        if known
        else MfccLstmFeatureExtractor(
            high_pass_hz=recipe.high_pass_hz,
            target_level_db=recipe.target_level_db,
            dynamic_range_db=recipe.dynamic_range_db,
            band_range_db=recipe.band_range_db,
        )
    )
    validation_rows = None
    with training_args.main_process_first():  # the other processes then read what it left in the cache
        train_rows = _labelled_spectrograms(
            train_clips, feature_extractor, recipe, recipe.num_augmented_copies
        )
        if validation_clips is not None:
            validation_rows = _labelled_spectrograms(validation_clips, feature_extractor, recipe)
    if known is None:  # trained layers expect the statistics that they were trained with
        feature_extractor.mean, feature_extractor.std = feature_statistics(train_rows, feature_extractor)
    model = (
        known.model
        if known
        else MfccLstmForAudioClassification(
            MfccLstmConfig(
                **ARCHITECTURES[recipe.architecture],
                ensemble_size=recipe.ensemble_size,
                views=recipe.views,
                id2label=dict(enumerate(emotions)),
                label2id={emotion: label for label, emotion in enumerate(emotions)},
            )
        )
    )
    corpora, labels = train_clips["corpus"][:], train_clips["emotion"][:]
    if validation_clips is not None:  # a corpus all of whose speakers were held back has a loss, too
        others = np.flatnonzero(~np.isin(validation_clips["corpus"][:], corpora))
        corpora = [*corpora, *validation_clips.select(others)["corpus"]]
        labels = [*labels, *validation_clips.select(others)["emotion"]]
    loss = CorpusLoss(
        corpora,
        labels,
        emotions,
        balanced=recipe.balanced_loss,
        label_smoothing=training_args.label_smoothing_factor,
    )
    changes = MelAugmentationRecipe(noise_prob=recipe.noise_prob, equaliser_std_db=recipe.equaliser_std_db)
    trainer = EmotionTrainer(
        model=model,
        args=training_args,
        corpus_loss=loss,
        corpus_shares=_corpus_shares(train_clips, recipe),
        data_collator=AugmentingCollator(feature_extractor, loss.corpora, changes, seed=training_args.seed),
        eval_data_collator=FeatureCollator(feature_extractor, loss.corpora),
        train_dataset=train_rows,
        eval_dataset=validation_rows,
        processing_class=feature_extractor,
        compute_metrics=compute_classification_metrics,
        callbacks=survival_callbacks(settings),
    )
    if validation_clips is not None:
        trainer.add_callback(EarlyStoppingCallback(recipe.early_stopping_patience))
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # it answers in full precision
    model.config.temperature = recipe.temperature
    model.config.not_sure_below = recipe.not_sure_below
    return trainer, MfccLstmRecognizer(
        model, feature_extractor, fit_strangeness(train_rows, feature_extractor)
    )


def _corpus_shares(clips: Dataset, recipe: RecipeArguments) -> dict[str, float]:
    """Return how often clips of each corpus are drawn."""
    return corpus_weights(Counter(clips["corpus"]), recipe.corpus_power, recipe.min_ravdess_share)


def fit_strangeness(spectrograms: Dataset, feature_extractor: MfccLstmFeatureExtractor) -> Strangeness | None:
    """Fit what tells sounds unlike the clips of a training; `None` where they are too few to tell.

    Args:
        spectrograms: As `extract_spectrograms` gives them; copies are left out.
        feature_extractor: With the statistics of the training.
    """
    recorded = spectrograms.with_format("numpy", columns=["copy", "actor", "corpus"])
    rows = np.flatnonzero(recorded["copy"][:] == 0)
    if len(rows) < MIN_CLIPS:
        return None
    clips = spectrograms.with_format("torch", columns=["mel_spectrogram"]).select(rows)
    features = (feature_extractor.features_of(clip["mel_spectrogram"]).numpy() for clip in clips)
    return Strangeness.fit(features, recorded["actor"][:][rows], recorded["corpus"][:][rows])


class LengthGroupedSampler(torch.utils.data.Sampler[int]):
    """Rows in an order that gives batches of like length, and spares the network a third of its padding.

    Unlike the sampler of transformers it deals the batches in random order, so that batch normalisation does
    not end on the shortest clips, and another one in every epoch; seed and epoch decide it and nothing before
    them, so that a training goes on from a checkpoint as if it had never stopped.

    Args:
        lengths: Length of each row.
        batch_size: Rows a batch.
        seed: Seed of the order.
        corpora: The corpus of each row.
        shares: How often rows of each corpus are drawn, whatever their number.
    """

    NUM_BATCHES_SORTED = 8  # together: the more, the less padding, and the more alike the clips of a batch

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int,
        corpora: Sequence[str],
        shares: Mapping[str, float],
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.rows_of_corpus = {corpus: np.flatnonzero(np.asarray(corpora) == corpus) for corpus in shares}
        self.shares = shares
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        rows = self._draw(rng)
        num_in_batches = len(rows) // self.batch_size * self.batch_size
        rows, rest = rows[:num_in_batches], rows[num_in_batches:]
        for start in range(0, num_in_batches, size := self.NUM_BATCHES_SORTED * self.batch_size):
            part = rows[start : start + size]
            rows[start : start + size] = part[np.argsort(self.lengths[part], kind="stable")]
        yield from rng.permutation(rows.reshape(-1, self.batch_size)).ravel().tolist()
        yield from rest.tolist()

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw as many rows as there are: of each corpus its share, none twice before all were drawn."""
        drawn = []
        for corpus, rows in self.rows_of_corpus.items():
            num_rows = round(self.shares[corpus] * len(self.lengths))
            num_passes = -(-num_rows // len(rows))
            drawn.append(np.concatenate([rng.permutation(rows) for _ in range(num_passes)])[:num_rows])
        rows = rng.permutation(np.concatenate(drawn))
        return np.resize(rows, len(self.lengths))  # one more or less by rounding


class EmotionTrainer(Trainer):
    """A Trainer that draws corpora by their share, and changes features while training only.

    Args:
        corpus_loss: The loss, for training and evaluation.
        corpus_shares: How often rows of each corpus are drawn.
        eval_data_collator: Makes batches of evaluation.
    """

    def __init__(
        self,
        *args: Any,
        corpus_loss: CorpusLoss,
        corpus_shares: Mapping[str, float],
        eval_data_collator: Callable[[list[Any]], Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.corpus_loss = corpus_loss.to(self.args.device)
        self.corpus_shares = corpus_shares
        self.eval_data_collator = eval_data_collator

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,  # noqa: ARG002
    ) -> Any:
        """As in `Trainer`, with the loss of clips from several corpora."""
        inputs = dict(inputs)
        labels, corpus = inputs.pop("labels"), inputs.pop("corpus")
        outputs = model(**inputs)
        loss = self.corpus_loss(outputs.member_logits, labels, corpus)
        if not torch.isfinite(loss):
            raise ValueError(
                f"The loss is {float(loss)} at step {self.state.global_step + 1}, so training has diverged: "
                f"lower --learning_rate (now {self.args.learning_rate:g}) or --max_grad_norm "
                f"(now {self.args.max_grad_norm:g}). {RESUME_OPTION} goes on from the last checkpoint."
            )
        return (loss, outputs) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> LengthGroupedSampler:
        rows = cast(Dataset, self.train_dataset if train_dataset is None else train_dataset)
        batch_size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthGroupedSampler(
            rows["length"][:], batch_size, self.args.seed, rows["corpus"][:], self.corpus_shares
        )

    def get_eval_dataloader(self, eval_dataset: str | Dataset | None = None) -> DataLoader:
        """As in `Trainer`, with the collator of evaluation."""
        train_collator, self.data_collator = self.data_collator, self.eval_data_collator
        try:
            return super().get_eval_dataloader(eval_dataset)
        finally:
            self.data_collator = train_collator


def _labelled_spectrograms(
    clips: Dataset,
    feature_extractor: MfccLstmFeatureExtractor,
    recipe: RecipeArguments,
    num_augmented_copies: int = 0,
) -> Dataset:
    """Return spectrograms of clips as numpy arrays, with the column `labels` the Trainer looks for."""
    corpus_of_clip = np.asarray(clips["corpus"])
    parts = []
    for corpus in dict.fromkeys(corpus_of_clip.tolist()):
        is_main = corpus == corpus_of_clip[0]
        num_copies = min(
            num_augmented_copies,
            recipe.num_augmented_copies if is_main else recipe.num_copies_of_other_corpora,
        )
        parts.append(
            extract_spectrograms(
                clips.select(np.flatnonzero(corpus_of_clip == corpus)),
                feature_extractor,
                num_augmented_copies=num_copies,
                augmentation=WAVEFORM_ONLY,
                seed=recipe.augmentation_seed,
                num_proc=recipe.num_proc,
                cache_dir=Path(recipe.feature_cache_dir) if recipe.feature_cache_dir else None,
            )
        )
    return (
        concatenate_datasets(parts)
        .rename_column("emotion", "labels")
        .with_format("numpy", columns=["mel_spectrogram", "length", "labels", "corpus"])
    )
