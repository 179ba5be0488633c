"""The exported graph behind the interface of `EmotionRecognizer`, without torch or transformers."""

import hashlib
import json
import os
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from ser.recognizer import Attention, Clip, EmotionRecognizer

GRAPH_FILE = "onnx/model.onnx"
QUANTIZED_FILE = "onnx/model_quantized.onnx"
GRAPH_VERSION = 2  # of inputs, outputs and metadata; 1 had probabilities alone
# The graph makes spectra of a whole batch at once: beyond a few they leave the processor's caches, which
# is no faster, and ONNX Runtime keeps the memory of the largest batch for good.
MAX_BATCH_CLIPS = 4

_RUNTIME_ERRORS = tuple(
    error
    for error in vars(onnxruntime_pybind11_state).values()
    if isinstance(error, type) and issubclass(error, Exception)
)


def checkpoint_sha256(folder: str | os.PathLike[str]) -> str | None:
    """Return the SHA-256 of a checkpoint's weights and settings; `None` if the folder lacks one of them.

    It ties a graph to what it was exported from, without loading either.
    """
    patterns = ("config.json", "preprocessor_config.json", "model*.safetensors")
    files = [sorted(Path(folder).glob(pattern)) for pattern in patterns]
    if not all(files):
        return None
    digest = hashlib.sha256()
    for file in chain.from_iterable(files):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


class OnnxRecognizer(EmotionRecognizer):
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

    max_batch_clips = MAX_BATCH_CLIPS

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
        self._not_sure_below = float(values["not_sure_below"])
        self._sampling_rate = int(values["sampling_rate"])
        self.min_samples = int(values["min_samples"])  # that the graph takes; zeros make up for them
        self.ood_threshold = float(values["ood_threshold"]) if "ood_threshold" in values else None
        beside = checkpoint_sha256(self.file.parent.parent)
        if beside and values["checkpoint_sha256"] and beside != values["checkpoint_sha256"]:
            raise ValueError(
                f"{file} was exported from another checkpoint than the one beside it. Export it again: "
                f"`python -m ser export --model {self.file.parent.parent}`."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.file, self.num_threads)

    @classmethod
    def from_pretrained(
        cls,
        folder_or_hub_id: str | os.PathLike[str],
        revision: str | None = None,
        backend: str = "onnx",  # noqa: ARG003 -- as in the class above
    ) -> "OnnxRecognizer":
        """Load an .onnx file, or the file `onnx/model.onnx` of a folder or of a model on the Hub.

        Raises:
            ValueError: If the file is not a graph of ours.
            OSError: If there is no such file.
        """
        path = Path(folder_or_hub_id)
        if path.is_dir():
            folder, path = path, path / GRAPH_FILE
            if not path.is_file():
                raise OSError(
                    f"There is no {GRAPH_FILE} in {folder}. Write it: "
                    f"`python -m ser export --model {folder}`."
                )
        elif not path.is_file():
            if path.suffix == ".onnx":
                raise OSError(f"There is no file {path}. Export a checkpoint: `python -m ser export`.")
            from huggingface_hub import hf_hub_download

            path = Path(hf_hub_download(os.fspath(folder_or_hub_id), GRAPH_FILE, revision=revision))
        return cls(path)

    @property
    def not_sure_below(self) -> float:
        """Highest probability below which an answer is better given as "not sure"."""
        return self._not_sure_below

    @property
    def sampling_rate(self) -> int:
        """Rate in Hz of the waveforms that the graph takes."""
        return self._sampling_rate

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file."""
        return self._fingerprint

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:  # noqa: ARG002
        """Not to be had: the graph has no settings to train on with.

        Raises:
            ValueError: Always.
        """
        raise ValueError("An ONNX file cannot be saved as a checkpoint. Copy it instead.")

    def is_strange(self, clip: Clip) -> bool:
        """Whether a clip is out of distribution; see `EmotionRecognizer.is_strange`."""
        if self.ood_threshold is None:
            return False
        return bool(self._run([self.load(clip)])["ood_distance"][0] > self.ood_threshold)

    def attend(self, clip: Clip) -> Attention:
        """Where in a clip the model's attention was; see `EmotionRecognizer.attend`."""
        outputs = self._run([self.load(clip)])
        return Attention(outputs["attention_seconds"][0].astype(np.float64), outputs["attention"][0])

    def _forward(self, waveforms: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        outputs = self._run(waveforms)
        return outputs["probabilities"], outputs["attention"]

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
