"""Checkpoints of a training, sealed with checksums and verified before use.

The Trainer writes a checkpoint file by file, and resumes from whatever it finds. After a `kill -9`, the
newest may be incomplete, and a missing optimizer state or a flipped bit silently changes the weights. Here a
list of SHA-256 sums is written last, and training resumes from the newest checkpoint that matches its list.
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

SUMS_NAME = "SHA256SUMS"  # `sha256sum --check SHA256SUMS` verifies it too
SETTINGS_NAME = "run_settings.json"
RESUME_OPTION = "--resume_from_checkpoint auto"
DAMAGED_PREFIX = "damaged-"  # the Trainer manages folders that begin with "checkpoint-"

logger = logging.get_logger(__name__)


class SealCheckpoints(TrainerCallback):
    """Seals each checkpoint once all processes have written it.

    Args:
        settings: As `run_settings` returns them; a training with other settings cannot resume.
    """

    def __init__(self, settings: dict[str, Any]):
        self.settings = settings

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Seal the checkpoint just written."""
        if args.world_size > 1:
            torch.distributed.barrier()  # each process writes its own random state
        if state.is_world_process_zero:
            seal(Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}", self.settings)


def run_settings(
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    train_clips: Dataset,
    validation_clips: Dataset | None,
) -> dict[str, Any]:
    """Return the settings that the weights depend on, which a resumed training must share."""
    settings = asdict(recipe) | training_args.summary() | {"max_steps": training_args.max_steps}
    for name in ("num_proc", "feature_cache_dir"):
        del settings[name]
    settings["train_actors"] = sorted(set(train_clips["actor"]))
    settings["validation_actors"] = sorted(set(validation_clips["actor"])) if validation_clips else []
    return settings


def seal(checkpoint: Path, settings: dict[str, Any]) -> None:
    """Write the settings and, once everything is on the disk, the checksums of all files.

    Args:
        checkpoint: Folder of the checkpoint.
        settings: As `run_settings` returns them.
    """
    (checkpoint / SETTINGS_NAME).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    sums = checkpoint / SUMS_NAME
    sums.unlink(missing_ok=True)  # of an overwritten checkpoint of the same step
    for file in checkpoint.iterdir():
        _flush(file)
    unfinished = checkpoint.with_name(f"{SUMS_NAME}.part")
    unfinished.write_bytes(_sums(checkpoint))
    _flush(unfinished)
    unfinished.replace(sums)
    _flush(checkpoint)
    _flush(checkpoint.parent)


def damage(checkpoint: Path) -> str | None:
    """Describe the damage of a checkpoint; `None` if every file is as it was sealed."""
    if not checkpoint.is_dir():
        return "it does not exist"
    if not (checkpoint / SUMS_NAME).is_file():
        return f"it was not finished: {SUMS_NAME} is missing"
    sealed, found = (checkpoint / SUMS_NAME).read_bytes(), _sums(checkpoint)
    if sealed == found:
        return None
    differing = set(sealed.split(b"\n")) ^ set(found.split(b"\n"))
    names = sorted({line.split(b"  ")[-1].decode(errors="replace") for line in differing} - {""})
    return f"{', '.join(names)} changed or missing"


def checkpoint_to_resume(
    resume_from_checkpoint: str | bool | None, training_args: TrainingArguments, settings: dict[str, Any]
) -> str | None:
    """Find the checkpoint to resume from.

    Args:
        resume_from_checkpoint: A checkpoint's folder; "auto" or True for the newest undamaged one in the
            output folder, if any; None for a new training.
        training_args: Of the training.
        settings: As `run_settings` returns them.

    Raises:
        ValueError: If the checkpoint is damaged, or belongs to a training with other settings.
    """
    if not resume_from_checkpoint:
        return None
    found: Path | None
    if resume_from_checkpoint is True or resume_from_checkpoint == "auto":
        with training_args.main_process_first():  # the others then find no damaged ones
            found = newest_whole(Path(str(training_args.output_dir)))
    else:
        found = Path(resume_from_checkpoint)
        if problem := damage(found) or _damage_of_best(found):
            raise ValueError(f"{found} cannot be used: {problem}. Resume with {RESUME_OPTION}.")
    if found is not None:
        _check_settings(found, settings)
    return str(found) if found else None


def newest_whole(output_dir: Path) -> Path | None:
    """Find the newest undamaged checkpoint in a folder.

    Its best checkpoint, which training may return to, must be undamaged too. Newer ones are
    renamed to "damaged-..." with a warning.

    Args:
        output_dir: Output folder of the training.
    """
    for checkpoint in map(Path, reversed(sort_checkpoints(str(output_dir)))):
        problem = damage(checkpoint) or _damage_of_best(checkpoint)
        if problem is None:
            return checkpoint
        aside = checkpoint.with_name(DAMAGED_PREFIX + checkpoint.name)
        shutil.rmtree(aside, ignore_errors=True)  # from earlier damage at the same step
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
            f"{checkpoint} belongs to a training with other settings ({changes}). Give those again, or train "
            "into another folder."
        )


def _sums(checkpoint: Path) -> bytes:
    files = sorted(file for file in checkpoint.iterdir() if file.is_file() and file.name != SUMS_NAME)
    return "".join(f"{_sha256(file)}  {file.name}\n" for file in files).encode()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Wait until a file or the entries of a folder are on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows does not open folders
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
