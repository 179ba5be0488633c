"""Trains a tiny network without dropout or augmentation, alone or in two processes.

A step takes all clips, so that their order, which is drawn otherwise for several processes, does not matter:
however many there are, they compute the same sums, but for the statistics of batch normalisation.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from free_port import find_free_port
from training_runs import CONTEXT

from ser.corpora import load_ravdess
from ser.training import mfcc_lstm
from ser.training import trainer as training
from ser.training.mel_augmentation import MelAugmentationRecipe
from ser.training.recipe import ARCHITECTURES, RecipeArguments, RecipeTrainingArguments

TINY = {"conv_channels": [16], "conv_strides": [4], "hidden_size": 16, "attention_size": 8, "dropout": 0.0}
CLIPS_PER_STEP = 120
UNCHANGED = MelAugmentationRecipe(
    min_crop_fraction=1.0,
    max_crop_frames=10_000,
    max_vocal_tract_warp=0.0,
    noise_prob=0.0,
    band_limit_prob=0.0,
    equaliser_prob=0.0,
    hum_prob=0.0,
    tilt_prob=0.0,
    num_time_masks=0,
)


def train_tiny(corpus: Path, features: Path, num_processes: int = 1) -> dict[str, Any]:
    """Train on two actors, validate on a third; the losses, the validation scores and its probabilities."""
    ARCHITECTURES["tiny"] = TINY
    mfcc_lstm.MelAugmentationRecipe = lambda **_: UNCHANGED
    clips = load_ravdess(corpus, actors=(1, 2, 3))
    actors = np.asarray(clips["actor"])
    args = RecipeTrainingArguments(
        output_dir=str(features.with_name("out")),
        per_device_train_batch_size=CLIPS_PER_STEP // num_processes,
        max_steps=8,
        learning_rate=1e-2,
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
    )
    recipe = RecipeArguments(
        architecture="tiny", num_augmented_copies=0, num_proc=None, feature_cache_dir=str(features)
    )
    trainer, recognizer = training.train_classifier(
        clips.select(np.flatnonzero(actors != "ravdess:03")), None, recipe, args
    )
    held_back = clips.select(np.flatnonzero(actors == "ravdess:03"))
    labels = {"labels": np.asarray(held_back["emotion"])}
    dataset = mfcc_lstm._labelled_spectrograms(held_back, recognizer.feature_extractor, recipe, labels)
    scores = trainer.evaluate(dataset)
    return {
        "num_processes": args.world_size,
        "losses": [line["loss"] for line in trainer.state.log_history if "loss" in line],
        "scores": {name: scores[f"eval_{name}"] for name in ("loss", "uar", "accuracy")},
        "probabilities": [
            list(each.values()) for each in recognizer.predict([a["path"] for a in held_back["audio"]][::6])
        ],
    }


def train_tiny_together(corpus: Path, features: Path, report: Path) -> dict[str, Any]:
    """What `train_tiny` returns in the first of two processes that train together, as `torchrun` has them."""
    port = find_free_port()
    processes = [
        CONTEXT.Process(target=_train_as, args=(rank, port, corpus, features, report), daemon=True)
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    assert [process.exitcode for process in processes] == [0, 0]
    return json.loads(report.read_text())


def _train_as(rank: int, port: int, corpus: Path, features: Path, report: Path) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    found = train_tiny(corpus, features, num_processes=2)
    if rank == 0:
        report.write_text(json.dumps(found))
