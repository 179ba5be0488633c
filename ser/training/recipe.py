"""The settings of a training, with the shipped recipe as default."""

import os
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from transformers import TrainingArguments
from transformers.trainer_utils import IntervalStrategy, SaveStrategy

from ser.configuration_mfcc_lstm import VIEWS
from ser.training.mel_augmentation import MelAugmentationRecipe

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "hybrid": {},  # the defaults of MfccLstmConfig
    "plain": {"conv_channels": [], "conv_strides": []},
}
SIGNAL_SETTINGS: dict[str, Any] = {
    "target_level_db": -26.0,
    "high_pass_hz": 120.0,
    "dynamic_range_db": 70.0,
    "band_range_db": 45.0,
}
"""Settings of the feature extractor of an MFCC-LSTM that is trained from random weights."""
FREEZE_CHOICES = ("nothing", "front", "body")
WARM_RECIPE: dict[str, Any] = {"num_train_epochs": 10.0, "learning_rate": 1e-3, "num_augmented_copies": 4}
"""The defaults with `init_from`, chosen on nEMO from an MFCC-LSTM that was trained on RAVDESS alone."""


@dataclass
class RecipeArguments:
    """Settings of the recipe beside `TrainingArguments`; the defaults are the shipped recipe."""

    model_name_or_path: str | None = field(
        default=None,
        metadata={
            "help": "Folder or Hub id of a Whisper model, or of a checkpoint trained on one: LSTM heads are "
            "trained on its frozen lower layers in place of the MFCC-LSTM."
        },
    )
    init_from: str | None = field(
        default=None,
        metadata={
            "help": "Folder or Hub id of a trained checkpoint to start from: its layers and feature "
            "extractor, with a new classifier. Trains with a shorter recipe unless options say otherwise."
        },
    )
    freeze: str = field(
        default="nothing",
        metadata={
            "help": "Layers of --init_from that are not trained: nothing, the front (before the LSTM) or the "
            "body (all but the classifier).",
            "choices": FREEZE_CHOICES,
        },
    )
    encoder_layers: int = field(
        default=3, metadata={"help": "Layers of that encoder to keep; the last two are read."}
    )
    teacher: str | None = field(
        default=None,
        metadata={
            "help": "Folder or Hub id of a Whisper model. Heads are trained on it first, and the MFCC-LSTM "
            "learns their class scores beside the labels (knowledge distillation)."
        },
    )
    teacher_weight: float = field(
        default=0.5, metadata={"help": "Share of the loss that the scores of --teacher get."}
    )
    corpus_power: float = field(
        default=0.5, metadata={"help": "Corpora are drawn by this power of their size."}
    )
    min_ravdess_share: float = field(
        default=0.45, metadata={"help": "Minimum share of RAVDESS speech in the draws."}
    )
    architecture: str = field(
        default="hybrid",
        metadata={"help": "CNN+LSTM hybrid or plain MFCC-LSTM.", "choices": sorted(ARCHITECTURES)},
    )
    ensemble_size: int = field(
        default=3,
        metadata={"help": "Number of networks, trained together; predictions use their mean score."},
    )
    views: list[str] = field(
        default_factory=lambda: list(VIEWS),
        metadata={
            "help": "Input of the networks of the ensemble, in turn: features as they are, less their mean "
            "over the clip's speech, or their change from frame to frame.",
            "choices": VIEWS,
        },
    )
    num_augmented_copies: int = field(
        default=10,
        metadata={"help": "Augmented copies of each clip of the first corpus, with the prosodies in turn."},
    )
    num_copies_of_other_corpora: int = field(
        default=1, metadata={"help": "Augmented copies of each clip of other corpora."}
    )
    noise_prob: float = field(
        default=MelAugmentationRecipe.noise_prob,
        metadata={"help": "Share of the training clips that get noise or babble."},
    )
    balanced_loss: bool = field(
        default=True,
        metadata={"help": "Whether the loss compensates for the label shares of each corpus."},
    )
    temperature: float = field(
        default=1.12,
        metadata={"help": "Divides the trained scores, so that probabilities are calibrated."},
    )
    not_sure_below: float = field(
        default=0.61,
        metadata={"help": 'Highest probability below which the answer is "not sure".'},
    )
    early_stopping_patience: int = field(
        default=5,
        metadata={"help": "Evaluations without a better UAR until training stops; needs validation."},
    )
    augmentation_seed: int = field(default=0, metadata={"help": "Seed of the augmented copies."})
    num_proc: int | None = field(
        default_factory=os.cpu_count,
        metadata={"help": "Processes that compute spectrograms; one for each core if not given."},
    )
    feature_cache_dir: str | None = field(
        default=None,
        metadata={"help": "Folder for cached features; the cache folder of datasets if not given."},
    )


