"""The exported graph as a recogniser, without torch or transformers."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from ser.recognizer.analysis import Attention
from ser.recognizer.attentive import AttentiveRecognizer, Explanation
from ser.recognizer.checkpoint import ONNX_FILES, Checkpoint

GRAPH_FILE = ONNX_FILES[0]
QUANTIZED_FILE = "onnx/model_quantized.onnx"
GRAPH_VERSION = 2  # of inputs, outputs and metadata; 1 had probabilities alone

_RUNTIME_ERRORS = tuple(
    error
    for error in vars(onnxruntime_pybind11_state).values()
    if isinstance(error, type) and issubclass(error, Exception)
)


def checkpoint_sha256(folder: str | os.PathLike[str]) -> str | None:
    """Return the SHA-256 of a checkpoint's weights, settings and statistics.

    It ties a graph to what it was exported from, without loading either.

    Returns:
        `None` if the folder contains no whole checkpoint.
    """
    names = ("config.json", "preprocessor_config.json", "model*.safetensors")
    if not all(any(Path(folder).glob(name)) for name in names):
        return None
    digest = hashlib.sha256()
    for file in (*(Path(folder, name) for name in names[:2]), *sorted(Path(folder).glob("*.safetensors"))):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


class OnnxRecognizer(AttentiveRecognizer):
    """A graph written by `ser.onnx.export`, run by ONNX Runtime.

    It can be copied and pickled: the copy loads the file again.

    Args:
        file: The graph.
        num_threads: Threads to compute with. A model this small is fastest on one.

    Raises:
        ValueError: If the file is not a whole graph of this version of `ser.onnx.export`, or was made from
            another checkpoint than the one it lies beside.
        OSError: If it is not there.
    """

    # The graph computes the spectra of a whole batch at once: beyond a few clips they leave the processor's
    # caches, which is no faster, and ONNX Runtime keeps the memory of the largest batch for good.
    max_batch_clips: ClassVar[int] = 4

    def __init__(self, file: str | os.PathLike[str], num_threads: int = 1):
        self.file = Path(file).resolve()
        self.num_threads = num_threads
        graph = self.file.read_bytes()
        self._fingerprint = hashlib.sha256(graph).hexdigest()
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised
        try:
            self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except _RUNTIME_ERRORS as error:
            what = "is empty" if not graph else f"cannot be run by onnxruntime {onnxruntime.__version__}"
            raise ValueError(
                f"{file} {what}: expected a graph written by `python -m ser export`. Export the "
                f"checkpoint again, or update onnxruntime. ({error})"
            ) from error
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        values = self.metadata
        if values.get("graph_version") != str(GRAPH_VERSION):
            raise ValueError(
                f"{file} has graph version {values.get('graph_version')}, expected {GRAPH_VERSION}. Export "
                "the checkpoint again: `python -m ser export --model CHECKPOINT`."
            )
        self.emotions = tuple(json.loads(values["emotions"]))
        self.not_sure_below = float(values["not_sure_below"])
        self.confidence_steps = json.loads(values.get("confidence_steps", "[]"))
        self.sampling_rate = int(values["sampling_rate"])
        self.min_samples = int(values["min_samples"])  # that the graph takes; zeros make up for them
        self.ood_threshold = float(values["ood_threshold"]) if "ood_threshold" in values else None
        beside = checkpoint_sha256(self.file.parent.parent)
        if beside and values["checkpoint_sha256"] and beside != values["checkpoint_sha256"]:
            raise ValueError(
                f"{file} was exported from another checkpoint than the one beside it. Export it again: "
                f"`python -m ser export --model {self.file.parent.parent}`."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.file, self.num_threads), {"baseline": self.baseline}

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        """Load an .onnx file, or the one in a folder or of a model on the Hub."""
        if checkpoint.device not in (None, "cpu"):
            raise ValueError(f"ONNX Runtime computes on the CPU here, got device={checkpoint.device!r}.")
        if Path(checkpoint.name).is_file():
            return cls(checkpoint.name)
        file = checkpoint.first_file(ONNX_FILES)
        if file is None:
            raise FileNotFoundError(
                f"There is no {ONNX_FILES[0]} in {checkpoint.name}. Write it: "
                f"`python -m ser export --model {checkpoint.name}`."
            )
        return cls(file)

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file."""
        return self._fingerprint

    def forward(self, waveforms: list[np.ndarray]) -> np.ndarray:
        """Return the graph's probabilities, `(num_clips, num_emotions)`."""
        return self._run(waveforms)["probabilities"]

    def explain(self, waveform: np.ndarray) -> Explanation:
        """Judge a waveform in one run; it is out-of-distribution where the distance is over the threshold."""
        outputs = self._run([waveform])
        attention = Attention(outputs["attention_seconds"][0].astype(np.float64), outputs["attention"][0])
        is_out = None if self.ood_threshold is None else bool(outputs["ood_distance"][0] > self.ood_threshold)
        return Explanation(outputs["probabilities"][0], attention, is_out)

    def _run(self, waveforms: list[np.ndarray]) -> dict[str, np.ndarray]:
        """Every output of the graph by name, for clips padded to the longest."""
        num_samples = np.array([len(waveform) for waveform in waveforms], dtype=np.int64)
        batch = np.zeros((len(waveforms), max(num_samples.max(), self.min_samples)), dtype=np.float32)
        for row, waveform in zip(batch, waveforms, strict=True):
            row[: len(waveform)] = waveform
        names = [output.name for output in self.session.get_outputs()]
        return dict(
            zip(names, self.session.run(names, {"waveform": batch, "num_samples": num_samples}), strict=True)
        )
