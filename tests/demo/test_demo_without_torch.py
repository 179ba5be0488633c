"""The served demo answers from the ONNX graph and imports neither torch nor transformers."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from free_port import find_free_port
from gradio_client import Client, handle_file

from ser import EmotionRecognizer
from ser.onnx.export import export_onnx
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

REPO = Path(__file__).resolve().parents[2]
CLIP = next((REPO / "examples").glob("sad*.flac"))
SERVE = """
import sys
for name in ("torch", "transformers", "datasets", "sklearn", "librosa", "safetensors"):
    sys.modules[name] = None  # an import of it fails
from ser.demo.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def model(untrained_checkpoint: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    shutil.copytree(untrained_checkpoint, folder)
    export_onnx(MfccLstmRecognizer.from_pretrained(folder), folder)
    return folder


def test_the_demo_is_served_without_torch(model: Path):
    port = find_free_port()
    command = [sys.executable, "-u", "-c", SERVE, "--model", str(model), "--server_port", str(port)]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        timer = threading.Timer(120, server.kill)
        timer.start()
        try:
            assert any("Running on" in line for line in server.stdout)
            client = Client(f"http://127.0.0.1:{port}", verbose=False)
            answer = client.predict(handle_file(CLIP), api_name="/predict")
            windows = client.predict(handle_file(CLIP), api_name="/timeline")
            segments = client.predict(handle_file(CLIP), api_name="/segments")["segments"]
        finally:
            timer.cancel()
            server.terminate()
    found = {row["label"]: row["confidence"] for row in answer["confidences"]}
    assert found == pytest.approx(
        EmotionRecognizer.from_pretrained(model, backend="torch").predict(CLIP), abs=1e-4
    )
    assert all(window["probabilities"] for window in windows)
    assert "speech" in {each["kind"] for each in segments}
