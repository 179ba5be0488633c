"""Serve the demo: `python app.py`, then open http://127.0.0.1:7860."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ser import EmotionRecognizer
from ser.demo.guard import default_allowed_hosts, own_names
from ser.demo.page import build_demo, launch_options
from ser.demo.recordings import private_folder

SHIPPED_MODEL = Path(__file__).resolve().parent / "checkpoint"


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, with the environment variables of this project and of Gradio as defaults."""
    # A Space is reached from outside its container. Elsewhere nobody but this machine is let in unless asked.
    default_name = "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1"  # noqa: S104
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument(
        "--model",
        default=os.environ.get("SER_MODEL") or str(SHIPPED_MODEL),
        help="checkpoint folder or Hugging Face Hub id; also SER_MODEL",
    )
    parser.add_argument(
        "--server_name",
        default=os.environ.get("GRADIO_SERVER_NAME") or default_name,
        help="address to listen on, 0.0.0.0 for all; also GRADIO_SERVER_NAME",
    )
    parser.add_argument(
        "--server_port",
        type=int,
        default=int(os.environ.get("GRADIO_SERVER_PORT") or 7860),
        help="port to listen on; also GRADIO_SERVER_PORT",
    )
    parser.add_argument(
        "--allowed_hosts",
        nargs="+",
        default=default_allowed_hosts(),
        metavar="NAME",
        help="names besides this machine's own that browsers may ask for, * for any; also SER_ALLOWED_HOSTS",
    )
    return parser.parse_args(arguments)


def load_recognizer(model: str) -> EmotionRecognizer:
    """Load the model and let it hear a second of silence, so that the first visitor does not wait for it."""
    import torch  # not before the command line is understood, for it takes seconds

    torch.set_num_threads(1)  # visitors share the cores; a network this small is no slower on one
    recognizer = EmotionRecognizer.from_pretrained(model)
    silence = np.zeros(recognizer.sampling_rate, dtype=np.float32)
    recognizer.predict((silence, recognizer.sampling_rate))
    return recognizer


def main(arguments: Sequence[str] | None = None) -> None:
    """Load the model and serve the demo until interrupted."""
    options = parse_arguments(arguments)
    try:
        recognizer = load_recognizer(options.model)
    except (OSError, ValueError) as error:
        raise SystemExit(f"The model {options.model} cannot be loaded: {error}") from error
    address = {"server_name": options.server_name, "server_port": options.server_port}
    allowed_hosts = own_names(options.server_name, options.allowed_hosts)
    try:
        with private_folder():
            build_demo(recognizer).launch(**address, **launch_options(allowed_hosts))
    except OSError as error:
        raise SystemExit(f"The demo cannot be served: {error}") from error


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # as Ctrl-C does, so that recordings are deleted
    main()
