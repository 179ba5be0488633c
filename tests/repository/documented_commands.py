"""Whether a command that a document shows is one that its program understands, without doing what it does."""

import argparse
import contextlib
import io
import re
import runpy
import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import HfArgumentParser

REPO = Path(__file__).resolve().parents[2]
MAKEFILE = (REPO / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"^(?:[\w-]+: )?([A-Z_]+) \?=", MAKEFILE, re.MULTILINE))
# These take no arguments: started, they would do their work.
WITHOUT_ARGUMENTS = {
    f"benchmarks.report.{name}" for name in ("card", "generalisation", "own_labels", "results")
}


class UnderstoodError(Exception):
    """Raised in place of going on, once a program has understood its command line."""


def check_command(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail unless a line of shell calls something of this project as it can be called.

    Known are `make`, `python` with a program or module of the project, `torchrun` with a program, `pytest`.
    """
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    if not words:
        return
    program, *arguments = words
    match Path(program).name:
        case "make":
            check_make(arguments)
        case "python":
            check_python(arguments, monkeypatch)
        case "torchrun":
            start = next(index for index, word in enumerate(arguments) if word.endswith(".py"))
            check_python(arguments[start:], monkeypatch)
        case "pytest":
            missing = [word for word in arguments if word.endswith(".py") and not (REPO / word).exists()]
            assert not missing, f"{line}: there is no {missing}"
        case _:
            pytest.fail(f"Nothing knows how to check `{line}`. Say above the block why it is not run.")


def check_make(arguments: list[str]) -> None:
    """Fail unless targets and variables are the Makefile's."""
    for word in arguments:
        name, is_variable, _ = word.partition("=")
        known = VARIABLES if is_variable else TARGETS
        assert name in known, f"make {word}: the Makefile knows {sorted(known)}"


def check_python(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail unless the program understands its arguments; it is stopped before it does anything else."""
    is_module = arguments[0] == "-m"
    name, *options = arguments[1:] if is_module else arguments
    if is_module and name in ("pytest", "pip"):
        return
    path = REPO / (name.replace(".", "/") if is_module else name)
    file = next(
        (file for file in (path, path.with_suffix(".py"), path / "__main__.py") if file.is_file()), None
    )
    assert file is not None, f"there is no {name}"
    if name in WITHOUT_ARGUMENTS:
        assert not options, f"{name} takes no arguments"
        return
    stderr = io.StringIO()
    with monkeypatch.context() as patch, warnings.catch_warnings(), contextlib.redirect_stderr(stderr):
        warnings.simplefilter("ignore")  # that a module run as a program was imported before
        patch.setattr(sys, "argv", [str(file), *options])
        if not is_module:
            patch.syspath_prepend(str(file.parent))
        patch.setattr(argparse.ArgumentParser, "parse_args", _stopping(argparse.ArgumentParser.parse_args))
        into_dataclasses = HfArgumentParser.parse_args_into_dataclasses
        patch.setattr(HfArgumentParser, "parse_args_into_dataclasses", _stopping(into_dataclasses))
        try:
            if is_module:
                runpy.run_module(name, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(str(file), run_name="__main__")
        except UnderstoodError:
            return
        except SystemExit as error:
            if not error.code:
                return  # --help
            pytest.fail(f"{shlex.join(arguments)}\n{stderr.getvalue()}")
    pytest.fail(f"{name} did not look at its arguments")


def _stopping(parse: Callable[..., Any]) -> Callable[..., Any]:
    def parse_and_stop(*arguments: Any, **options: Any) -> Any:
        parse(*arguments, **options)
        raise UnderstoodError

    return parse_and_stop
