"""The wheel, installed in an environment of its own and used from an empty folder."""

import csv
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from ser import EmotionRecognizer
from ser.labels import EMOTIONS

REPO = Path(__file__).resolve().parents[2]
CLIP = "sad_03-01-04-02-01-01-24.flac"
HELP = """
import sys
from ser.__main__ import COMMANDS, main
for command in COMMANDS:
    sys.argv = ["ser", command, "--help"]
    try:
        main()
    except SystemExit as end:
        assert not end.code, command
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel, and with what the wheel needs from this one."""
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "environment"
    pip = [sys.executable, "-m", "pip", "--quiet", "--no-input"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(REPO)]
    subprocess.run(build, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = folder.glob("*.whl")
    install = [*pip, "--python", str(programs / "python"), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True)
    (site_packages,) = environment.rglob("site-packages")
    # Only the folder: the .pth files in it, such as that of an editable installation, are not followed.
    (site_packages / "needed.pth").write_text(sysconfig.get_path("purelib"))
    return programs


def run(command: list[str], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_every_command_shows_its_help(installed: Path, tmp_path: Path):
    shown = run([str(installed / "python"), "-c", HELP], tmp_path)
    assert shown.count("usage: ") >= 6
    assert "predict" in run([str(installed / "speech-emotion"), "--help"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_shipped_model_answers_from_an_empty_folder(installed: Path, tmp_path: Path):
    where = "import ser, ser.__main__ as c; print(ser.__file__, c.shipped('examples'), sep='\\n')"
    package, examples = run([str(installed / "python"), "-c", where], tmp_path).split()
    assert Path(package).is_relative_to(installed.parent)
    run([str(installed / "speech-emotion"), "predict", f"{examples}/{CLIP}", "--output=scores.csv"], tmp_path)
    (row,) = csv.DictReader((tmp_path / "scores.csv").open())
    expected = EmotionRecognizer.from_pretrained(REPO / "checkpoint").predict(REPO / "examples" / CLIP)
    assert {name: float(row[name]) for name in EMOTIONS} == pytest.approx(expected, abs=1e-5)


def test_the_demo_finds_all_its_files(installed: Path, tmp_path: Path):
    build = (
        "from ser.demo.cli import load_recognizer, parse_arguments; from ser.demo.page import build_demo\n"
        "from ser.demo.models import Models\n"
        "from ser.demo.examples import example_clips\n"
        "build_demo(Models(parse_arguments([]).model, load_recognizer)); print(len(example_clips()))"
    )
    assert run([str(installed / "python"), "-c", build], tmp_path).split()[-1] == str(len(EMOTIONS))
