"""Write a checkpoint as ONNX graphs, which score without torch.

    python -m ser export --model checkpoint

writes `checkpoint/onnx/model.onnx` and `checkpoint/onnx/model_quantized.onnx` (8-bit weights in LSTM and
linear layers), where tools of the Hugging Face Hub look for them.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ser.__main__ import CommandParser


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line, that of the process if none is given."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--model", required=True, help="folder of a checkpoint, or a Hub id")
    parser.add_argument("--revision", help="branch, tag or commit of a model on the Hub")
    parser.add_argument(
        "--output", type=Path, help="folder to write onnx/ in; default: the checkpoint's own folder"
    )
    args = parser.parse_args(arguments)
    if args.output is None:
        if not Path(args.model).is_dir():
            parser.error("--output is needed: the model is not a folder here")
        args.output = Path(args.model)
    return args


def main(arguments: Sequence[str] | None = None) -> None:
    """Load a checkpoint and write its graphs."""
    args = parse_arguments(arguments)
    from ser.onnx.export import export_onnx
    from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

    try:
        files = export_onnx(MfccLstmRecognizer.from_pretrained(args.model, args.revision), args.output)
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"Error: {error}")
    for file in files:
        print(f"Written: {file} ({file.stat().st_size / 1e6:.1f} MB)")
