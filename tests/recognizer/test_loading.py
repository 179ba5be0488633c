"""One call loads every kind of model, and says in a sentence why it cannot."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from random_checkpoint import save_random_checkpoint
from safetensors.torch import load_file, save_file

from ser import EmotionRecognizer
from ser.recognizer.checkpoint import KINDS

REPO = Path(__file__).resolve().parents[2]
CLIP = next((REPO / "examples").glob("*.flac"))
IN_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from ser import EmotionRecognizer

def load_and_predict(_):
    return EmotionRecognizer.from_pretrained(sys.argv[1]).predict(sys.argv[2])

with ThreadPoolExecutor(6) as pool:
    first, *others = pool.map(load_and_predict, range(6))
assert all(other == first for other in others)
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return save_random_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("backend", [None, "torch", "onnx"])
@pytest.mark.parametrize(
    "name", ["/data/my model", "./output/model", "~/no such checkpoint", "a/b/c", "x.onnx"]
)
def test_a_folder_that_is_not_there_is_named(name: str, backend: str | None):
    with pytest.raises(OSError, match="There is no folder") as caught:
        EmotionRecognizer.from_pretrained(name, backend=backend)
    assert "Repo id" not in str(caught.value)
    assert str(Path(name).name) in str(caught.value)


def test_a_folder_without_a_model_is_named(tmp_path: Path):
    with pytest.raises(OSError, match=r"There is no model in .*: it has no config\.json and no onnx"):
        EmotionRecognizer.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"architectures": []}')
    with pytest.raises(ValueError, match="damaged or names no model_type"):
        EmotionRecognizer.from_pretrained(tmp_path)


def test_every_kind_of_the_table_exists_and_can_do_the_work():
    for model_type, home in KINDS.items():
        module, name = home.split(":")
        kind = getattr(__import__(module, fromlist=[name]), name)
        assert issubclass(kind, EmotionRecognizer), model_type
        assert not getattr(kind, "__abstractmethods__", None), model_type


@pytest.mark.parametrize("precision", ["half", "bfloat16"])
def test_a_checkpoint_in_half_precision_answers_in_full(checkpoint: Path, tmp_path: Path, precision: str):
    recognizer = EmotionRecognizer.from_pretrained(checkpoint)
    expected = recognizer.predict(CLIP)
    getattr(recognizer.model, precision)().save_pretrained(tmp_path)
    recognizer.feature_extractor.save_pretrained(tmp_path)
    loaded = EmotionRecognizer.from_pretrained(tmp_path, device="cpu")
    assert loaded.model.dtype == torch.float32
    assert loaded.predict(CLIP) == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers_are_refused(checkpoint: Path, tmp_path: Path, value: float):
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    name = next(name for name in weights if name.endswith("classifier.weight"))
    weights[name].view(-1)[0] = value
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"not all finite \(members\.0\.classifier\.weight"):
        EmotionRecognizer.from_pretrained(tmp_path)


def test_probabilities_that_are_not_numbers_are_an_error(checkpoint: Path, monkeypatch):
    recognizer = EmotionRecognizer.from_pretrained(checkpoint)
    monkeypatch.setattr(type(recognizer), "forward", lambda self, waveforms: np.full((1, 8), np.nan))
    with pytest.raises(ValueError, match="are not numbers"):
        recognizer.predict(CLIP)


def test_the_first_models_may_be_loaded_in_several_threads(checkpoint: Path):
    command = [sys.executable, "-c", IN_THREADS, str(checkpoint), str(CLIP)]
    run = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stderr[-2000:]


def test_importing_the_package_brings_nothing_heavy_and_hooks_nothing():
    code = (
        "import sys; before = list(sys.meta_path); import ser, json;"
        "print(json.dumps([before == sys.meta_path, *{'torch', 'transformers', 'numpy'} & set(sys.modules)]))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [True]
