"""What all commands share: `~` in every path, help without waiting, and what `python -m ser` knows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ser.__main__ import COMMANDS, CommandParser, expand_home, main
from ser.training.arguments import TrainingParser
from ser.training.recipe import RecipeTrainingArguments


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    return str(tmp_path)


def test_the_home_folder_is_found_wherever_a_path_begins(home: str):
    expanded = {
        "~": home,
        "~/a b": f"{home}/a b",
        "--output=~/scores.csv": f"--output={home}/scores.csv",
        "--data_dir=~/a,~/b": f"--data_dir={home}/a,{home}/b",
        "~someone/a": "~someone/a",
        "a~/b": "a~/b",
        "someone/model": "someone/model",
    }
    assert {word: expand_home(word) for word in expanded} == expanded


def test_every_parser_expands_it(home: str):
    parser = CommandParser()
    parser.add_subparsers().add_parser("push").add_argument("--folder", type=Path)
    assert parser.parse_args(["push", "--folder=~/x"]).folder == Path(home, "x")
    arguments = TrainingParser((RecipeTrainingArguments,)).parse_args_into_dataclasses(["--output_dir=~/x"])
    assert arguments[0].output_dir == f"{home}/x"


def test_no_program_has_a_parser_of_its_own():
    repository = Path(__file__).resolve().parents[1]
    folders = [repository / name for name in ("ser", "benchmarks", "data_scripts", "tools")]
    programs = [file for folder in folders for file in folder.rglob("*.py")]
    assert [file.name for file in programs if "argparse.ArgumentParser(" in file.read_text("utf-8")] == []


def test_an_unknown_command_is_answered_with_those_there_are(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ser", "predcit"])
    with pytest.raises(SystemExit, match=r"no command 'predcit'; expected one of .*predict"):
        main()
    monkeypatch.setattr(sys, "argv", ["ser"])
    main()
    assert all(f"  {name} " in capsys.readouterr().out for name in list(COMMANDS)[:1])


@pytest.mark.parametrize("command", ["predict", "demo", "export", "push"])
def test_help_does_not_wait_for_torch(command: str):
    code = (
        "import sys; from ser.__main__ import main\n"
        f"sys.argv = ['ser', {command!r}, '--help']\n"
        "try: main()\n"
        "finally: assert not {'torch', 'transformers', 'gradio', 'datasets'} & sys.modules.keys()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert run.returncode == 0, run.stderr
    assert f"{command} [-h]" in run.stdout


def test_a_command_whose_extra_is_not_installed_says_which(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("ser.corpora")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "datasets", None)  # as if it were not installed
    monkeypatch.setattr(sys, "argv", ["speech-emotion", "inspect", "recordings"])
    with pytest.raises(SystemExit, match=r"needs datasets: install the extra \[train\]"):
        main()
    monkeypatch.setattr(sys, "argv", ["speech-emotion", "inspect", "--help"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert "python -m ser inspect DATA" in capsys.readouterr().out
