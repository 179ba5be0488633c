"""What all commands share: paths that begin with `~`, and where the shipped model lies."""

import argparse
import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any


class HomeParser(argparse.ArgumentParser):
    """A parser that expands `~` in every argument, as no shell does after `=`."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse with the home folder in place of each `~`. All other methods parse through this one."""
        words = sys.argv[1:] if args is None else args
        return super().parse_known_args([expand_home(word) for word in words], namespace)


class CommandParser(HomeParser):
    """The parser of all commands: it shows the description as it is, and takes no abbreviations."""

    def __init__(self, **options: Any):
        super().__init__(
            **{"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False, **options}
        )


def expand_home(argument: str) -> str:
    """Replace each `~` that begins a path, in an option's value and in lists separated by commas too.

    >>> expand_home("--output=~/scores.csv") == f"--output={Path.home()}/scores.csv"
    True
    """
    return re.sub(r"(?:(?<=^)|(?<=[=,]))~(?=$|[/\\,])", lambda _: str(Path.home()), argument)


def shipped(name: str) -> str:
    """Return a folder such as "checkpoint" or "examples", in the installed package or, for a clone, here."""
    packaged = files("ser") / name
    return str(packaged) if packaged.is_dir() else str(Path(name).resolve())
