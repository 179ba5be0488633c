"""The exported graph behind the interface of `EmotionRecognizer`, without torch or transformers."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime

from ser.recognizer import Attention, Clip, EmotionRecognizer

ONNX_FILE = "model.onnx"
# The graph makes spectra of a whole batch at once: beyond a few they leave the processor's caches, which
# is no faster, and ONNX Runtime keeps the memory of the largest batch for good.
MAX_BATCH_CLIPS = 4


class OnnxRecognizer(EmotionRecognizer):
    """A graph written by `ser.onnx.export`, run by ONNX Runtime.

    Args:
        file: The graph.
        num_threads: Threads to compute with. A model this small is fastest on one.

    Raises:
        ValueError: If the file is none of ours.
        OSError: If it is not there.
    """

    max_batch_clips = MAX_BATCH_CLIPS

    def __init__(self, file: str | os.PathLike[str], num_threads: int = 1):
        graph = Path(file).read_bytes()
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.inter_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            values = self.session.get_modelmeta().custom_metadata_map
            self.emotions = tuple(json.loads(values["emotions"]))
            self._not_sure_below = float(values["not_sure_below"])
            self._sampling_rate = int(values["sampling_rate"])
            self.min_samples = int(values["min_samples"])  # that the graph takes; zeros make up for them
        except (onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf, KeyError) as error:
            raise ValueError(f"{file} was not written by ser.onnx.export. Export the checkpoint.") from error
        self.strangeness = None  # the graph gives no features to judge by
        self._fingerprint = hashlib.sha256(graph).hexdigest()

    @classmethod
    def from_pretrained(
        cls,
        folder_or_hub_id: str | os.PathLike[str],
        revision: str | None = None,
        backend: str = "onnx",  # noqa: ARG003 -- as in the class above
    ) -> "OnnxRecognizer":
        """Load an .onnx file, or the file `model.onnx` of a folder or of a model on the Hub.

        Raises:
            ValueError: If the file is none of ours.
            OSError: If there is no such file.
        """
        path = Path(folder_or_hub_id)
        if path.is_dir():
            path = path / ONNX_FILE
            if not path.is_file():
                raise OSError(
                    f"There is no {ONNX_FILE} in {folder_or_hub_id}. Write it: python -m ser.onnx.export "
                    f"--model {folder_or_hub_id} --output {path}"
                )
        elif not path.is_file():
            from huggingface_hub import hf_hub_download

            path = Path(hf_hub_download(os.fspath(folder_or_hub_id), ONNX_FILE, revision=revision))
        return cls(path)

    @property
    def not_sure_below(self) -> float:
        """Highest probability below which an answer is better given as "not sure"."""
        return self._not_sure_below

    @property
    def sampling_rate(self) -> int:
        """Rate in Hz at which the model hears."""
        return self._sampling_rate

    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        return self._fingerprint

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:  # noqa: ARG002
        """Not to be had: the graph has no settings to train on with.

        Raises:
            ValueError: Always.
        """
        raise ValueError("An ONNX file cannot be saved as a checkpoint. Copy it instead.")

    def attend(self, clip: Clip) -> Attention:  # noqa: ARG002
        """Not to be had: the graph gives probabilities alone.

        Raises:
            ValueError: Always.
        """
        raise ValueError("The ONNX file gives probabilities alone. Load with backend='torch'.")

    def _forward(self, waveforms: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        num_samples = np.array([len(waveform) for waveform in waveforms], dtype=np.int64)
        batch = np.zeros((len(waveforms), max(num_samples.max(), self.min_samples)), dtype=np.float32)
        for row, waveform in zip(batch, waveforms, strict=True):
            row[: len(waveform)] = waveform
        (probabilities,) = self.session.run(None, {"waveform": batch, "num_samples": num_samples})
        return probabilities, np.empty((len(waveforms), 0), dtype=np.float32)
