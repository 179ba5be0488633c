"""The ONNX graph gives torch's probabilities on real clips, padded or alone, and is used without torch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from random_checkpoint import save_random_checkpoint

from ser.audio import load_audio
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.onnx.export import export_onnx, main
from ser.onnx.front_end import OnnxFrontEnd
from ser.onnx.recognizer import OnnxRecognizer
from ser.recognizer import EmotionRecognizer

RATE = 16_000
REPO = Path(__file__).resolve().parents[2]

WITHOUT_TORCH = """
import sys
for name in ("torch", "transformers", "datasets", "librosa"):
    sys.modules[name] = None  # an import of it fails
from ser import EmotionRecognizer
recognizer = EmotionRecognizer.from_pretrained(sys.argv[1], backend="onnx")
print(recognizer.predict(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder = save_random_checkpoint(tmp_path_factory.mktemp("model"))
    main(["--model", str(folder), "--output", str(folder / "model.onnx")])
    return folder


@pytest.fixture(scope="module")
def recognizer(checkpoint) -> EmotionRecognizer:
    return EmotionRecognizer.from_pretrained(checkpoint)


@pytest.fixture(scope="module")
def onnx_recognizer(checkpoint) -> OnnxRecognizer:
    found = EmotionRecognizer.from_pretrained(checkpoint, backend="onnx")
    assert isinstance(found, OnnxRecognizer)
    return found


@pytest.fixture(scope="module")
def real_waveforms(ravdess_dir: Path) -> list[np.ndarray]:
    files = sorted(ravdess_dir.glob("Actor_*/*.*"))
    return [load_audio(file, RATE) for file in files[:: len(files) // 40]]


def noise(num_samples: int, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(num_samples)).astype(np.float32)


def test_probabilities_of_real_clips_are_torchs(real_waveforms, tmp_path):
    """Of the shipped checkpoint, which is sure of some clips: random weights are of none."""
    recognizer = EmotionRecognizer.from_pretrained(REPO / "checkpoint")
    export_onnx(recognizer, tmp_path / "model.onnx")
    expected = recognizer.predict_probabilities(real_waveforms)
    assert expected.max() > 0.5
    found = OnnxRecognizer(tmp_path / "model.onnx").predict_probabilities(real_waveforms)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_probabilities_of_odd_clips_are_torchs(recognizer, onnx_recognizer):
    silent_ends = np.concatenate([np.zeros(4_001), noise(9_000), np.zeros(2_345)]).astype(np.float32)
    clips = [silent_ends, np.zeros(5_000, np.float32), noise(1_600), noise(399), noise(1), noise(30 * RATE)]
    clips += [noise(RATE, level=level) for level in (1e-6, 3.0)]
    for clip in clips:
        np.testing.assert_allclose(
            onnx_recognizer.predict_probabilities([clip]),
            recognizer.predict_probabilities([clip]),
            rtol=0,
            atol=1e-4,
            err_msg=f"{len(clip)} samples",
        )


def test_padding_and_batch_change_nothing(onnx_recognizer):
    clips = [noise(n, seed=n) for n in (RATE, 2_000, 3 * RATE, 7_777)]
    together = onnx_recognizer.predict_probabilities(clips)
    for clip, row in zip(clips, together, strict=True):
        np.testing.assert_allclose(onnx_recognizer.predict_probabilities([clip])[0], row, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"trim_top_db": None, "target_level_db": None, "do_normalize": False},
        {"dynamic_range_db": 30.0},
        {"target_level_db": -20.0, "n_fft": 1024, "win_length": 1024, "hop_length": 256, "feature_size": 13},
        {"sampling_rate": 8_000, "n_fft": 256, "win_length": 200, "hop_length": 80, "num_mel_bins": 40},
        {"hop_length": 150},
    ],
    ids=["bare", "narrow", "wide", "telephone", "odd hop"],
)
def test_the_front_end_follows_the_extractors_settings(settings):
    extractor = MfccLstmFeatureExtractor(**settings)
    front_end = OnnxFrontEnd(extractor)
    clip = np.concatenate([noise(3_000, level=1e-4), noise(9_000), noise(1_234, level=1e-4)])
    expected = extractor(clip, sampling_rate=extractor.sampling_rate, return_tensors="pt").input_features
    padded = torch.nn.functional.pad(torch.from_numpy(clip), (0, 777))[None]
    found, mask = front_end(padded, torch.tensor([len(clip)]))
    assert mask.all()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-3)


def test_the_quantized_file_is_smaller_and_answers_alike(recognizer, onnx_recognizer, checkpoint, tmp_path):
    export_onnx(recognizer, tmp_path / "int8.onnx", quantize=True)
    types = {node.op_type for node in onnx.load(str(tmp_path / "int8.onnx")).graph.node}
    assert "DynamicQuantizeLSTM" in types
    clips = [noise(RATE, seed=seed) for seed in range(4)]
    quantized = OnnxRecognizer(tmp_path / "int8.onnx").predict_probabilities(clips)
    np.testing.assert_allclose(quantized, onnx_recognizer.predict_probabilities(clips), rtol=0, atol=0.05)


def test_neither_torch_nor_transformers_is_needed(checkpoint, onnx_recognizer):
    clip = next((REPO / "examples").glob("*.flac"))
    command = [sys.executable, "-c", WITHOUT_TORCH, str(checkpoint), str(clip)]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(onnx_recognizer.predict(clip))


def test_it_is_asked_as_the_torch_one_is(recognizer, onnx_recognizer):
    assert onnx_recognizer.emotions == recognizer.emotions
    assert onnx_recognizer.sampling_rate == recognizer.sampling_rate
    assert onnx_recognizer.not_sure_below == recognizer.not_sure_below > 0
    clip = (noise(5 * RATE), RATE)
    for window, expected in zip(onnx_recognizer.timeline(clip), recognizer.timeline(clip), strict=True):
        assert window.probabilities == pytest.approx(expected.probabilities, abs=1e-4)
    with pytest.raises(ValueError, match="backend='torch'"):
        onnx_recognizer.attend(clip)
    with pytest.raises(ValueError, match="Copy it"):
        onnx_recognizer.save_pretrained("anywhere")


def test_what_is_no_export_is_refused(tmp_path):
    with pytest.raises(OSError, match=r"no model\.onnx.*python -m ser\.onnx\.export"):
        EmotionRecognizer.from_pretrained(tmp_path, backend="onnx")
    (tmp_path / "model.onnx").write_bytes(b"\x00nothing")
    with pytest.raises(ValueError, match="was not written by"):
        EmotionRecognizer.from_pretrained(tmp_path, backend="onnx")
    with pytest.raises(ValueError, match="'torch' or 'onnx', got 'tf'"):
        EmotionRecognizer.from_pretrained(tmp_path, backend="tf")
