"""Any audio encoder of transformers in place of the MFCC-LSTM: the same clips, copies, splits and metrics.

An encoder has an extractor of its own, so waveforms are changed and extracted batch by batch, nothing is
cached, and what works on MFCC alone (time masks, equaliser) is left out.
"""

from collections import Counter
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    EarlyStoppingCallback,
    SequenceFeatureExtractor,
    Trainer,
    set_seed,
)

from ser.audio import load_audio
from ser.encoders.recognizer import EncoderRecognizer, extract_batch
from ser.training.augmentation import augment_waveform
from ser.training.checkpoints import checkpoint_to_resume, run_settings
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.termination import survival_callbacks
from ser.training.trainer_metrics import compute_classification_metrics


def train_encoder(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    resume_from_checkpoint: str | bool | None = None,
) -> tuple[Trainer, EncoderRecognizer]:
    """Fine-tune an audio encoder on some clips and all their augmented copies.

    Args:
        train_clips: Clips with `audio`, `actor` and `emotion`; nothing else is seen or augmented.
        validation_clips: As for `train_classifier`.
        recipe: `model_name_or_path` is the encoder, whose head becomes one for the emotions of `train_clips`,
            with random weights at first; beside it the number of copies and their seed count. The rest
            concerns the MFCC-LSTM.
        training_args: How to train. Encoders want a learning rate near 3e-5, far below the recipe's.
        resume_from_checkpoint: As in `checkpoint_to_resume`.

    Returns:
        The Trainer, and the fine-tuned encoder with its feature extractor as a recogniser.

    Raises:
        OSError: If there is no such model, or it comes without a feature extractor.
        ValueError: If the recipe names none, or one that transformers can put no audio classifier on; if the
            checkpoint to go on from is damaged, or of a training with other settings.
        SystemExit: If SIGTERM came; a checkpoint was saved first.
    """
    name = recipe.model_name_or_path
    if name is None:
        raise ValueError("The recipe names no encoder: set its model_name_or_path.")
    settings = run_settings(recipe, training_args, train_clips, validation_clips)
    checkpoint = checkpoint_to_resume(resume_from_checkpoint, training_args, settings)
    set_seed(training_args.seed)
    emotions = train_clips.features["emotion"].names
    feature_extractor = AutoFeatureExtractor.from_pretrained(name)
    model = AutoModelForAudioClassification.from_pretrained(
        name,
        num_labels=len(emotions),
        id2label=dict(enumerate(emotions)),
        label2id={emotion: label for label, emotion in enumerate(emotions)},
        ignore_mismatched_sizes=True,
    )
    rate = feature_extractor.sampling_rate
    trainer = Trainer(
        model=model,
        args=training_args,
        data_collator=WaveformCollator(feature_extractor),
        train_dataset=WaveformDataset(
            train_clips, rate, recipe.num_augmented_copies, recipe.augmentation_seed
        ),
        eval_dataset=None if validation_clips is None else WaveformDataset(validation_clips, rate),
        processing_class=feature_extractor,
        compute_metrics=compute_classification_metrics,
        callbacks=survival_callbacks(settings),
    )
    if validation_clips is not None:
        trainer.add_callback(EarlyStoppingCallback(recipe.early_stopping_patience))
    trainer.train(resume_from_checkpoint=checkpoint)
    trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)  # it answers in full precision
    return trainer, EncoderRecognizer(model, feature_extractor)


class WaveformDataset(torch.utils.data.Dataset):
    """Clips and their changed copies as waveforms, read and changed when asked for.

    Copy `c` of clip `i` of an actor draws from `default_rng((seed, actor, i, c))`, as it does for MFCC,
    whatever the order in which copies are asked for.

    Args:
        clips: Rows with `audio` (undecoded), `actor` and `emotion`.
        sampling_rate: Rate of the waveforms in Hz.
        num_augmented_copies: Changed copies beside each clip; 0 gives the clips alone.
        seed: Seed of the copies.
    """

    def __init__(self, clips: Dataset, sampling_rate: int, num_augmented_copies: int = 0, seed: int = 0):
        self.clips = clips
        self.sampling_rate = sampling_rate
        self.num_per_clip = 1 + num_augmented_copies
        self.seed = seed
        num_seen: Counter[int] = Counter()
        self.index_in_actor = []
        for actor in clips["actor"]:
            self.index_in_actor.append(num_seen[actor])
            num_seen[actor] += 1

    def __len__(self) -> int:
        return len(self.clips) * self.num_per_clip

    def __getitem__(self, row: int) -> dict[str, Any]:
        """`waveform`, float32 `(num_samples,)`, and its `labels`."""
        index, copy = divmod(row, self.num_per_clip)
        clip = self.clips[index]
        audio = clip["audio"]
        waveform = load_audio(audio["path"] if audio["bytes"] is None else audio["bytes"], self.sampling_rate)
        if copy > 0:
            rng = np.random.default_rng((self.seed, clip["actor"], self.index_in_actor[index], copy))
            waveform = augment_waveform(waveform, self.sampling_rate, rng, number=copy - 1)
        return {"waveform": waveform, "labels": clip["emotion"]}


class WaveformCollator:
    """Batches of what an encoder's own feature extractor makes of waveforms."""

    def __init__(self, feature_extractor: SequenceFeatureExtractor):
        self.feature_extractor = feature_extractor

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """The encoder's inputs and `labels`, shape `(batch_size,)`."""
        batch = extract_batch(self.feature_extractor, [example["waveform"] for example in examples])
        batch["labels"] = torch.tensor([example["labels"] for example in examples])
        return dict(batch)
