"""A training that is asked to end, by SIGTERM or Ctrl-C, saves a checkpoint first and loses no step."""

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
INTERRUPTED = 128 + signal.SIGINT  # what a shell reports of a program that a signal ended

logger = logging.get_logger(__name__)


class SaveOnSignal(TrainerCallback):
    """On SIGTERM or Ctrl-C, finish the step, save, and end the process; on a second one, end at once.

    The Trainer's own `enable_jit_checkpoint` saves in the middle of a step, after its random numbers were
    drawn, and so does not go on to the same weights. One process alone does this: several would each stop at
    another step and wait for each other. They end at once and go on from their newest checkpoint.

    Must come after the callbacks that want to hear of the last checkpoint.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._former_handlers: dict[int, Any] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start to listen, where signals arrive: in the main thread."""
        if args.world_size == 1 and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._former_handlers[number] = signal.signal(number, self._remember)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Have this step saved."""
        if self.received is not None:
            control.should_save = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End."""
        if self.received is not None:
            logger.warning(
                f"Stopped and saved after step {state.global_step}. To go on: the same command with "
                f"{RESUME_OPTION}"
            )
            sys.exit(128 + self.received)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Listen no more."""
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
    """Keeps in the last line of the log how long training has taken, over all its resumes.

    Attributes:
        seconds_before: What the processes took from which this one resumed.
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
    """Return how long the processes trained from which this training resumed, 0 if it did not."""
    callbacks = trainer.callback_handler.callbacks
    return next((each.seconds_before for each in callbacks if isinstance(each, CountSeconds)), 0.0)


def survival_callbacks(settings: dict[str, Any]) -> list[TrainerCallback]:
    """What a Trainer needs to survive, in the order it needs them."""
    return [CountSeconds(), SealCheckpoints(settings), SaveOnSignal()]
