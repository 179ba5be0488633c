"""One thread, one process: our paths from sound to probabilities beside others, on the same clips."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import librosa
import numpy as np
import soundfile
import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

from ser.audio import load_audio
from ser.evaluation.metrics import unweighted_average_recall
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
from ser.onnx.export import export_onnx
from ser.onnx.recognizer import OnnxRecognizer
from ser.recognizer import EmotionRecognizer
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

Measured = dict[str, float]


def seconds_of(paths: dict[str, Callable[[], Any]], num_repeats: int) -> Measured:
    """Median processor seconds of each path, called in turns so that a busy moment hits all of them.

    Processor time of this process, not the clock's: on a machine that does nothing else the two agree.
    """
    spent: dict[str, list[float]] = {name: [] for name in paths}
    for path in paths.values():
        path()  # the first call of anything is slow
    for _ in range(num_repeats):
        for name, path in paths.items():
            start = time.process_time()
            path()
            spent[name].append(time.process_time() - start)
    return {name: float(np.median(values)) for name, values in spent.items()}


def measure_mfcc(waveforms: Sequence[np.ndarray], num_repeats: int) -> Measured:
    """Seconds a clip of our MFCC of a batch and of librosa's, and their largest difference over the range."""
    ours = MfccLstmFeatureExtractor(trim_top_db=None, do_normalize=False)
    settings: dict[str, Any] = {
        "sr": ours.sampling_rate,
        "n_mfcc": ours.feature_size,
        "n_mels": ours.num_mel_bins,
        "n_fft": ours.n_fft,
        "win_length": ours.win_length,
        "hop_length": ours.hop_length,
    }

    def extract() -> list[np.ndarray]:
        return ours(list(waveforms), sampling_rate=ours.sampling_rate, padding=False)["input_features"]

    def extract_with_librosa() -> list[np.ndarray]:
        return [librosa.feature.mfcc(y=waveform, **settings).T for waveform in waveforms]

    found, expected = np.concatenate(extract()), np.concatenate(extract_with_librosa())
    difference = np.abs(found - expected) / np.ptp(expected, axis=0)
    seconds = seconds_of({"ours": extract, "librosa": extract_with_librosa}, num_repeats)
    return {
        "ours_ms": 1000 * seconds["ours"] / len(waveforms),
        "librosa_ms": 1000 * seconds["librosa"] / len(waveforms),
        "ratio": seconds["librosa"] / seconds["ours"],
        "difference": float(difference.max()),
    }


def measure_files(
    recognizer: MfccLstmRecognizer, onnx_recognizer: OnnxRecognizer, files: Sequence[Path], num_repeats: int
) -> Measured:
    """Milliseconds a clip, from file to probabilities one by one, of several paths, and the floor below."""
    rate = recognizer.sampling_rate
    encoder = Wav2Vec2ForSequenceClassification(Wav2Vec2Config()).eval()
    encoder_extractor = Wav2Vec2FeatureExtractor()
    plain = recognizer.feature_extractor
    mean, std = np.array(plain.mean, np.float32), np.array(plain.std, np.float32)

    def hear_with_encoder() -> None:
        for file in files[:2]:  # half a second each
            inputs = encoder_extractor(load_audio(file, rate), sampling_rate=rate, return_tensors="pt")
            with torch.inference_mode():
                encoder(**inputs).logits.softmax(dim=-1)

    def hear_as_notebooks_do() -> None:
        for file in files:
            waveform, _ = librosa.load(file, sr=rate)
            mfcc = librosa.feature.mfcc(
                y=waveform,
                sr=rate,
                n_mfcc=plain.feature_size,
                n_mels=plain.num_mel_bins,
                n_fft=plain.n_fft,
                win_length=plain.win_length,
                hop_length=plain.hop_length,
            )
            features = torch.from_numpy((mfcc.T - mean) / std)[None].float()
            with torch.inference_mode():
                recognizer.model(features).logits.softmax(dim=-1)

    square = torch.rand(512, 512)
    seconds = seconds_of(
        {
            "torch": lambda: [recognizer.predict(file) for file in files],
            "onnx": lambda: [onnx_recognizer.predict(file) for file in files],
            "notebook": hear_as_notebooks_do,
            "wav2vec2": hear_with_encoder,
            "decode": lambda: [soundfile.read(file, dtype="float32") for file in files],
            "matrix": lambda: [square @ square for _ in range(20)],
        },
        num_repeats,
    )
    clips = {"wav2vec2": 2, "matrix": 1}
    found = {f"{name}_ms": 1000 * value / clips.get(name, len(files)) for name, value in seconds.items()}
    waveforms = [load_audio(file, rate) for file in files]
    inputs = recognizer.feature_extractor(waveforms, padding=False, sampling_rate=rate)["input_features"]
    multiply_adds = sum(num_multiply_adds(recognizer.model, len(each)) for each in inputs) / len(inputs)
    found["gigaflops"] = 20 * 2 * 512**3 / seconds["matrix"] / 1e9
    found["floor_ms"] = found["decode_ms"] + 2 * multiply_adds / found["gigaflops"] / 1e6
    return found


def num_multiply_adds(model: MfccLstmForAudioClassification, num_frames: int) -> int:
    """Multiplications of weights with a clip of so many frames, convolutions to classifier."""
    config = model.config
    total, width = 0, config.feature_size
    for channels, stride in zip(config.conv_channels, config.conv_strides, strict=True):
        num_frames = -(-num_frames // stride)
        total += num_frames * width * channels * config.conv_kernel_size
        width = channels
    for _ in range(config.num_hidden_layers):
        total += num_frames * 2 * 4 * config.hidden_size * (width + config.hidden_size)
        width = 2 * config.hidden_size
    total += num_frames * (width + 1) * config.attention_size + 2 * width * cast(int, config.num_labels)
    return config.ensemble_size * total


def measure_onnx(
    recognizer: MfccLstmRecognizer,
    onnx_recognizer: OnnxRecognizer,
    files: Sequence[Path],
    labels: Sequence[int],
    num_repeats: int,
) -> Measured:
    """Milliseconds a clip from waveform to probabilities, one by one, and the UAR of all, in percent."""
    waveforms = [load_audio(file, recognizer.sampling_rate) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        _, quantized = export_onnx(recognizer, folder)
        recognizers = {
            "torch": recognizer,
            "onnx": onnx_recognizer,
            "int8": OnnxRecognizer(quantized),
        }
    probabilities = {name: each.predict_probabilities(waveforms) for name, each in recognizers.items()}
    found: Measured = {
        f"{name}_uar": 100 * unweighted_average_recall(np.array(labels), rows.argmax(axis=1))
        for name, rows in probabilities.items()
    }
    for name in ("onnx", "int8"):
        found[f"{name}_difference"] = float(np.abs(probabilities[name] - probabilities["torch"]).max())
    timed = waveforms[:: max(1, len(waveforms) // 24)]

    def asking(each: EmotionRecognizer) -> Callable[[], Any]:
        return lambda: [each.predict_probabilities([waveform]) for waveform in timed]

    seconds = seconds_of({name: asking(each) for name, each in recognizers.items()}, num_repeats)
    found["num_clips"] = len(files)
    return found | {f"{name}_ms": 1000 * value / len(timed) for name, value in seconds.items()}
