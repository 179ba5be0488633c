"""A checkpoint works where this repository is not: what a stranger with transformers alone gets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from random_checkpoint import save_random_checkpoint
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
    pipeline,
)

from ser import EmotionRecognizer, MfccLstmConfig, MfccLstmFeatureExtractor, MfccLstmForAudioClassification

REPO = Path(__file__).resolve().parent.parent
TRAVELLING_FILES = {
    "config.json",
    "configuration_mfcc_lstm.py",
    "feature_extraction_mfcc_lstm.py",
    "model.safetensors",
    "modeling_mfcc_lstm.py",
    "preprocessor_config.json",
}
# What the repository needs and a stranger does not: an import of any of these would fail.
NOT_NEEDED = (
    "librosa",
    "soundfile",
    "soxr",
    "datasets",
    "evaluate",
    "sklearn",
    "gradio",
    "matplotlib",
    "pooch",
)

STRANGER = """
import json, sys
for name in NOT_NEEDED:
    sys.modules[name] = None
sys.modules["ser"] = None  # `make` installs it: any import of it fails now
import numpy as np
from transformers import AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification, pipeline

clip, *folders = sys.argv[1:]
waveform = np.load(clip)
found = {}
for folder in folders:
    config = AutoConfig.from_pretrained(folder, trust_remote_code=True)
    extractor = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=True)
    model = AutoModelForAudioClassification.from_pretrained(folder, trust_remote_code=True)
    inputs = extractor(waveform, sampling_rate=16000, return_tensors="pt")
    names = config.id2label.values()
    classify = pipeline("audio-classification", model=folder, trust_remote_code=True)
    model.save_pretrained("again"), extractor.save_pretrained("again")
    again = AutoModelForAudioClassification.from_pretrained("again", trust_remote_code=True)
    found[folder] = {
        "auto": dict(zip(names, model(**inputs).logits[0].softmax(-1).tolist())),
        "pipeline": {row["label"]: row["score"] for row in classify(waveform, top_k=None)},
        "saved again": dict(zip(names, again(**inputs).logits[0].softmax(-1).tolist())),
    }
print(json.dumps(found))
"""

WITH_SER = """
import json, sys
from ser import MfccLstmForAudioClassification
from transformers import AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification, pipeline

