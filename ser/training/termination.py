"""A training that is asked to end, by SIGTERM, leaves a checkpoint first, and loses not a step."""

import signal
import sys
import threading
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils import logging

from ser.training.checkpoints import RESUME_OPTION, SealCheckpoints

EXIT_STATUS = 128 + signal.SIGTERM  # what a shell reports of a program that SIGTERM ended

logger = logging.get_logger(__name__)


class SaveOnSigterm(TrainerCallback):
    """On SIGTERM, finish the step, save, and end the process.

    The Trainer's own `enable_jit_checkpoint` saves in the middle of a step, after its random numbers were
    drawn, and so does not go on to the same weights. One process alone does this: several would each stop at
    another step and wait for each other. They end at once and go on from their newest checkpoint.

    Must come after the callbacks that want to hear of the last checkpoint.
    """

    def __init__(self) -> None:
        self.is_asked_to_end = False
        self._former_handler: Any = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start to listen, where signals arrive: in the main thread."""
        if args.world_size == 1 and threading.current_thread() is threading.main_thread():
            self._former_handler = signal.signal(signal.SIGTERM, self._remember)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Have this step saved."""
        if self.is_asked_to_end:
            control.should_save = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End."""
        if self.is_asked_to_end:
            logger.warning(f"Stopped after step {state.global_step}. To go on: {RESUME_OPTION}")
            sys.exit(EXIT_STATUS)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Listen no more."""
        if self._former_handler is not None:
            signal.signal(signal.SIGTERM, self._former_handler)

    def _remember(self, signum: int, frame: FrameType | None) -> None:
        self.is_asked_to_end = True


def survival_callbacks(settings: dict[str, Any]) -> list[TrainerCallback]:
    """What a Trainer needs to survive, in the order it needs them."""
    return [SealCheckpoints(settings), SaveOnSigterm()]
