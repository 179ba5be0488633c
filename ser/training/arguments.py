"""The command line of a training: our own options first, those of `TrainingArguments` on request."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from typing import Any, cast

from transformers import HfArgumentParser
from transformers.integrations.integration_utils import get_reporting_integration_callbacks

from ser.__main__ import HomeParser
from ser.training.recipe import WARM_RECIPE, RecipeArguments, RecipeTrainingArguments

SHOWN_TRAINING_ARGUMENTS = (
    *RecipeTrainingArguments.__annotations__,
    "output_dir",
    "max_steps",
    "seed",
    "resume_from_checkpoint",
    "use_cpu",
    "push_to_hub",
    "hub_model_id",
)
HELP_ALL = "--help_all"


class TrainingParser(HomeParser, HfArgumentParser):
    """A parser that fills dataclasses, among them transformers' `TrainingArguments`."""


def parse_training_arguments(
    data_classes: Sequence[type], description: str | None, arguments: Sequence[str] | None = None
) -> tuple[Any, ...]:
    """Parse the command line of a training.

    Args:
        data_classes: Dataclasses with the program's own options.
        description: First text of `--help`.
        arguments: The words after the program's name; those of this process if not given.

    Returns:
        An instance of each of `data_classes`, the recipe and the training arguments. With `--init_from` the
        defaults are those of `WARM_RECIPE`.

    Raises:
        SystemExit: If an option is unknown or missing, or its value cannot be used; the message says which.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    classes = (*data_classes, RecipeArguments, RecipeTrainingArguments)
    parser = TrainingParser(
        cast(Any, classes),  # its stub wants a NewType that no dataclass is
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        HELP_ALL, action="help", help="show every option of transformers' TrainingArguments, too"
    )
    if HELP_ALL not in words:
        ours = (name for each in classes[:-1] for name in each.__annotations__)
        shown = {*ours, *SHOWN_TRAINING_ARGUMENTS}
        for action in parser._actions:
            if action.dest not in (*shown, "help", "help_all"):
                action.help = argparse.SUPPRESS
    if any(word.partition("=")[0] == "--init_from" for word in words):
        parser.set_defaults(**WARM_RECIPE)
    _, unknown = parser.parse_known_args(words)
    if unknown:
        options = [action.option_strings[0] for action in parser._actions]
        close = difflib.get_close_matches(unknown[0], options)
        meant = f" Did you mean {' or '.join(close)}?" if close else ""
        sys.exit(f"Error: there is no option {unknown[0]}.{meant} {HELP_ALL} shows all.")
    try:
        return parser.parse_args_into_dataclasses(words)
    except (ValueError, ImportError, RuntimeError, TypeError) as error:
        sys.exit(f"Error: {error}")


def check_trackers(training_args: RecipeTrainingArguments) -> None:
    """Check that the packages of the trackers asked for with `--report_to` are installed.

    Raises:
        ValueError: If one is not.
    """
    for tracker in get_reporting_integration_callbacks(training_args.report_to):
        try:
            tracker()
        except (RuntimeError, ImportError, ValueError) as error:
            names = ", ".join(training_args.report_to)
            raise ValueError(f"--report_to {names}: {error} Install it, or pass --report_to none.") from error