folder = sys.argv[1]
autos = AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification
loaded = [auto.from_pretrained(folder) for auto in autos]
loaded += [(classify := pipeline("audio-classification", model=folder)).model, classify.feature_extractor]
print(json.dumps([type(part).__module__ for part in loaded]))
"""


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory) -> Path:
    return save_random_checkpoint(tmp_path_factory.mktemp("hybrid"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    return save_random_checkpoint(tmp_path_factory.mktemp("plain"), conv_channels=[], conv_strides=[])


@pytest.fixture
def damaged(tmp_path) -> Path:
    """A checkpoint that a test may spoil."""
    return save_random_checkpoint(tmp_path / "damaged")


@pytest.fixture(scope="module")
def waveform() -> np.ndarray:
    rng = np.random.default_rng(0)
    time_seconds = np.arange(20_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * 140 * n * time_seconds) / n for n in range(1, 9))
    return (0.1 * buzz * np.sin(np.pi * time_seconds / 1.25) + 0.001 * rng.standard_normal(20_000)).astype(
        np.float32
    )


def run_alone(script: str, *arguments: str | Path, cwd: Path, pythonpath: str = "") -> dict:
    environment = os.environ | {"PYTHONPATH": pythonpath, "HF_HOME": str(cwd / "huggingface")}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    run = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def change_json(file: Path, **values) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def assert_same(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(
        [found[emotion] for emotion in expected], list(expected.values()), rtol=0, atol=1e-6
    )


def test_a_saved_checkpoint_holds_its_code_and_no_pickle(hybrid):
    assert {file.name for file in hybrid.iterdir()} == TRAVELLING_FILES


def test_the_shipped_checkpoint_carries_the_code_that_is_tested_here():
    for name in sorted(name for name in TRAVELLING_FILES if name.endswith(".py")):
        shipped = REPO / "checkpoint" / name
        assert shipped.read_text() == (REPO / "ser" / name).read_text(), f"copy ser/{name} to checkpoint/"


def test_a_stranger_gets_the_probabilities_of_the_repository(hybrid, plain, waveform, tmp_path):
    np.save(tmp_path / "clip.npy", waveform)
    empty = tmp_path / "empty"
    empty.mkdir()
    script = f"NOT_NEEDED = {NOT_NEEDED}\n{STRANGER}"
    results = run_alone(script, tmp_path / "clip.npy", hybrid, plain, cwd=empty)
    for checkpoint in (hybrid, plain):
        expected = EmotionRecognizer.from_pretrained(checkpoint).predict((waveform, 16_000))
        assert max(expected.values()) - min(expected.values()) > 0.01  # else anything would agree
        found = results[str(checkpoint)]
        assert found.keys() == {"auto", "pipeline", "saved again"}
        for probabilities in found.values():
            assert_same(probabilities, expected)


def test_with_ser_imported_its_own_classes_load_without_trust(hybrid, tmp_path):
    modules = run_alone(WITH_SER, hybrid, cwd=tmp_path, pythonpath=str(REPO))
    names = ("configuration", "feature_extraction", "modeling", "modeling", "feature_extraction")
    assert modules == [f"ser.{name}_mfcc_lstm" for name in names]


def test_pipeline_file_and_waveform_agree(hybrid, waveform, tmp_path):
    recognizer = EmotionRecognizer.from_pretrained(hybrid)
    expected = recognizer.predict((waveform, 16_000))
    soundfile.write(tmp_path / "clip.wav", waveform, 16_000, subtype="FLOAT")
    assert_same(recognizer.predict(tmp_path / "clip.wav"), expected)
    assert_same(recognizer.predict((tmp_path / "clip.wav").read_bytes()), expected)
    classify = pipeline(
        "audio-classification", model=recognizer.model, feature_extractor=recognizer.feature_extractor
    )
    assert_same({row["label"]: row["score"] for row in classify(waveform, top_k=None)}, expected)


def _drop_head(weights):
    del weights["members.0.classifier.bias"]


def _add_weight(weights):
    weights["members.0.classifier.second.weight"] = torch.zeros(3)


def _shrink_head(weights):
    weights["members.0.classifier.weight"] = weights["members.0.classifier.weight"][:7].clone()
    weights["members.0.classifier.bias"] = weights["members.0.classifier.bias"][:7].clone()


@pytest.mark.parametrize("spoil", [_drop_head, _add_weight, _shrink_head])
def test_weights_that_do_not_fit_are_refused(damaged, spoil):
    weights = load_file(damaged / "model.safetensors")
    spoil(weights)
    save_file(weights, damaged / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="do not fit"):
        EmotionRecognizer.from_pretrained(damaged)
    with pytest.raises(RuntimeError, match=r"classifier|ignore_mismatched_sizes"):
        AutoModelForAudioClassification.from_pretrained(damaged)
    with pytest.raises(RuntimeError):
        MfccLstmForAudioClassification.from_pretrained(damaged)


def test_another_number_of_labels_needs_to_be_asked_for(damaged):
    with pytest.raises(RuntimeError):
        AutoModelForAudioClassification.from_pretrained(damaged, num_labels=3)
    model = AutoModelForAudioClassification.from_pretrained(
        damaged, num_labels=3, ignore_mismatched_sizes=True
    )
    assert [member.classifier.out_features for member in model.members] == [3, 3]


def test_weights_handed_over_as_a_dictionary_may_be_some_of_them():
    config = MfccLstmConfig(conv_channels=[], conv_strides=[], hidden_size=4)
    model = MfccLstmForAudioClassification.from_pretrained(None, config=config, state_dict={})
    assert all(torch.isfinite(weight).all() for weight in model.parameters())


@pytest.mark.parametrize("name", ["wav2vec2", "no-such-type"])
def test_a_foreign_model_type_is_refused(damaged, name):
    change_json(damaged / "config.json", model_type=name)
    with pytest.raises(ValueError, match="not an audio classifier"):
        EmotionRecognizer.from_pretrained(damaged)
    for load in (MfccLstmConfig.from_pretrained, MfccLstmForAudioClassification.from_pretrained):
        with pytest.raises(ValueError, match=f"'{name}'.*'mfcc-lstm'"):
            load(damaged)


def test_another_familys_checkpoint_is_refused(tmp_path):
    config = Wav2Vec2Config(
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        conv_dim=(8,),
        conv_kernel=(4,),
        conv_stride=(2,),
        num_conv_pos_embeddings=2,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2ForSequenceClassification(config).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="'wav2vec2'"):
        MfccLstmForAudioClassification.from_pretrained(tmp_path)


def test_another_familys_feature_extractor_is_refused(damaged):
    Wav2Vec2FeatureExtractor().save_pretrained(damaged)
    with pytest.raises(ValueError, match="Wav2Vec2FeatureExtractor"):
        EmotionRecognizer.from_pretrained(damaged)


def test_a_feature_extractor_of_another_width_is_refused(damaged):
    MfccLstmFeatureExtractor(feature_size=20).save_pretrained(damaged)
    with pytest.raises(ValueError, match=r"20.*40"):
        EmotionRecognizer.from_pretrained(damaged)


@pytest.mark.parametrize(
    "load", [EmotionRecognizer, MfccLstmForAudioClassification, AutoModelForAudioClassification]
)
def test_weights_in_a_pickle_are_refused(damaged, load):
    torch.save(load_file(damaged / "model.safetensors"), damaged / "pytorch_model.bin")
    (damaged / "model.safetensors").unlink()
    with pytest.raises(OSError, match="safetensors"):
        load.from_pretrained(damaged)


def test_code_that_a_checkpoint_names_is_not_run(damaged, tmp_path):
    """With `ser` imported its own classes load, whatever `auto_map` and the files beside it say."""
    for file in damaged.glob("*.py"):
        file.write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    EmotionRecognizer.from_pretrained(damaged)
    for auto in (AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification):
        auto.from_pretrained(damaged)
    assert not (tmp_path / "was-run").exists()


def test_an_empty_folder_is_an_error_that_names_it(tmp_path):
    with pytest.raises(OSError, match=tmp_path.name):
        EmotionRecognizer.from_pretrained(tmp_path)
