"""docs/your-own-recordings.md, word by word: from recordings to a model that is served and published."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from documents import REPO, code_blocks
from free_port import find_free_port
from huggingface_hub import ModelCard
from own_recordings import LABELS, write_label_folders

from ser import EmotionRecognizer
from ser.__main__ import main

DOCUMENT = REPO / "docs" / "your-own-recordings.md"
BLOCKS = code_blocks(DOCUMENT)
COMMANDS = [
    line
    for block in BLOCKS
    if block.language == "shell"
    for line in block.text.splitlines()
    if "-m ser" in line
]
PYTHON = [block for block in BLOCKS if block.language == "python"]


def run(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a line such as `python -m ser train ...` in this process."""
    monkeypatch.setattr(sys, "argv", ["ser", *shlex.split(line)[3:]])
    main()


def link_emodb(emodb: Path, folder: Path) -> None:
    """Lay out a clip of each label and speaker of EmoDB, and one more of some."""
    for number, file in enumerate(sorted(emodb.rglob("*.*"))):
        if file.suffix in (".wav", ".flac") and len(file.stem) == 7:
            place = folder / file.stem[5] / file.stem[:2]
            place.mkdir(parents=True, exist_ok=True)
            if len(list(place.iterdir())) < 1 + number % 2:
                (place / file.name).symlink_to(file)


def serve(line: str, labels: set[str]) -> None:
    """Serve the demo as a line says, and ask it for its page."""
    port = find_free_port()
    command = [sys.executable, *shlex.split(line)[1:], "--server_port", str(port)]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
                    text = page.read().decode()
                break
            except OSError:
                assert server.poll() is None, server.stderr.read()[-3000:]
                time.sleep(1)
        assert "<html" in text
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)


@pytest.mark.timeout(900)  # a training, a demo and a push
@pytest.mark.parametrize("source", ["generated", "emodb"])
def test_the_tutorial(source, hub, tmp_path, monkeypatch, request, capsys):
    recordings = tmp_path / "my_recordings"
    if source == "emodb":
        link_emodb(request.getfixturevalue("emodb_dir"), recordings)
    else:
        write_label_folders(recordings, num_takes=4)
    labels = sorted(folder.name for folder in recordings.iterdir())
    (tmp_path / "checkpoint").symlink_to(REPO / "checkpoint")
    monkeypatch.chdir(tmp_path)
    for line in COMMANDS:
        if " demo " not in line:
            run(line, monkeypatch)
        elif source == "generated":
            serve(line, set(labels))
    assert sorted(EmotionRecognizer.from_pretrained("my_model").emotions) == labels
    scores = [
        json.loads(Path(name, "metrics.json").read_text()) for name in ("scores", "my_model/evaluation")
    ]
    assert scores[0]["uar"] == scores[1]["uar"]
    assert scores[1]["warning"] is None
    if source == "generated":
        assert labels == list(LABELS)
        assert scores[1]["uar"] > 0.5  # guessing gives 0.33, and the labels differ in pitch and tempo
    for block in PYTHON:
        exec(compile(block.text, str(block), "exec"), {})
    assert "eval_loss" in capsys.readouterr().out

    run("python -m ser push model my_model someone/calls", monkeypatch)
    files = hub.repositories["model", "someone/calls"].files
    assert not {"recordings.csv", "predictions.csv"} & set(files)
    published = ModelCard(files["README.md"].decode())
    assert published.data.license == "cc-by-nc-sa-4.0"
    assert all(label in published.text for label in labels)
    assert f"{100 * scores[1]['uar']:.1f} %" in published.text
    assert sorted(EmotionRecognizer.from_pretrained("someone/calls").emotions) == labels
