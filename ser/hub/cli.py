"""Push a checkpoint, or the demo as a Space, to the Hugging Face Hub.

    python -m ser push model checkpoint someone/speech-emotion
    python -m ser push space someone/speech-emotion-demo

Both need a token with write access: `hf auth login`, or the environment variable HF_TOKEN. Each push is one
commit, so that what is on the Hub is always whole. The files here are only read: a push that failed can be
repeated.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ser.__main__ import CommandParser


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line, that of the process if none is given."""
    parser = CommandParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    model = commands.add_parser("model", help="push a checkpoint with its code and card")
    model.add_argument("folder", type=Path, help="the checkpoint: `checkpoint`, or the output of a training")
    space = commands.add_parser("space", help="push the demo")
    space.add_argument(
        "--folder", type=Path, default=Path(), help="a clone of this project; default: the current folder"
    )
    space.add_argument(
        "--sdk",
        choices=("gradio", "docker", "static"),
        default="gradio",
        help="what the Hub builds it with; static: the page that recognises in the browser",
    )
    for command, kind in ((model, "model"), (space, "Space")):
        command.add_argument("repo_id", help=f"owner and name of the {kind}, such as someone/speech-emotion")
        command.add_argument(
            "--private", action="store_true", default=None, help=f"make a new {kind} private"
        )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Push to the Hub, and print the commit."""
    args = parse_arguments(arguments)
    from ser.hub.publishing import publish_checkpoint, publish_space

    try:
        if args.command == "model":
            commit = publish_checkpoint(args.folder, args.repo_id, private=args.private)
        else:
            commit = publish_space(args.repo_id, args.folder, sdk=args.sdk, private=args.private)
    except ValueError as error:
        sys.exit(f"Error: {error}")
    print(f"Published {args.repo_id} at commit {commit}.")
