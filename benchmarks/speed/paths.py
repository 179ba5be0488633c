"""From a file to probabilities in one process on one thread, beside other ways to the same answer."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import librosa
import numpy as np
import soundfile
import torch
from datasets import Dataset
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification

from benchmarks.speed.rows import Row, milliseconds
from ser.audio import load_audio
from ser.demo.examples import example_clips
from ser.evaluation.metrics import unweighted_average_recall
from ser.evaluation.scoring import score_clips
from ser.labels import corpus_classes
from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
from ser.onnx.recognizer import OnnxRecognizer
from ser.recognizer import EmotionRecognizer
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer


def measure_files(
    recognizer: MfccLstmRecognizer, onnx: OnnxRecognizer, files: Sequence[Path], num_repeats: int
) -> list[Row]:
    """Time the ONNX graph, wav2vec2-base, librosa with the same network, and the floor below all of them."""
    extractor, rate = recognizer.feature_extractor, recognizer.sampling_rate
    encoder = Wav2Vec2ForSequenceClassification(Wav2Vec2Config()).eval()
    encoder_extractor = Wav2Vec2FeatureExtractor()
    mean, std = np.array(extractor.mean, np.float32), np.array(extractor.std, np.float32)
    square = torch.rand(512, 512)
    waveforms = [load_audio(file, rate) for file in files]

    def use_encoder() -> None:
        for file in files[:2]:  # half a second each
            inputs = encoder_extractor(load_audio(file, rate), sampling_rate=rate, return_tensors="pt")
            with torch.inference_mode():
                encoder(**inputs).logits.softmax(dim=-1)

    def use_librosa() -> None:
        for file in files:
            mfcc = librosa.feature.mfcc(
                y=librosa.load(file, sr=rate)[0],
                sr=rate,
                n_mfcc=extractor.feature_size,
                n_mels=extractor.num_mel_bins,
                n_fft=extractor.n_fft,
                win_length=extractor.win_length,
                hop_length=extractor.hop_length,
            )
            with torch.inference_mode():
                recognizer.model(torch.from_numpy((mfcc.T - mean) / std)[None].float()).logits.softmax(dim=-1)

    spent = milliseconds(
        {
            "onnx": lambda: [onnx.predict(file) for file in files],
            "librosa": use_librosa,
            "wav2vec2": use_encoder,
            "decode": lambda: [soundfile.read(file, dtype="float32") for file in files],
            "load": lambda: [load_audio(file, rate) for file in files],
            "graph": lambda: [onnx.forward([waveform]) for waveform in waveforms],
            "matrix": lambda: [square @ square for _ in range(20)],
        },
        num_repeats,
    )
    ours, librosas, decode, load, graph = (
        spent[name] / len(files) for name in ("onnx", "librosa", "decode", "load", "graph")
    )
    wav2vec2 = spent["wav2vec2"] / 2
    gigaflops = 20 * 2 * 512**3 / spent["matrix"] / 1e6
    features = extractor(waveforms, padding=False, sampling_rate=rate)["input_features"]
    multiply_adds = sum(num_multiply_adds(recognizer.model, len(each)) for each in features) / len(files)
    floor = decode + 2 * multiply_adds / gigaflops / 1e6
    what = "file to probabilities, ONNX, one thread, beside"
    return [
        Row(
            f"{what} wav2vec2-base of transformers (random weights)",
            ">= 170x",
            f"{wav2vec2 / ours:.0f}x ({ours:.1f} beside {wav2vec2:.0f} ms)",
            wav2vec2 >= 170 * ours,
        ),
        Row(
            f"{what} the floor: decoding ({decode:.2f} ms) and the network's multiplications at this "
            f"machine's {gigaflops:.0f} GFLOP/s",
            "<= 1.4x",
            f"{ours / floor:.2f}x ({ours:.2f} beside {floor:.2f} ms; {floor + load - decode:.2f} ms with "
            "resampling)",
            ours <= 1.4 * floor,
        ),
        Row(
            f"{what} `librosa.load`, `librosa.feature.mfcc` and the same network in torch",
            ">= 3x",
            f"{librosas / ours:.1f}x ({ours:.1f} beside {librosas:.1f} ms)",
            librosas >= 3 * ours,
        ),
        Row(
            "file to probabilities, ONNX, one thread: its parts",
            "",
            f"decoding {decode:.1f}, resampling {load - decode:.1f}, graph {graph:.1f} ms",
        ),
    ]


def num_multiply_adds(model: MfccLstmForAudioClassification, num_frames: int) -> int:
    """Return the multiplications of weights with a clip of so many frames, convolutions to classifier."""
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


def measure_integers(
    name: str, reference: EmotionRecognizer, integers: OnnxRecognizer, clips: Dataset, num_repeats: int
) -> list[Row]:
    """Compare a graph with integer weights with the same model without: UAR on EmoDB, time a waveform."""
    classes = corpus_classes("emodb")
    scored = [score_clips(each, clips, classes) for each in (reference, integers)]
    uars = [100 * unweighted_average_recall(each.labels, each.predictions) for each in scored]
    timed = [integers.load(audio) for audio in clips["audio"][::20]]
    spent = milliseconds(
        {
            "reference": lambda: [reference.predict_probabilities([each]) for each in timed],
            "integers": lambda: [integers.predict_probabilities([each]) for each in timed],
        },
        num_repeats,
    )
    ours, other = (spent[each] / len(timed) for each in ("integers", "reference"))
    difference = max(
        float(np.abs(integers.predict_probabilities([each]) - reference.predict_probabilities([each])).max())
        for each in map(integers.load, (example.path for example in example_clips()))
    )
    return [
        Row(
            f"{name}: EmoDB, and the example clips",
            "UAR within 1 point, probabilities of the examples within 0.02",
            f"UAR {uars[1]:.1f} beside {uars[0]:.1f}, largest difference {difference:.3f}; "
            f"{ours:.1f} beside {other:.1f} ms a waveform",
            abs(uars[1] - uars[0]) <= 1 and difference <= 0.02,
        )
    ]
