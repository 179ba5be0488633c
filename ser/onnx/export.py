"""Writes a checkpoint as one ONNX graph with all outputs of the recogniser, for use without torch.

docs/onnx.md describes inputs, outputs and metadata.
"""

import json
import os
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn

from ser.onnx.compact import compact_weights
from ser.onnx.front_end import OnnxFrontEnd
from ser.onnx.network import for_export
from ser.onnx.recognizer import GRAPH_FILE, GRAPH_VERSION, QUANTIZED_FILE, OnnxRecognizer, checkpoint_sha256
from ser.recognizer.analysis import SINGLE_PASS_SECONDS, WINDOW_HOP_SECONDS, WINDOW_SECONDS
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
from ser.recognizer.out_of_distribution import OutOfDistributionDetector

OPSET = 17
NETWORK = "/network/"  # in the names of the network's nodes
LARGE_BYTES = 10_000_000  # of a graph whose weights are stored in fewer bytes
MAX_DIFFERENCE = 1e-3  # from torch on noise, before a file is kept; tests hold 1e-4 on speech
MAX_DIFFERENCE_OF_INTEGERS = 0.2


class MahalanobisDistance(nn.Module):
    """The distances of `OutOfDistributionDetector` for a batch of padded clips.

    Args:
        detector: The statistics of the training.
    """

    mean: torch.Tensor
    factor: torch.Tensor

    def __init__(self, detector: OutOfDistributionDetector):
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(detector.mean).float())
        # With precision L L^T the distance is a sum of squares, which float32 cannot make negative.
        factor = np.linalg.cholesky(detector.precision.astype(np.float64))
        self.register_buffer("factor", torch.from_numpy(factor).float())

    def forward(self, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Map `features` (B, T, C) and `mask` (B, T) to squared distances (B,)."""
        share = (mask / mask.sum(dim=1, keepdim=True))[:, None]  # (B, 1, T), of each frame in the means
        mean = share @ features
        std = (share @ (features - mean).square()).sqrt()
        change = features[:, 1:] - features[:, :-1]  # before the first frame there is none
        mean_change = share[:, :, 1:] @ change
        std_change = (share[:, :, 1:] @ change.square() - mean_change.square()).clamp(min=0).sqrt()
        summary = torch.cat([mean, std, std_change], dim=2)
        return ((summary - self.mean) @ self.factor).square().sum(dim=(1, 2))


class RecognizerGraph(nn.Module):
    """The exported graph: front end, network, softmax and out-of-distribution score."""

    def __init__(self, recognizer: MfccLstmRecognizer):
        super().__init__()
        self.front_end = OnnxFrontEnd(recognizer.feature_extractor)
        self.network = for_export(recognizer.model)
        self.distance = None if recognizer.detector is None else MahalanobisDistance(recognizer.detector)
        self.step = recognizer.feature_extractor.hop_length * recognizer.model.config.total_stride
        self.sampling_rate = recognizer.sampling_rate

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs of `forward`."""
        names = ["probabilities", "attention", "attention_seconds"]
        return names if self.distance is None else [*names, "ood_distance"]

    def forward(self, waveform: torch.Tensor, num_samples: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Map `waveform` (B, N) and `num_samples` (B,) to the graph's outputs.

        Returns:
            Probabilities `(B, num_emotions)`, attention and its times in seconds `(B, T')` and, where the
            checkpoint has the statistics, the squared distance `(B,)` from the clips of the training.
        """
        features, mask, start = self.front_end(waveform, num_samples)
        logits, attention = self.network(features, mask, return_dict=False)[:2]
        frame = torch.arange(attention.shape[1])
        seconds = (start[:, None] + self.step * frame[None, :]).float() / self.sampling_rate
        outputs = (logits.softmax(dim=-1), attention, seconds)
        return outputs if self.distance is None else (*outputs, self.distance(features, mask))


def export_onnx(
    recognizer: MfccLstmRecognizer,
    folder: str | os.PathLike[str],
    checkpoint: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Write a recogniser's graph below a folder: with float32 weights and, in a second file, 8-bit weights.

    A large graph is one file, whose weights `compact_weights` stores in a third of the bytes. A file is
    replaced only by one that was run and gave torch's probabilities.

    Args:
        recognizer: With an MFCC-LSTM.
        folder: Where the checkpoint lies; the graphs become `onnx/model.onnx` and `onnx/model_quantized.onnx`
            in it.
        checkpoint: Where the checkpoint lies, if elsewhere.

    Returns:
        The files.

    Raises:
        RuntimeError: If the graph does not give torch's probabilities.
        OSError: If a file cannot be written.
    """
    folder = Path(folder)
    graph = RecognizerGraph(recognizer).eval()
    values = {
        "graph_version": str(GRAPH_VERSION),
        "emotions": json.dumps(recognizer.emotions),
        "sampling_rate": str(recognizer.sampling_rate),
        "min_samples": str(graph.front_end.block),
        "not_sure_below": str(recognizer.not_sure_below),
        "confidence_steps": json.dumps(recognizer.confidence_steps),
        "single_pass_seconds": str(SINGLE_PASS_SECONDS),
        "window_seconds": str(WINDOW_SECONDS),
        "window_hop_seconds": str(WINDOW_HOP_SECONDS),
        "checkpoint_sha256": checkpoint_sha256(checkpoint or folder) or "",
    }
    if recognizer.detector is not None:
        values["ood_threshold"] = str(float(recognizer.detector.threshold))
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    # In the target's folder, so that a finished file replaces the old one in one step.
    with tempfile.TemporaryDirectory(dir=folder / "onnx", prefix=".export-") as unfinished:
        plain, quantized = Path(unfinished) / "model.onnx", Path(unfinished) / "model_quantized.onnx"
        _trace(graph, plain)
        if plain.stat().st_size > LARGE_BYTES:
            compact_weights(plain, NETWORK)
            written = {plain: (GRAPH_FILE, "int8 and float16", MAX_DIFFERENCE_OF_INTEGERS)}
        else:
            _quantize(plain, quantized)
            written = {
                plain: (GRAPH_FILE, "float32", MAX_DIFFERENCE),
                quantized: (QUANTIZED_FILE, "int8", MAX_DIFFERENCE_OF_INTEGERS),
            }
        for file, (_, weights, max_difference) in written.items():
            model = onnx.load(str(file))
            onnx.helper.set_model_props(model, {**values, "weights": weights})
            onnx.save(model, str(file))
            _check(recognizer, file, max_difference)
        return [file.replace(folder / target) for file, (target, *_) in written.items()]


def _probe(sampling_rate: int) -> list[np.ndarray]:
    """Return two clips of noise of different lengths."""
    random = np.random.default_rng(0)
    return [(0.1 * random.standard_normal(seconds * sampling_rate)).astype(np.float32) for seconds in (2, 1)]


def _trace(graph: RecognizerGraph, file: Path) -> None:
    clips = [torch.from_numpy(clip) for clip in _probe(graph.sampling_rate)]
    outputs = graph.output_names
    axes: dict[str, dict[int, str]] = {name: {0: "batch"} for name in ("num_samples", *outputs)}
    axes["waveform"] = {0: "batch", 1: "samples"}
    axes["attention"] = axes["attention_seconds"] = {0: "batch", 1: "frames"}
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of constants and of LSTM states, which the parity tests look at
        torch.onnx.export(
            graph,
            (nn.utils.rnn.pad_sequence(clips, batch_first=True), torch.tensor([len(clip) for clip in clips])),
            str(file),
            input_names=["waveform", "num_samples"],
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,  # ten times as fast as the newer exporter, with the same result
        )


def _quantize(plain: Path, quantized: Path) -> None:
    """Store LSTM and linear weights of the network as 8-bit integers; leave front end and score unchanged."""
    names = [node.name for node in onnx.load(str(plain)).graph.node]
    quantize_dynamic(
        plain,
        quantized,
        op_types_to_quantize=["LSTM", "MatMul", "Gemm"],
        nodes_to_exclude=[name for name in names if NETWORK not in name],
        weight_type=QuantType.QInt8,
    )


def _check(recognizer: MfccLstmRecognizer, file: Path, max_difference: float) -> None:
    clips = _probe(recognizer.sampling_rate)
    expected = recognizer.predict_probabilities(clips)
    difference = float(np.abs(OnnxRecognizer(file).predict_probabilities(clips) - expected).max())
    if not difference <= max_difference:
        raise RuntimeError(
            f"The exported graph's probabilities differ from torch's by {difference:.2g}, expected at most "
            f"{max_difference:g}. Nothing was replaced; check the versions of torch, onnx and onnxruntime."
        )
