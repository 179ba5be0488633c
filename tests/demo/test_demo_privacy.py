"""What visitors say stays here, is not logged, and goes with the demo: looked at from outside its process."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from free_port import find_free_port

REPO = Path(__file__).resolve().parents[2]
NAME = "canary-4711.wav"
# Python tells an audit hook of every connection and every file before it is made.
WATCHED_APP = """
import sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto") and arguments[0].family != 1:
        print("CONNECTS", arguments[1][0], flush=True)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        print("LOOKS UP", arguments[0], flush=True)
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        print("WRITES", arguments[0], flush=True)
sys.addaudithook(watch)
sys.argv = ["app.py", *sys.argv[1:]]
import runpy
runpy.run_path("app.py", run_name="__main__")
"""
HERE = {"127.0.0.1", "localhost", "::1", "0.0.0.0", "None", socket.gethostname()}


@pytest.fixture(scope="module")
def served(
    untrained_checkpoint: Path, tmp_path_factory
) -> Iterator[tuple[str, subprocess.Popen, Path, Path]]:
    """Address, process, folder of temporary files and output of a demo that says what it does."""
    folder = tmp_path_factory.mktemp("temporary")
    output = tmp_path_factory.mktemp("output") / "log"
    port = str(find_free_port())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRADIO_")}
    environment |= {"TMPDIR": str(folder), "HF_HUB_OFFLINE": "0", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", WATCHED_APP, "--model", str(untrained_checkpoint), "--server_port", port]
    with (
        output.open("w") as log,
        subprocess.Popen(command, cwd=REPO, env=environment, stdout=log, stderr=subprocess.STDOUT) as server,
    ):
        timer = threading.Timer(500, server.kill)
        timer.start()
        try:
            while "Running on" not in output.read_text() and server.poll() is None:
                threading.Event().wait(0.1)
            yield f"http://127.0.0.1:{port}", server, folder, output
        finally:
            timer.cancel()
            server.terminate()


@pytest.mark.timeout(600)  # a whole demo starts in it
def test_a_recording_is_heard_and_leaves_no_trace(served):
    url, server, folder, output = served
    assert server.poll() is None, output.read_text()[-3000:]
    clip = folder.parent / NAME
    soundfile.write(clip, np.random.default_rng(4711).normal(0, 0.1, 16_000), 16_000)
    content = clip.read_bytes()
    with httpx.Client(base_url=url, timeout=60) as api:
        for upload in (content, b"no sound at all" + content):
            (path,) = api.post("/gradio_api/upload", files={"files": (NAME, upload)}).json()
            data = [{"path": path, "meta": {"_type": "gradio.FileData"}}]
            event = api.post("/gradio_api/call/predict", json={"data": data}).json()["event_id"]
            answer = api.get(f"/gradio_api/call/predict/{event}").text
            assert ("event: complete" in answer) == (upload is content)

    stored = [
        file for file in folder.rglob("*") if file.is_file() and file.read_bytes()[-500:] == content[-500:]
    ]
    assert stored, "where else should it be?"
    (private,) = folder.glob("ser-demo-*")
    assert private.stat().st_mode & 0o077 == 0
    assert all(file.is_relative_to(private) for file in stored), "a copy outside the folder that is swept"

    said = output.read_text()
    spoken = {line for line in said.splitlines() if not line.startswith(("CONNECTS", "LOOKS UP", "WRITES"))}
    assert NAME not in "".join(spoken)
    assert "Traceback" not in said
    asked = {match[1] for match in re.finditer(r"^(?:CONNECTS|LOOKS UP) (.*)$", said, re.MULTILINE)}
    assert asked <= HERE, "another machine was asked for"
    written = {match[1] for match in re.finditer(r"^WRITES (.*)$", said, re.MULTILINE) if NAME in match[1]}
    assert all(file.startswith(str(private)) for file in written)

    server.terminate()
    server.wait(30)
    assert not private.exists()
    assert not [file for file in folder.rglob("*") if file.is_file() and b"RIFF" in file.read_bytes()[:4]]
