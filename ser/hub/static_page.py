"""The page that recognises in the browser: bundle web/ with a checkpoint's graph.

    python -m ser.hub.static_page --model checkpoint --output web/dist

Needs Node.js with npm for the bundler; what is bundled is in web/package-lock.json. The output is a folder of
static files for any web server. `python -m ser push space --sdk static` publishes it as a Space.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ser.__main__ import CommandParser
from ser.demo.theme import label_styles
from ser.onnx.recognizer import GRAPH_FILE, OnnxRecognizer

SOURCES = Path("web")  # in the folder of a clone
RUNTIME = "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"


def build_page(model: Path, output: Path, web: Path = SOURCES) -> None:
    """Write the page for a checkpoint into a folder, which is emptied first.

    Args:
        model: Folder of a checkpoint. Its graph is exported if it is not there.
        output: Folder to write.
        web: The folder of the page's sources, `web/` of a clone of this project.

    Raises:
        ValueError: If the checkpoint or its graph is damaged.
        OSError: If the checkpoint, npm or web/ is not there, or npm fails.
    """
    if not (model / GRAPH_FILE).is_file():
        from ser.onnx.export import export_onnx  # needs torch
        from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

        export_onnx(MfccLstmRecognizer.from_pretrained(model), model)
    recognizer = OnnxRecognizer(model / GRAPH_FILE)
    if not (web / RUNTIME).is_file():
        _npm(web, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    for name in ("index.html", "style.css"):
        shutil.copyfile(web / name, output / name)
    shutil.copyfile(web / RUNTIME, output / "ort.wasm")
    shutil.copyfile(model / GRAPH_FILE, output / "model.onnx")
    (output / "settings.json").write_text(json.dumps(recognizer.metadata), encoding="utf-8")
    styles = [f".emotion-{label}{{{style}}}" for label, style in label_styles(recognizer.emotions).items()]
    (output / "emotions.css").write_text("\n".join(styles), encoding="utf-8")
    _bundle(web, "main.ts", output / "main.js", "--format=esm")
    files = sorted(file for file in output.iterdir())
    version = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    names = json.dumps(["./", *(file.name for file in files)])
    _bundle(
        web,
        "service_worker.ts",
        output / "service_worker.js",
        f"--define:FILES={names}",
        f"--define:VERSION={json.dumps(version)}",
    )


def _bundle(web: Path, source: str, output: Path, *options: str) -> None:
    target = (
        "--bundle",
        "--minify",
        "--target=es2022",
        "--log-level=warning",
        f"--outfile={output.resolve()}",
    )
    _npm(web, "exec", "--offline", "--", "esbuild", f"src/{source}", *target, *options)


def _npm(web: Path, *arguments: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            "The web page is bundled with npm, which is not on the PATH. Install Node.js."
        )
    done = subprocess.run([npm, *arguments], cwd=web, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(f"npm {arguments[0]} failed in {web}: {done.stderr.strip()}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the page."""
    parser = CommandParser(prog="python -m ser.hub.static_page", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("checkpoint"), help="folder of a checkpoint")
    parser.add_argument("--output", type=Path, default=SOURCES / "dist", help="folder to write")
    args = parser.parse_args(arguments)
    try:
        build_page(args.model, args.output)
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    sys.stdout.write(f"Written: {args.output}\n")


if __name__ == "__main__":
    main()
