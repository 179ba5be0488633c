"""The commands, and the parser and paths that they share.

`python -m ser COMMAND --help`, or `speech-emotion COMMAND --help` once installed.
"""

import argparse
import ast
import re
import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from ser import __version__

COMMANDS = {
    "inspect": ("ser.corpora.cli", "look at your own recordings before training on them", "train"),
    "predict": ("ser.batch.cli", "score many recordings, write a table", "segments"),
    "train": ("ser.training.cli", "train a classifier on a corpus", "train"),
    "evaluate": ("ser.evaluation.cli", "measure a model on a corpus", "train"),
    "demo": ("ser.demo.cli", "serve the demo", "demo"),
    "export": ("ser.onnx.cli", "write a model as an ONNX file", "onnx"),
    "push": ("ser.hub.cli", "publish a model or the demo on the Hugging Face Hub", "onnx"),
}
"""Name -> the module whose `main` runs it, imported only then; what it does; the extra that it may need."""

USAGE = "\n".join(
    [
        "usage: {program} COMMAND [options]",
        "",
        "Speech emotion recognition. COMMAND --help shows the options of a command:",
        "",
        *(f"  {name:<10}{summary}" for name, (_, summary, _) in COMMANDS.items()),
    ]
)


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


def explain_missing_extra(module: str, extra: str, error: ModuleNotFoundError) -> NoReturn:
    """Say which extra a command needs; `--help` still shows what the command does.

    Raises:
        SystemExit: With status 0 if help was asked for.
        ModuleNotFoundError: If the missing module is one of this package.
    """
    if str(error.name).partition(".")[0] == "ser":
        raise error
    remedy = f"This command needs {error.name}: install the extra [{extra}], as by pip install '.[{extra}]'"
    if not {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit(f"Error: {remedy}.")
    file = Path(__file__).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")
    print(
        ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))),
        f"{remedy}. Then --help shows its options.",
        sep="\n\n",
    )
    sys.exit(0)


def main() -> None:
    """Run the command that the command line names."""
    program = "speech-emotion" if sys.argv[0].endswith(("speech-emotion", ".exe")) else "python -m ser"
    command = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if command in ("-h", "--help"):
        print(USAGE.format(program=program))
    elif command == "--version":
        print(__version__)
    elif command in COMMANDS:
        sys.argv[:2] = [f"{program} {command}"]
        module, _, extra = COMMANDS[command]
        try:
            import_module(module).main()
        except ModuleNotFoundError as error:
            explain_missing_extra(module, extra, error)
        except ImportError as error:  # of an optional package, with a message that says how to install it
            sys.exit(f"Error: {error}")
    else:
        sys.exit(f"There is no command {command!r}; expected one of {', '.join(COMMANDS)}.")


if __name__ == "__main__":
    main()
