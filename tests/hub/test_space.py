"""The Space: exactly the files that are published make a working demo."""

import re
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import pytest
from free_port import find_free_port
from gradio_client import Client, handle_file
from huggingface_hub import SpaceCard

from ser import EmotionRecognizer
from ser.hub.cli import main
from ser.hub.files import PublishingError, space_files
from ser.hub.publishing import publish_space
from ser.labels import EMOTIONS

REPO = Path(__file__).resolve().parents[2]
SPACE_ID = "someone/demo"
MADE_FOR_IT = {
    "requirements.txt",
    "ser/segments/silero_vad_16k_sequence.onnx",
    "ser/segments/silero_vad_LICENSE",
}
CLIP = "examples/sad_03-01-04-02-01-01-24.flac"


@pytest.fixture
def published(hub, tmp_path) -> Path:
    """A folder with what is on the Hub after publishing, and nothing else."""
    publish_space(SPACE_ID, REPO)
    folder = tmp_path / "space"
    for name, content in hub.repositories["space", SPACE_ID].files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_the_published_files_serve_the_demo(published):
    port = find_free_port()
    command = [sys.executable, "-u", "app.py", "--server_port", str(port)]
    with subprocess.Popen(command, cwd=published, stdout=subprocess.PIPE, text=True) as server:
        timer = threading.Timer(120, server.kill)
        timer.start()
        try:
            assert any("Running on" in line for line in server.stdout)
            client = Client(f"http://127.0.0.1:{port}", verbose=False)
            answer = client.predict(handle_file(published / CLIP), api_name="/predict")
        finally:
            timer.cancel()
            server.terminate()
    found = {row["label"]: row["confidence"] for row in answer["confidences"]}
    assert found.keys() == set(EMOTIONS)
    expected = EmotionRecognizer.from_pretrained(REPO / "checkpoint").predict(str(REPO / CLIP))
    assert found == pytest.approx(expected, abs=1e-4)


def test_the_space_installs_neither_torch_nor_transformers(published):
    assert "onnxruntime==" in (published / "requirements.txt").read_text()
    assert not re.search(
        "^(torch|transformers)==", (published / "requirements.txt").read_text(), re.MULTILINE
    )


def test_the_space_holds_what_git_keeps_and_nothing_private(published):
    listing = subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True, check=True)
    names = {file.relative_to(published).as_posix() for file in published.rglob("*") if file.is_file()}
    names -= MADE_FOR_IT
    assert names <= set(listing.stdout.splitlines())
    assert not [name for name in names if name.startswith(("tests/", "data", "output", "."))]
    assert names == {file.relative_to(REPO).as_posix() for file in space_files(REPO)}


def test_the_front_matter_builds_it_as_it_was_tested():
    about = SpaceCard.load(REPO / "README.md").data.to_dict()
    assert about["sdk"] == "gradio"
    assert about["sdk_version"] == version("gradio")
    assert about["app_file"] == "app.py"
    assert about["python_version"] == "3.11"
    assert len(about["short_description"]) <= 60  # the Hub refuses longer ones


def test_a_space_of_kind_docker_is_built_from_the_dockerfile(hub):
    publish_space(SPACE_ID, REPO, sdk="docker")
    files = hub.repositories["space", SPACE_ID].files
    assert files["Dockerfile"] == (REPO / "Dockerfile").read_bytes()
    assert {".dockerignore", "requirements-demo.lock", "app.py"} <= files.keys()
    card = SpaceCard(files["README.md"].decode())
    about, as_gradio = card.data.to_dict(), SpaceCard.load(REPO / "README.md")
    assert (about["sdk"], about["app_port"]) == ("docker", 7860)
    assert not about.keys() & {"sdk_version", "app_file", "python_version"}
    assert about["title"] == as_gradio.data.title
    assert card.text == as_gradio.text
    assert f"EXPOSE {about['app_port']}\n" in files["Dockerfile"].decode()


def test_publishing_the_same_demo_again_adds_no_commit(hub):
    first = publish_space(SPACE_ID, REPO)
    assert publish_space(SPACE_ID, REPO) == first
    main(["space", SPACE_ID, "--folder", str(REPO)])
    assert hub.repositories["space", SPACE_ID].commits[-1][0] == first


def test_without_the_checkpoint_there_is_no_space(hub, tmp_path):
    (tmp_path / "app.py").touch()
    with pytest.raises(PublishingError, match=r"lacks .*checkpoint"):
        publish_space(SPACE_ID, tmp_path)
    assert not hub.repositories
