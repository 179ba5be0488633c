"""Training LSTM heads on the frozen lower layers of a Whisper encoder, from steps that are computed once."""

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import datasets
import numpy as np
import torch
from datasets import Dataset
from transformers import (
    EarlyStoppingCallback,
    PreTrainedConfig,
    Trainer,
    WhisperForAudioClassification,
    set_seed,
)
from transformers.utils import logging

from ser.configuration_whisper_lstm import WhisperLstmConfig
from ser.feature_extraction_whisper_lstm import WhisperLstmFeatureExtractor
from ser.modeling_whisper_lstm import WhisperLstmForAudioClassification
from ser.recognizer.whisper_lstm import WhisperLstmRecognizer
from ser.training.checkpoints import checkpoint_to_resume, run_settings
from ser.training.corpus_loss import CorpusLoss, corpus_weights
from ser.training.encoder_features import EncoderFeatures
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.termination import survival_callbacks
from ser.training.trainer_metrics import compute_classification_metrics
from ser.training.warm_start import start_from

ENCODER_SIZES = ("feature_size", "encoder_width", "encoder_attention_heads", "encoder_ffn_dim")
MAX_STEPS = 55  # of a training clip, 4.4 s: padding a batch to one slow clip costs more than it is worth
MIN_CROP = 0.7  # the shortest part of a clip that is kept
NOISE_STD = 0.1  # added to standardised steps
NUM_TIME_MASKS = 2
MAX_TIME_MASK = 0.12  # the longest, as a share of the clip


