"""Serve the demo: `python -m ser demo`, then open http://127.0.0.1:7860."""

import argparse
import gc
import inspect
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ser.__main__ import CommandParser, shipped

if TYPE_CHECKING:
    from ser import EmotionRecognizer

SHIPPED_MODELS = ("checkpoint", "checkpoint-accurate")  # the first is the default
MAX_PORT = 65535


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line, with the environment variables of this project and of Gradio as defaults."""
    # A Space is reached from outside its container. Elsewhere only this machine may connect unless asked.
    default_name = "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1"  # noqa: S104
    parser = CommandParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument(
        "--model",
        nargs="+",
        default=_default_models(),
        metavar="MODEL",
        help="checkpoint folders or Hugging Face Hub ids to choose from, the default first; also SER_MODEL, "
        "separated by commas",
    )
    parser.add_argument(
        "--backend",
        choices=("auto", "onnx", "torch"),
        default="auto",
        help="what computes: the checkpoint's ONNX graph, which starts sooner and needs no torch, or torch; "
        "auto: the graph if the checkpoint has it",
    )
    parser.add_argument(
        "--server_name",
        default=os.environ.get("GRADIO_SERVER_NAME") or default_name,
        help="address to listen on, 0.0.0.0 or :: for all; also GRADIO_SERVER_NAME",
    )
    parser.add_argument(
        "--server_port",
        type=_port,
        default=os.environ.get("GRADIO_SERVER_PORT") or "7860",
        help="port to listen on; also GRADIO_SERVER_PORT",
    )
    parser.add_argument(
        "--allowed_hosts",
        nargs="+",
        default=_default_allowed_hosts(),
        metavar="NAME",
        help="names besides this machine's own that browsers may ask for, * for any; also SER_ALLOWED_HOSTS",
    )
    return parser.parse_args(arguments)


def load_recognizer(model: str, backend: str = "auto") -> "EmotionRecognizer":
    """Load a model and analyse a second of silence, so that the first visitor does not wait for it."""
    from ser import EmotionRecognizer

    recognizer = EmotionRecognizer.from_pretrained(model, backend=backend)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)  # visitors share the cores; a network this small is no slower on one
    recognizer.forward([np.zeros(recognizer.sampling_rate, dtype=np.float32)])
    return recognizer


@contextmanager
def quick_import() -> Iterator[None]:
    """Leave out what takes half of the time to import Gradio and is of no use here.

    That is the search for garbage in what stays, and the type stubs that Gradio writes for its components at
    each import, except for a class that has no file.
    """
    find_file = inspect.getfile

    def find_file_outside_gradio(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError("Gradio's own type stubs are not needed.")
        return find_file(thing)

    gc.disable()
    inspect.getfile = find_file_outside_gradio  # type: ignore[assignment]
    try:
        yield
    finally:
        inspect.getfile = find_file
        gc.freeze()  # later searches leave out what was imported
        gc.enable()


def check_address(server_name: str, server_port: int) -> None:
    """Check that the demo can listen at an address; Gradio would blame the port for a wrong name.

    Raises:
        OSError: If it cannot.
    """
    family = socket.AF_INET6 if ":" in server_name else socket.AF_INET
    with socket.create_server((server_name, server_port), family=family):
        pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the default model and serve the demo until interrupted."""
    options = parse_arguments(arguments)
    # Not before the command line is parsed: they take seconds, and Gradio stumbles over a wrong port itself.
    with quick_import():
        from ser.demo.guard import own_names
        from ser.demo.models import Models
        from ser.demo.page import build_demo, launch_options
        from ser.demo.recordings import private_folder

    name, port = options.server_name.strip("[]"), options.server_port
    try:
        allowed_hosts = own_names(name, options.allowed_hosts)
        check_address(name, port)
    except (OSError, ValueError) as error:
        raise SystemExit(f"The demo cannot be served at {name}, port {port}: {error}") from error
    try:
        models = Models(options.model, partial(load_recognizer, backend=options.backend))
    except (OSError, ValueError) as error:
        raise SystemExit(f"The model {options.model[0]} cannot be loaded: {error}") from error
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # as Ctrl-C does, so that recordings are deleted
    url_name = f"[{name}]" if ":" in name else name
    try:
        with private_folder():
            build_demo(models).launch(server_name=url_name, server_port=port, **launch_options(allowed_hosts))
    except OSError as error:
        raise SystemExit(f"The demo cannot be served: {error}") from error


def _default_models() -> list[str]:
    if names := os.environ.get("SER_MODEL"):
        return [name.strip() for name in names.split(",") if name.strip()]
    first, *others = map(shipped, SHIPPED_MODELS)
    return [first, *(folder for folder in others if Path(folder).is_dir())]


def _default_allowed_hosts() -> list[str]:
    if names := os.environ.get("SER_ALLOWED_HOSTS"):
        return [name.strip() for name in names.split(",") if name.strip()]
    return ["*"] if os.environ.get("SPACE_ID") else []  # a Space is public in any case


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to {MAX_PORT}, got {text!r}")
    return int(text)
