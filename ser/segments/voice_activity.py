"""Voice activity detection: the probability of speech in each 32 ms of sound.

The network is Silero VAD 6.2.3 (MIT licence), as the package `silero-vad` ships it. Its graph for whole
sequences runs on ONNX Runtime; the package itself, which imports torch, is never imported. A Space, where pip
would install torch with it, has the graph beside this file.
"""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

SAMPLING_RATE = 16_000  # Hz
FRAME = 512  # samples for each probability: 32 ms
_CONTEXT = 64  # samples before a frame that the network sees too
GRAPH_NAME = "silero_vad_16k_sequence.onnx"
_SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
_MAX_FRAMES = 128  # in one run: the intermediate results of more leave the processor's caches


class VoiceActivityDetector:
    """The detector of one channel, which keeps its state from call to call.

    Raises:
        ImportError: If the package `silero-vad` is missing, or holds another network.
    """

    def __init__(self) -> None:
        self._session = _session()
        self._context = np.zeros(_CONTEXT, dtype=np.float32)
        self._hidden = np.zeros((1, 1, 128), dtype=np.float32)
        self._cell = np.zeros((1, 1, 128), dtype=np.float32)

    def probabilities(self, frames: np.ndarray) -> np.ndarray:
        """Return the probability of speech in each frame, the same however frames are divided among calls.

        Args:
            frames: The next samples at `SAMPLING_RATE`, shape `(num_frames, FRAME)`.

        Returns:
            float32 of shape `(num_frames,)`.
        """
        contexts = np.vstack([self._context[None], frames[:, -_CONTEXT:]])
        self._context = contexts[-1]
        inputs = np.hstack([contexts[:-1], frames]).astype(np.float32, copy=False)
        probabilities = [np.empty(0, dtype=np.float32)]
        for start in range(0, len(inputs), _MAX_FRAMES):
            values, self._hidden, self._cell = self._session.run(
                ["speech_probs", "hn", "cn"],
                {"input": inputs[start : start + _MAX_FRAMES], "h": self._hidden, "c": self._cell},
            )
            probabilities.append(values.ravel())
        return np.concatenate(probabilities)


def graph_file() -> Path:
    """Return the file of the network.

    Raises:
        ImportError: If the package `silero-vad` is missing.
    """
    package = find_spec("silero_vad")
    folders = [Path(__file__).parent]
    folders += (
        [Path(place, "data") for place in (package.submodule_search_locations or [])] if package else []
    )
    for folder in folders:
        if (folder / GRAPH_NAME).is_file():
            return folder / GRAPH_NAME
    raise ImportError(
        "Finding speech needs the package silero-vad: pip install silero-vad==6.2.3 (with --no-deps where "
        "torch is not wanted)."
    )


@cache
def _session() -> Any:
    import onnxruntime

    graph = graph_file().read_bytes()
    if hashlib.sha256(graph).hexdigest() != _SHA256:
        raise ImportError(
            "The installed silero-vad holds another network than the one measured here: "
            "pip install silero-vad==6.2.3."
        )
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
