"""The ONNX graph answers as torch does on real clips, padded or alone, and is used without torch."""

import copy
import multiprocessing
import os
import pickle
import shutil
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
from ser.onnx.cli import main
from ser.onnx.export import export_onnx
from ser.onnx.front_end import OnnxFrontEnd
from ser.onnx.recognizer import GRAPH_FILE, QUANTIZED_FILE, OnnxRecognizer
from ser.recognizer import EmotionRecognizer
from ser.recognizer.out_of_distribution import FILE_NAME, OutOfDistributionDetector, summarise_features

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
    """A checkpoint of random weights with its graphs, that takes some noises as unlike speech."""
    folder = save_random_checkpoint(tmp_path_factory.mktemp("model"))
    random = EmotionRecognizer.from_pretrained(folder)
    clips = [noise(RATE, seed, level=10.0 ** (seed % 3 - 3)) for seed in range(150)]
    features = [random.feature_extractor(clip, sampling_rate=RATE)["input_features"][0] for clip in clips]
    fitted = OutOfDistributionDetector.fit(features, list(range(len(clips))))
    OutOfDistributionDetector(fitted.mean, fitted.precision, fitted.threshold / 2).save(folder)
    main(["--model", str(folder)])
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


def test_answers_on_real_clips_are_torchs(real_waveforms, tmp_path):
    """Of the shipped checkpoint, which is sure of some clips: random weights are of none."""
    recognizer = EmotionRecognizer.from_pretrained(REPO / "checkpoint")
    plain, quantized = map(OnnxRecognizer, export_onnx(recognizer, tmp_path))
    expected = recognizer.predict_probabilities(real_waveforms)
    assert expected.max() > 0.5
    np.testing.assert_allclose(plain.predict_probabilities(real_waveforms), expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(quantized.predict_probabilities(real_waveforms), expected, rtol=0, atol=0.05)
    for waveform in real_waveforms:
        assert_other_answers_alike(plain, recognizer, waveform)


@pytest.mark.parametrize(("name", "tolerance"), [("checkpoint", 1e-4), ("checkpoint-accurate", 0.02)])
def test_the_shipped_graphs_are_those_of_the_shipped_weights(name, tolerance):
    """Which the recogniser checks when it loads one; if not, export the checkpoint again."""
    clips = sorted((REPO / "examples").glob("*.flac"))
    found = EmotionRecognizer.from_pretrained(REPO / name, backend="onnx").predict(clips)
    expected = EmotionRecognizer.from_pretrained(REPO / name).predict(clips)
    for answer, same in zip(found, expected, strict=True):
        assert answer == pytest.approx(same, abs=tolerance)


def assert_other_answers_alike(found: OnnxRecognizer, expected: EmotionRecognizer, waveform: np.ndarray):
    attention, expected_attention = found.attend((waveform, RATE)), expected.attend((waveform, RATE))
    np.testing.assert_allclose(attention.times_seconds, expected_attention.times_seconds, rtol=0, atol=1e-4)
    np.testing.assert_allclose(attention.weights, expected_attention.weights, rtol=0, atol=1e-4)
    features = expected.feature_extractor(waveform, sampling_rate=RATE)["input_features"][0]
    distance = expected.detector.distances(summarise_features(features)[None])
    np.testing.assert_allclose(found._run([waveform])["ood_distance"], distance, rtol=1e-3)


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


def test_segments_are_analysed_in_one_run_each(recognizer, onnx_recognizer, monkeypatch):
    tone = 0.5 * np.sin(np.arange(2 * RATE) / 5).astype(np.float32)
    clips = [noise(RATE), tone, noise(3 * RATE, seed=1, level=0.01)]
    run, lengths = onnx_recognizer._run, []
    monkeypatch.setattr(
        onnx_recognizer, "_run", lambda waveforms: lengths.append(len(waveforms)) or run(waveforms)
    )
    probabilities, flags = onnx_recognizer.predict_segments(clips)
    assert lengths == [1, 1, 1]
    expected, expected_flags = recognizer.predict_segments(clips)
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-4)
    assert list(flags) == list(expected_flags) == [False, True, False]


def test_a_conversation_gets_torchs_segments():
    clips = [load_audio(file, RATE) for file in sorted((REPO / "examples").glob("*.flac"))[:4]]
    pause = np.zeros(RATE, np.float32)
    conversation = (np.concatenate([part for clip in clips for part in (clip, pause)]), RATE)
    found, expected = (
        list(EmotionRecognizer.from_pretrained(REPO / "checkpoint", backend=backend).segments(conversation))
        for backend in ("onnx", "torch")
    )
    assert len(found) == len(expected)
    assert sum(segment.probabilities is not None for segment in found) >= len(clips)
    for segment, same in zip(found, expected, strict=True):
        assert (segment.start_seconds, segment.end_seconds) == (same.start_seconds, same.end_seconds)
        assert segment.is_out_of_distribution == same.is_out_of_distribution
        if same.probabilities:
            assert segment.probabilities == pytest.approx(same.probabilities, abs=1e-4)


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
        {"high_pass_hz": 120.0, "dynamic_range_db": 70.0, "band_range_db": 30.0, "target_level_db": -26.0},
        {"target_level_db": -20.0, "n_fft": 1024, "win_length": 1024, "hop_length": 256, "feature_size": 13},
        {"sampling_rate": 8_000, "n_fft": 256, "win_length": 200, "hop_length": 80, "num_mel_bins": 40},
        {"hop_length": 150},
    ],
    ids=["bare", "narrow", "high-pass", "wide", "telephone", "odd hop"],
)
def test_the_front_end_follows_the_extractors_settings(settings):
    extractor = MfccLstmFeatureExtractor(**settings)
    front_end = OnnxFrontEnd(extractor)
    clip = np.concatenate([noise(3_000, level=1e-4), noise(9_000), noise(1_234, level=1e-4)]) + 0.01
    clip = clip.astype(np.float32)
    expected = extractor(clip, sampling_rate=extractor.sampling_rate, return_tensors="pt").input_features
    padded = torch.nn.functional.pad(torch.from_numpy(clip), (0, 777))[None]
    found, mask, _ = front_end(padded, torch.tensor([len(clip)]))
    assert mask.all()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-3)


