"""The commands: `python -m ser COMMAND --help`, or `speech-emotion COMMAND --help` once installed."""

import sys
from importlib import import_module

from ser import __version__

COMMANDS = {
    "inspect": ("ser.corpora.cli", "look at your own recordings before training on them"),
    "predict": ("ser.batch.cli", "score many recordings, write a table"),
    "train": ("ser.training.cli", "train a classifier on a corpus"),
    "evaluate": ("ser.evaluation.cli", "measure a model on a corpus"),
    "demo": ("ser.demo.cli", "serve the demo"),
    "export": ("ser.onnx.cli", "write a model as an ONNX file"),
    "push": ("ser.hub.cli", "publish a model or the demo on the Hugging Face Hub"),
}
"""Name -> the module whose `main` runs it, imported only then, and what it does."""

USAGE = "\n".join(
    [
        "usage: {program} COMMAND [options]",
        "",
        "Speech emotion recognition. COMMAND --help shows the options of a command:",
        "",
        *(f"  {name:<10}{summary}" for name, (_, summary) in COMMANDS.items()),
    ]
)


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
        import_module(COMMANDS[command][0]).main()
    else:
        sys.exit(f"There is no command {command!r}; expected one of {', '.join(COMMANDS)}.")


if __name__ == "__main__":
    main()