def train_heads(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    resume_from_checkpoint: str | bool | None = None,
) -> tuple[Trainer, WhisperLstmRecognizer]:
    """Train heads on a frozen encoder, on some clips and changed copies of them.

    Args:
        train_clips: Clips with `audio`, `corpus`, `actor` and `emotion`; nothing else is seen or changed.
        validation_clips: Clips of other actors that choose the best checkpoint, as for `train_classifier`.
        recipe: `model_name_or_path` is the encoder; or `init_from` a checkpoint whose heads go on learning.
        training_args: How to train.
        resume_from_checkpoint: As in `checkpoint_to_resume`.

    Returns:
        The Trainer, and the trained model with its feature extractor as a recogniser.

    Raises:
        OSError: If there is no such encoder.
        ValueError: If it is no Whisper encoder, or the checkpoint to resume is damaged or does not match.
        SystemExit: If SIGTERM came; a checkpoint was saved first.
    """
    settings = run_settings(recipe, training_args, train_clips, validation_clips)
    checkpoint = checkpoint_to_resume(resume_from_checkpoint, training_args, settings)
    set_seed(training_args.seed)
    emotions = train_clips.features["emotion"].names
    known = start_from(recipe.init_from, emotions, recipe.freeze) if recipe.init_from else None
    model: WhisperLstmForAudioClassification = (
        known.model
        if known
        else model_on_encoder(
            cast(str, recipe.model_name_or_path),
            encoder_layers=recipe.encoder_layers,
            ensemble_size=recipe.ensemble_size,
            head_kinds=recipe.head_kinds,
            id2label=dict(enumerate(emotions)),
            label2id={emotion: label for label, emotion in enumerate(emotions)},
        )
    )
    feature_extractor = WhisperLstmFeatureExtractor(feature_size=model.config.feature_size)
    cache_dir = Path(recipe.feature_cache_dir or datasets.config.HF_DATASETS_CACHE) / "ser-encoder-steps"
    features = EncoderFeatures(model, feature_extractor, cache_dir, recipe.augmentation_seed)
    validation_rows = None
    with training_args.main_process_first():  # the other processes then read what it left in the cache
        train_rows = StepRows(
            train_clips, features, recipe.num_augmented_copies, recipe.num_copies_of_other_corpora
        )
        if validation_clips is not None:
            validation_rows = StepRows(validation_clips, features)
    # Trained heads expect the statistics that they were trained with.
    mean, std = (model.step_mean, model.step_std) if known else train_rows.statistics()
    model.set_statistics(mean, std)
    trainer = HeadTrainer(
        model=model,
        args=training_args,
        data_collator=StepCollator((mean, std), training_args.seed),
        eval_data_collator=StepCollator(),
        corpus_loss=CorpusLoss(train_rows.corpora_of_rows(), train_rows.labels, emotions),
        corpus_shares=corpus_shares(train_rows, recipe),
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
    return trainer, WhisperLstmRecognizer(model, feature_extractor)


def model_on_encoder(name: str, encoder_layers: int, **settings: Any) -> WhisperLstmForAudioClassification:
    """A model with new heads on the first layers of an encoder.

    Args:
        name: Folder or Hub id of a Whisper model, or of a checkpoint of this family, whose encoder is taken.
        encoder_layers: Layers to keep; the heads read the last two of them.
        settings: Further settings of `WhisperLstmConfig`.

    Raises:
        OSError: If there is no such model.
        ValueError: If it has no Whisper encoder, or fewer layers.
    """
    config, _ = PreTrainedConfig.get_config_dict(name)
    model_type = config.get("model_type")
    if model_type == WhisperLstmConfig.model_type:
        weights = WhisperLstmForAudioClassification.from_pretrained(name).encoder.state_dict()
        sizes = {key: config[key] for key in ENCODER_SIZES}
    elif model_type == "whisper":
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # or else it reports the missing head, which is not used
        try:
            whisper = WhisperForAudioClassification.from_pretrained(name, dtype="float32")
        finally:
            logging.set_verbosity(verbosity)
        weights = whisper.encoder.state_dict()
        sizes = {
            "feature_size": whisper.config.num_mel_bins,
            "encoder_width": whisper.config.d_model,
            "encoder_attention_heads": whisper.config.encoder_attention_heads,
            "encoder_ffn_dim": whisper.config.encoder_ffn_dim,
        }
    else:
        raise ValueError(
            f"{name} is a {model_type} model, expected Whisper or a checkpoint trained on it. Pass "
            "--model_name_or_path openai/whisper-base, or what data_scripts/make_whisper_encoder.py makes."
        )
    num_layers = len({key.split(".")[1] for key in weights if key.startswith("layers.")})
    if encoder_layers > num_layers:
        raise ValueError(f"{name} has {num_layers} encoder layers, asked for were {encoder_layers}.")
    model = WhisperLstmForAudioClassification(
        WhisperLstmConfig(
            encoder_layers=encoder_layers,
            used_layers=list(range(max(1, encoder_layers - 1), encoder_layers + 1)),
            **sizes,
            **settings,
        )
    )
    model.encoder.load_state_dict({key: weights[key] for key in model.encoder.state_dict()})
    return model


def base_model_of(name: str) -> str:
    """Return the published model that an encoder was made from if its folder says so, else `name`."""
    config, _ = PreTrainedConfig.get_config_dict(name)
    return str(config.get("_name_or_path") or name)


class StepRows(torch.utils.data.Dataset):
    """Encoder steps of clips and their changed copies, in memory.

    Args:
        clips: Rows with `audio` (undecoded), `corpus`, `actor` and `emotion`.
        features: Computes the steps, or finds them.
        num_augmented_copies: Changed copies beside each clip of RAVDESS.
        num_copies_of_other_corpora: The same of other corpora, which have more clips.
    """

    def __init__(
        self,
        clips: Dataset,
        features: EncoderFeatures,
        num_augmented_copies: int = 0,
        num_copies_of_other_corpora: int = 0,
    ):
        corpus_of_clip, actor_of_clip = np.asarray(clips["corpus"]), np.asarray(clips["actor"])
        labels = np.asarray(clips["emotion"])
        self.corpora = list(dict.fromkeys(corpus_of_clip.tolist()))
        steps, label_of_row, corpus_of_row = [], [], []
        for corpus, actor in sorted(set(zip(corpus_of_clip.tolist(), actor_of_clip.tolist(), strict=True))):
            rows = np.flatnonzero((corpus_of_clip == corpus) & (actor_of_clip == actor))
            files = [_content(audio) for audio in clips.select(rows)["audio"]]
            num_copies = num_augmented_copies if corpus == "ravdess" else num_copies_of_other_corpora
            for copy in range(num_copies + 1):
                steps += features.of_speaker(files, copy)
                label_of_row += labels[rows].tolist()
                corpus_of_row += [self.corpora.index(corpus)] * len(rows)
        self.steps = steps
        self.labels = np.array(label_of_row)
        self.corpus_of_row = np.array(corpus_of_row)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, row: int) -> dict[str, Any]:
        """`steps`, float16 `(num_steps, C)`, with `labels`, `corpus` and `row`."""
        return {
            "steps": self.steps[row],
            "labels": self.labels[row],
            "corpus": self.corpus_of_row[row],
            "row": row,
        }

    def statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation of each channel over all steps."""
        total = torch.zeros(self.steps[0].shape[1], dtype=torch.float64)
        square, count = total.clone(), 0
        for each in self.steps:
            values = each.float()
            total += values.sum(dim=0)
            square += values.square().sum(dim=0)
            count += len(values)
        mean = total / count
        return mean.float(), (square / count - mean.square()).clamp(min=0.0).sqrt().float()

    def corpora_of_rows(self) -> list[str]:
        """Return the corpus of each row."""
        return [self.corpora[corpus] for corpus in self.corpus_of_row]


def corpus_shares(rows: StepRows, recipe: RecipeArguments) -> np.ndarray:
    """Return the share of the draws that each corpus gets."""
    sizes = dict(zip(rows.corpora, np.bincount(rows.corpus_of_row).tolist(), strict=True))
    shares = corpus_weights(sizes, recipe.corpus_power, recipe.min_ravdess_share)
    return np.array([shares[corpus] for corpus in rows.corpora])


class CorpusSampler(torch.utils.data.Sampler[int]):
    """Rows drawn by their corpus's share, in batches of like length; seed and epoch alone decide the order.

    Args:
        rows: What is drawn from.
        shares: Share of each corpus in the draws.
        batch_size: Rows a batch.
        seed: Seed of the draws.
    """

    NUM_BATCHES_SORTED = 4

    def __init__(self, rows: StepRows, shares: np.ndarray, batch_size: int, seed: int):
        self.lengths = np.minimum([len(each) for each in rows.steps], MAX_STEPS)
        self.rows_of_corpus = [np.flatnonzero(rows.corpus_of_row == index) for index in range(len(shares))]
        self.shares, self.batch_size, self.seed, self.epoch = shares, batch_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths) // self.batch_size * self.batch_size

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        corpora = rng.choice(len(self.shares), len(self), p=self.shares)
        drawn = np.array([rng.choice(self.rows_of_corpus[corpus]) for corpus in corpora])
        for start in range(0, len(drawn), size := self.NUM_BATCHES_SORTED * self.batch_size):
            part = drawn[start : start + size]
            part = part[np.argsort(self.lengths[part], kind="stable")].reshape(-1, self.batch_size)
            yield from rng.permutation(part).ravel().tolist()


class StepCollator:
    """Batches of steps, padded; in training a random part of each, with noise and masked stretches.

    What is drawn depends on the seed and the rows of the batch alone: a resumed training draws the same.

    Args:
        statistics: Mean and standard deviation of each channel; if not given, nothing is changed.
        seed: Seed of the changes.
    """

    def __init__(self, statistics: tuple[torch.Tensor, torch.Tensor] | None = None, seed: int = 0):
        self.statistics = statistics
        self.seed = seed

    def __call__(self, examples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """`encoder_steps` (B, S, C), `attention_mask` (B, S), `labels` (B,) and `corpora` (B,)."""
        steps = [example["steps"].float() for example in examples]
        if self.statistics is not None:
            rows = np.array([example["row"] for example in examples])
            rng = np.random.default_rng((self.seed, zlib.crc32(rows.tobytes())))
            steps = [self._changed(each, *self.statistics, rng) for each in steps]
        lengths = torch.tensor([len(each) for each in steps])
        padded = torch.nn.utils.rnn.pad_sequence(steps, batch_first=True)
        return {
            "encoder_steps": padded,
            "attention_mask": (torch.arange(padded.shape[1]) < lengths[:, None]).int(),
            "labels": torch.tensor([int(example["labels"]) for example in examples]),
            "corpora": torch.tensor([int(example["corpus"]) for example in examples]),
        }

    @staticmethod
    def _changed(
        steps: torch.Tensor, mean: torch.Tensor, std: torch.Tensor, rng: np.random.Generator
    ) -> torch.Tensor:
        length = min(MAX_STEPS, max(1, round(len(steps) * rng.uniform(MIN_CROP, 1.0))))
        start = rng.integers(0, len(steps) - length + 1)
        steps = steps[start : start + length]
        noise = torch.from_numpy(rng.standard_normal(steps.shape, np.float32))
        steps = steps + NOISE_STD * std * noise
        for _ in range(NUM_TIME_MASKS):
            width = int(length * rng.uniform(0.0, MAX_TIME_MASK))
            first = rng.integers(0, length - width + 1)
            steps[first : first + width] = mean
        return steps


class HeadTrainer(Trainer):
    """A Trainer with the loss over the classes of a clip's corpus; evaluates clips unchanged."""

    def __init__(
        self,
        *args: Any,
        eval_data_collator: StepCollator,
        corpus_loss: CorpusLoss,
        corpus_shares: np.ndarray,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.eval_data_collator = eval_data_collator
        self.corpus_loss = corpus_loss
        self.corpus_shares = corpus_shares

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,  # noqa: ARG002 -- the interface's
    ) -> Any:
        """Mean loss of the heads."""
        outputs = model(encoder_steps=inputs["encoder_steps"], attention_mask=inputs["attention_mask"])
        loss = self.corpus_loss(outputs["head_logits"], inputs["labels"], inputs["corpora"])
        return (loss, {"loss": loss, "logits": outputs["logits"]}) if return_outputs else loss

    def _get_train_sampler(self, train_dataset: Any = None) -> CorpusSampler:
        rows = cast(StepRows, self.train_dataset if train_dataset is None else train_dataset)
        batch_size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return CorpusSampler(rows, self.corpus_shares, batch_size, self.args.seed)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> torch.utils.data.DataLoader:
        """As in `Trainer`, with the collator of evaluation."""
        train_collator, self.data_collator = self.data_collator, self.eval_data_collator
        try:
            return super().get_eval_dataloader(eval_dataset)
        finally:
            self.data_collator = train_collator


def _content(audio: dict[str, Any]) -> bytes:
    return (
        cast(bytes, audio["bytes"])
        if audio["bytes"] is not None
        else Path(os.fspath(audio["path"])).read_bytes()
    )