def test_the_quantized_file_is_smaller_and_answers_alike(onnx_recognizer, checkpoint):
    types = {node.op_type for node in onnx.load(str(checkpoint / QUANTIZED_FILE)).graph.node}
    assert "DynamicQuantizeLSTM" in types
    clips = [noise(RATE, seed=seed) for seed in range(4)]
    quantized = OnnxRecognizer(checkpoint / QUANTIZED_FILE).predict_probabilities(clips)
    np.testing.assert_allclose(quantized, onnx_recognizer.predict_probabilities(clips), rtol=0, atol=0.05)


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint-accurate"])
def test_neither_torch_nor_transformers_is_needed(name):
    clip = next((REPO / "examples").glob("*.flac"))
    command = [sys.executable, "-c", WITHOUT_TORCH, str(REPO / name), str(clip)]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    expected = EmotionRecognizer.from_pretrained(REPO / name, backend="onnx").predict(clip)
    assert run.stdout.strip() == str(expected)


def test_it_has_the_attributes_and_answers_of_the_torch_recogniser(recognizer, onnx_recognizer):
    assert onnx_recognizer.emotions == recognizer.emotions
    assert onnx_recognizer.sampling_rate == recognizer.sampling_rate
    assert onnx_recognizer.not_sure_below == recognizer.not_sure_below > 0
    clip = (noise(5 * RATE), RATE)
    for window, expected in zip(onnx_recognizer.timeline(clip), recognizer.timeline(clip), strict=True):
        assert window.probabilities == pytest.approx(expected.probabilities, abs=1e-4)
    for level in (1e-3, 0.1, 1.0):
        assert_other_answers_alike(onnx_recognizer, recognizer, noise(2 * RATE, level=level))
    answers = [onnx_recognizer.is_out_of_distribution((noise(RATE, seed), RATE)) for seed in range(40)]
    assert answers == [recognizer.is_out_of_distribution((noise(RATE, seed), RATE)) for seed in range(40)]
    assert 0 < sum(answers) < len(answers)


def test_a_copy_answers_the_same_also_in_another_process(onnx_recognizer):
    clip = (noise(RATE), RATE)
    expected = onnx_recognizer.predict(clip)
    assert copy.deepcopy(onnx_recognizer).predict(clip) == expected
    assert pickle.loads(pickle.dumps(onnx_recognizer)).predict(clip) == expected
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(onnx_recognizer.predict, [clip, clip]) == [expected, expected]


def test_unusable_files_are_refused(checkpoint, tmp_path):
    file = tmp_path / GRAPH_FILE
    file.parent.mkdir()
    with pytest.raises(OSError, match=r"no onnx/model\.onnx.*python -m ser export"):
        EmotionRecognizer.from_pretrained(tmp_path / "onnx", backend="onnx")
    with pytest.raises(OSError, match=r"no folder or file .*absent\.onnx"):
        EmotionRecognizer.from_pretrained(tmp_path / "absent.onnx", backend="onnx")
    whole = (checkpoint / GRAPH_FILE).read_bytes()
    newer = onnx.load_from_string(whole)
    newer.ir_version = 99
    for content in (b"", b"\x00nothing", whole[: len(whole) // 2], newer.SerializeToString()):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"expected a graph written by"):
            EmotionRecognizer.from_pretrained(tmp_path, backend="onnx")
    foreign = onnx.load_from_string(whole)
    onnx.helper.set_model_props(foreign, {})
    onnx.save(foreign, file)
    with pytest.raises(ValueError, match="graph version None, expected 2"):
        EmotionRecognizer.from_pretrained(tmp_path, backend="onnx")
    with pytest.raises(ValueError, match="'torch', 'onnx' or 'auto', got 'tf'"):
        EmotionRecognizer.from_pretrained(tmp_path, backend="tf")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", FILE_NAME])
def test_a_graph_beside_another_checkpoint_is_refused(checkpoint, tmp_path, name):
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ValueError, match=r"another checkpoint.*python -m ser export"):
        EmotionRecognizer.from_pretrained(tmp_path, backend="auto")


def test_an_export_that_fails_leaves_the_good_files(checkpoint, tmp_path, monkeypatch):
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    wrong = EmotionRecognizer.from_pretrained(tmp_path)
    predict = wrong.predict_probabilities
    monkeypatch.setattr(wrong, "predict_probabilities", lambda clips: predict(clips)[:, ::-1])
    with pytest.raises(RuntimeError, match="differ from torch's"):
        export_onnx(wrong, tmp_path)
    assert sorted(file.name for file in (tmp_path / "onnx").iterdir()) == [
        "model.onnx",
        "model_quantized.onnx",
    ]
    assert (tmp_path / GRAPH_FILE).read_bytes() == (checkpoint / GRAPH_FILE).read_bytes()
