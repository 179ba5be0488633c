"""Checkpoints of a training that survive whatever ends it: sealed with checksums, verified before use.

The Trainer writes a checkpoint file by file, and takes whatever it finds when it resumes: after a `kill -9`
the newest one may be half there, and a missing optimizer state or a flipped bit silently gives other weights.
So a list of SHA-256 sums is written last, and training goes on from the newest checkpoint that fulfils it.
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, sort_checkpoints
from transformers.utils import logging

from ser.training.recipe import RecipeArguments, RecipeTrainingArguments

SUMS_NAME = "SHA256SUMS"  # in the form of sha256sum, so that `sha256sum --check SHA256SUMS` verifies it too
SETTINGS_NAME = "run_settings.json"
RESUME_OPTION = "--resume_from_checkpoint auto"
DAMAGED_PREFIX = "damaged-"  # the Trainer counts, keeps and deletes folders that begin with "checkpoint-"

logger = logging.get_logger(__name__)


class SealCheckpoints(TrainerCallback):
    """Seals each checkpoint once the Trainer has written it, in every process's name.

    Args:
        settings: What the weights depend on; a training with other settings cannot go on from the checkpoint.
    """

    def __init__(self, settings: dict[str, Any]):
        self.settings = settings

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Called when a checkpoint was written, and not read yet."""
        if args.world_size > 1:
            torch.distributed.barrier()  # each process writes the state of its own random numbers
        if state.is_world_process_zero:
            seal(Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}", self.settings)


def run_settings(
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    train_clips: Dataset,
    validation_clips: Dataset | None,
) -> dict[str, Any]:
    """What the weights of a training depend on, so that none goes on from the checkpoints of another one."""
    settings = asdict(recipe) | training_args.summary() | {"max_steps": training_args.max_steps}
    for name in ("num_proc", "feature_cache_dir"):  # where and how fast
        del settings[name]
    settings["train_actors"] = sorted(set(train_clips["actor"]))
    settings["validation_actors"] = sorted(set(validation_clips["actor"])) if validation_clips else []
    return settings


def seal(checkpoint: Path, settings: dict[str, Any]) -> None:
    """Write the settings and, when everything is on the disk, the checksums of all files.

    Args:
        checkpoint: Its folder.
        settings: What the weights depend on.
    """
    (checkpoint / SETTINGS_NAME).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    sums = checkpoint / SUMS_NAME
    sums.unlink(missing_ok=True)  # of a checkpoint of the same step, written over
    for file in checkpoint.iterdir():
        _flush(file)
    unfinished = checkpoint.with_name(f"{SUMS_NAME}.part")
    unfinished.write_bytes(_sums(checkpoint))
    _flush(unfinished)
    unfinished.replace(sums)
    _flush(checkpoint)
    _flush(checkpoint.parent)


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, in words, or None where every file is as it was sealed."""
    if not checkpoint.is_dir():
        return "it is not there"
    if not (checkpoint / SUMS_NAME).is_file():
        return f"it was not finished: {SUMS_NAME} is missing"
    sealed, found = (checkpoint / SUMS_NAME).read_bytes(), _sums(checkpoint)
    if sealed == found:
        return None
    differing = set(sealed.split(b"\n")) ^ set(found.split(b"\n"))
    names = sorted({line.split(b"  ")[-1].decode(errors="replace") for line in differing} - {""})
    return f"{', '.join(names)} changed or got lost"


def checkpoint_to_resume(
    resume_from_checkpoint: str | bool | None, training_args: TrainingArguments, settings: dict[str, Any]
) -> str | None:
    """The checkpoint that a training goes on from, if any.

    Args:
        resume_from_checkpoint: A checkpoint's folder; or "auto" or True for the newest one in the output
            folder that is whole, and for beginning anew where there is none; or None for beginning anew.
        training_args: Of the training.
        settings: What the weights of this training depend on.

    Raises:
        ValueError: If the checkpoint is damaged, or one of a training with other settings.
    """
    if not resume_from_checkpoint:
        return None
    found: Path | None
    if resume_from_checkpoint is True or resume_from_checkpoint == "auto":
        with training_args.main_process_first():  # the others then find the folder tidied up
            found = newest_whole(Path(str(training_args.output_dir)))
    else:
        found = Path(resume_from_checkpoint)
        if problem := damage(found) or _damage_of_best(found):
            raise ValueError(f"{found} cannot be used: {problem}. Go on with {RESUME_OPTION}.")
    if found is not None:
        _check_settings(found, settings)
    return str(found) if found else None


def newest_whole(output_dir: Path) -> Path | None:
    """The newest checkpoint in a folder that is whole, and so is the best one before it.

    For a training may return to its best checkpoint in the end. All that are newer are set aside, under names
    that begin with "damaged-", and a warning tells why.

    Args:
        output_dir: Where a training left its checkpoints.
    """
    for checkpoint in map(Path, reversed(sort_checkpoints(str(output_dir)))):
        problem = damage(checkpoint) or _damage_of_best(checkpoint)
        if problem is None:
            return checkpoint
        aside = checkpoint.with_name(DAMAGED_PREFIX + checkpoint.name)
        shutil.rmtree(aside, ignore_errors=True)  # that of an earlier accident at the same step
        checkpoint.rename(aside)
        logger.warning(f"{checkpoint} cannot be used and is now {aside.name}: {problem}.")
    return None


def _damage_of_best(checkpoint: Path) -> str | None:
    state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE_NAME))
    if state.best_model_checkpoint is None:
        return None
    best = checkpoint.with_name(Path(state.best_model_checkpoint).name)
    problem = damage(best)
    return problem and f"of {best.name}, the best one before it, {problem}"


def _check_settings(checkpoint: Path, settings: dict[str, Any]) -> None:
    made_with = json.loads((checkpoint / SETTINGS_NAME).read_text(encoding="utf-8"))
    settings = json.loads(json.dumps(settings))  # tuples become lists, as they did in the file
    names = sorted(made_with.keys() | settings.keys())
    differing = [name for name in names if made_with.get(name) != settings.get(name)]
    if differing:
        changes = "; ".join(f"{name}: {made_with.get(name)}, now {settings.get(name)}" for name in differing)
        raise ValueError(
            f"{checkpoint} is from a training with other settings ({changes}). Give those again, or train "
            "into another folder."
        )


def _sums(checkpoint: Path) -> bytes:
    files = sorted(file for file in checkpoint.iterdir() if file.is_file() and file.name != SUMS_NAME)
    return "".join(f"{_sha256(file)}  {file.name}\n" for file in files).encode()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Wait until a file, or the list of names in a folder, is on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders, and keeps their names by itself
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