@dataclass
class RecipeTrainingArguments(TrainingArguments):
    """`TrainingArguments` whose defaults are the shipped recipe."""

    label_smoothing_factor: float = field(
        default=0.1, metadata={"help": "Probability spread evenly over the classes of the corpus."}
    )
    num_train_epochs: float = field(
        default=12.0, metadata={"help": "Passes over the training clips and all augmented copies."}
    )
    per_device_train_batch_size: int = field(default=32, metadata={"help": "Clips per step."})
    per_device_eval_batch_size: int = field(default=64, metadata={"help": "Clips per step of evaluation."})
    learning_rate: float = field(default=2e-3, metadata={"help": "Peak learning rate of AdamW."})
    weight_decay: float = field(default=1e-2, metadata={"help": "Weight decay of AdamW."})
    lr_scheduler_type: str = field(default="cosine", metadata={"help": "Schedule of the learning rate."})
    warmup_steps: float = field(
        default=0.3, metadata={"help": "Share of the steps with a rising learning rate."}
    )
    remove_unused_columns: bool = field(
        default=False,
        metadata={"help": "Leave it off: the collator needs columns that the network does not."},
    )
    bf16: bool | None = field(  # type: ignore[assignment]  # set before TrainingArguments reads it
        default=None,
        metadata={
            "help": "Whether layers compute in bfloat16. By default, if the processor has instructions for "
            "it; then it is a quarter faster, otherwise slower."
        },
    )
    max_grad_norm: float = field(default=5.0, metadata={"help": "Maximum norm of the gradients."})
    logging_steps: float = field(default=50, metadata={"help": "Steps between lines of the log."})
    logging_first_step: bool = field(
        default=True, metadata={"help": "Log the first step, so that short runs have a curve."}
    )
    report_to: str = field(default="none", metadata={"help": "Experiment trackers to report to."})
    save_steps: float = field(default=0.05, metadata={"help": "Share of the steps between checkpoints."})
    save_total_limit: int | None = field(
        default=2, metadata={"help": "Number of checkpoints kept: if one is damaged, the other is used."}
    )

    def __post_init__(self) -> None:
        """Settle the options that depend on the machine."""
        if self.bf16 is None:
            has_instructions = torch.cpu.get_capabilities()
            is_quick = has_instructions.get("avx512_bf16") or has_instructions.get("amx_bf16")
            self.bf16 = bool(is_quick) and not self.fp16
        if self.neftune_noise_alpha is not None:
            raise ValueError("neftune_noise_alpha is for models with word embeddings; this one has none.")
        if not torch.accelerator.is_available():
            self.use_cpu = True  # so that the processes of torchrun do not look for GPUs
            self.dataloader_pin_memory = False
        if self.save_total_limit == 1:
            raise ValueError(
                "save_total_limit must be 2 or more, got 1: the last checkpoint would be deleted before the "
                "next one is verified."
            )
        super().__post_init__()

    def keep_best(self) -> None:
        """Evaluate at every checkpoint and keep the one with the highest UAR on the validation clips."""
        self.eval_strategy = IntervalStrategy.STEPS
        self.save_strategy = SaveStrategy.STEPS
        self.eval_steps = self.save_steps
        self.load_best_model_at_end = True
        self.metric_for_best_model = "uar"
        self.greater_is_better = True

    def summary(self) -> dict[str, Any]:
        """Return the settings that the weights depend on, for the record."""
        names = [
            *RecipeTrainingArguments.__annotations__,
            "seed",
            "gradient_accumulation_steps",
            "world_size",
        ]
        bookkeeping = (
            "report_to",
            "remove_unused_columns",
            "logging_steps",
            "logging_first_step",
            "save_steps",
            "save_total_limit",
        )
        return {name: getattr(self, name) for name in names if name not in bookkeeping}


def settings_of(recipe: RecipeArguments, training_args: RecipeTrainingArguments) -> dict[str, Any]:
    """Return the settings of a training, as results and records store them."""
    return {"recipe": asdict(recipe) | SIGNAL_SETTINGS, "training_arguments": training_args.summary()}
