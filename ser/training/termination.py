"""Signals that end a training after saving a checkpoint, and the time over all resumes."""

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils import logging

from ser.training.checkpoints import RESUME_OPTION, SealCheckpoints

SECONDS = "elapsed_seconds"
INTERRUPTED = 128 + signal.SIGINT  # the exit status of a program ended by the signal

logger = logging.get_logger(__name__)


class SaveOnSignal(TrainerCallback):
    """On SIGTERM or Ctrl-C, finish the step, save, and end the process; on a second one, end at once.

    The Trainer's own `enable_jit_checkpoint` saves in the middle of a step, after drawing random numbers, so
    that a resumed training reaches other weights. Several processes would stop at different steps and wait
    for each other; they end at once and resume from their newest checkpoint.

    Must come after callbacks that act on the last checkpoint.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._former_handlers: dict[int, Any] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Install the signal handlers, which only the main thread can."""
        if args.world_size == 1 and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._former_handlers[number] = signal.signal(number, self._remember)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Request a checkpoint of this step."""
        if self.received is not None:
            control.should_save = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the process once the checkpoint is saved."""
        if self.received is not None:
            logger.warning(
                f"Stopped and saved after step {state.global_step}. To resume: the same command with "
                f"{RESUME_OPTION}"
            )
            sys.exit(128 + self.received)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Restore the former signal handlers."""
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._former_handlers.items():
            signal.signal(number, handler)
        self._former_handlers = {}

    def _remember(self, signum: int, frame: FrameType | None) -> None:
        self.received = signum
        self._restore()  # a second one ends at once
        logger.warning("Finishing this step and saving. Once more to end at once.")


class CountSeconds(TrainerCallback):
    """Keeps the time that training has taken, over all resumes, in the last line of the log.

    Attributes:
        seconds_before: Time of the processes before this one.
    """

    def __init__(self) -> None:
        self.seconds_before, self._begin = 0.0, 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Read the time from the log of the checkpoint."""
        self.seconds_before = max((line.get(SECONDS, 0.0) for line in state.log_history), default=0.0)
        self._begin = time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Update the last line, which a checkpoint of this step then holds."""
        if state.log_history:
            state.log_history[-1][SECONDS] = self.seconds_before + time.monotonic() - self._begin

    on_log = on_step_end  # a new line


def seconds_before_resume(trainer: Trainer) -> float:
    """Return the time of the processes before this one, 0 if the training was not resumed."""
    callbacks = trainer.callback_handler.callbacks
    return next((each.seconds_before for each in callbacks if isinstance(each, CountSeconds)), 0.0)


def survival_callbacks(settings: dict[str, Any]) -> list[TrainerCallback]:
    """Return the callbacks that save, seal and time a training, in their order."""
    return [CountSeconds(), SealCheckpoints(settings), SaveOnSignal()]
