"""Checkpoints from strangers: nothing in them is run, and what cannot be loaded is refused in a sentence."""

import json
import pickle
import struct
import tracemalloc
from pathlib import Path

import pytest
import torch
from random_checkpoint import save_random_checkpoint

from ser import EmotionRecognizer

WEIGHTS = "model.safetensors"
MAX_BYTES = 300e6


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, proof: Path):
        self.proof = str(proof)

    def __reduce__(self):
        return Path.touch, (Path(self.proof),)


@pytest.fixture
def proof(tmp_path) -> Path:
    """A file that appears when something of a checkpoint is run."""
    return tmp_path / "it-was-run"


@pytest.fixture
def folder(tmp_path, proof) -> Path:
    folder = save_random_checkpoint(tmp_path / "checkpoint")
    code = f"from pathlib import Path\nPath({str(proof)!r}).touch()\nclass Evil: pass\n"
    for name in ("evil.py", "modeling_mfcc_lstm.py", "configuration_mfcc_lstm.py", "setup.py", "__init__.py"):
        (folder / name).write_text(code)
    (folder / "feature_extraction_mfcc_lstm.py").write_text(code)
    return folder


def change(file: Path, **settings) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def pickled(folder: Path, proof: Path, name: str) -> None:
    (folder / WEIGHTS).unlink(missing_ok=True)
    with (folder / name).open("wb") as file:
        pickle.dump(Payload(proof), file)


def sharded_pickle(folder: Path, proof: Path) -> None:
    pickled(folder, proof, "pytorch_model-00001-of-00001.bin")
    index = {"metadata": {}, "weight_map": {"classifier.weight": "pytorch_model-00001-of-00001.bin"}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def shards_elsewhere(folder: Path, proof: Path) -> None:
    pickled(folder, proof, "elsewhere.bin")
    index = {"metadata": {}, "weight_map": {"classifier.weight": "../../elsewhere.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def header(folder: Path, content: dict | bytes, length: int | None = None, data: bytes = b"") -> None:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def huge_tensor(offsets: tuple[int, int]) -> dict:
    return {"classifier.weight": {"dtype": "F32", "shape": [2**20, 2**20], "data_offsets": offsets}}


REFUSED = {
    "pickle as bin": lambda folder, proof: pickled(folder, proof, "pytorch_model.bin"),
    "pickle as safetensors": lambda folder, proof: pickled(folder, proof, WEIGHTS),
    "pickle in shards": sharded_pickle,
    "shards outside": shards_elsewhere,
    "pickle by torch": lambda folder, proof: (
        (folder / WEIGHTS).unlink(),
        torch.save({"classifier.weight": Payload(proof)}, folder / "pytorch_model.bin"),
    ),
    "header of a terabyte": lambda folder, _: header(folder, {}, length=2**40),
    "header of 2**64 - 1 bytes": lambda folder, _: header(folder, {}, length=2**64 - 1),
    "header of 200 MB that is not there": lambda folder, _: header(folder, {}, length=200_000_000),
    "header that is no JSON": lambda folder, _: header(folder, b"{" * 1000),
    "tensor of terabytes": lambda folder, _: header(folder, huge_tensor((0, 2**42))),
    "tensor of terabytes in four bytes": lambda folder, _: header(folder, huge_tensor((0, 4)), data=bytes(4)),
    "offsets backwards": lambda folder, _: header(folder, huge_tensor((8, 0)), data=bytes(8)),
    "empty weights": lambda folder, _: (folder / WEIGHTS).write_bytes(b""),
    "cut weights": lambda folder, _: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:5000]),
    "no tensors": lambda folder, _: header(folder, {}),
    "model of another kind": lambda folder, _: change(folder / "config.json", model_type="evil"),
    "its own class of an unknown kind": lambda folder, _: change(
        folder / "config.json",
        model_type="evil",
        auto_map={"AutoConfig": "evil.Evil", "AutoModelForAudioClassification": "evil.Evil"},
    ),
    "its own feature extractor": lambda folder, _: change(
        folder / "preprocessor_config.json",
        feature_extractor_type="Evil",
        auto_map={"AutoFeatureExtractor": "evil.Evil"},
    ),
    "feature extractor elsewhere": lambda folder, _: change(
        folder / "preprocessor_config.json",
        feature_extractor_type="Evil",
        auto_map={"AutoFeatureExtractor": "someone/else--evil.Evil"},
    ),
    "configuration that is no JSON": lambda folder, _: (folder / "config.json").write_text("{'a': 1"),
    "layers beyond memory": lambda folder, _: change(folder / "config.json", hidden_size=10**6),
}


@pytest.mark.parametrize("attack", REFUSED)
def test_a_hostile_checkpoint_is_refused_and_nothing_is_run(folder, proof, attack: str):
    REFUSED[attack](folder, proof)
    tracemalloc.start()
    try:
        with pytest.raises((ValueError, OSError)):
            EmotionRecognizer.from_pretrained(folder)
        assert tracemalloc.get_traced_memory()[1] < MAX_BYTES
    finally:
        tracemalloc.stop()
    assert not proof.exists()


@pytest.mark.parametrize("where", ["evil.Evil", "someone/else--evil.Evil", "../evil.Evil"])
def test_code_beside_good_weights_is_not_run(folder, proof, where: str):
    """Ours is used, whatever the checkpoint says and brings."""
    classes = ("AutoConfig", "AutoModel", "AutoModelForAudioClassification", "AutoFeatureExtractor")
    for name in ("config.json", "preprocessor_config.json"):
        change(folder / name, auto_map=dict.fromkeys(classes, where))
    recognizer = EmotionRecognizer.from_pretrained(folder)
    assert type(recognizer.model).__module__ == "ser.modeling_mfcc_lstm"
    assert type(recognizer.feature_extractor).__module__ == "ser.feature_extraction_mfcc_lstm"
    assert not proof.exists()


def test_no_program_here_reads_pickles():
    root = Path(__file__).resolve().parents[1]
    folders = ("ser", "benchmarks", "data_scripts")
    sources = [*root.glob("*.py"), *(file for folder in folders for file in (root / folder).rglob("*.py"))]
    assert len(sources) > 40
    for word in ("import pickle", "from pickle", "torch.load", "joblib", "weights_only", "allow_pickle"):
        assert [str(file.relative_to(root)) for file in sources if word in file.read_text()] == [], word
    trusting = {file.name for file in sources if "trust_remote_code=True" in file.read_text()}
    assert trusting == {"card.py"}  # they tell others how to load our classes elsewhere
