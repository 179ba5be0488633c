"""Clips in, calibrated probabilities out: what demo, evaluation and a person's own program call."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, overload

import numpy as np
import soxr

from ser.audio import (
    MAX_DURATION_SECONDS,
    MAX_PEAK,
    MAX_SAMPLING_RATE,
    MIN_DURATION_SECONDS,
    MIN_SAMPLING_RATE,
    AudioError,
    load_audio,
)

if TYPE_CHECKING:  # torch and transformers are imported where they are used: the ONNX file does without them
    from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
    from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
    from ser.out_of_distribution import Strangeness

Clip = str | os.PathLike[str] | bytes | tuple[np.ndarray, int]
"""A sound: a file's path, a file's bytes, or a waveform of shape `(num_samples,)` with its rate in Hz."""

MAX_BATCH_CLIPS = 32
MAX_BATCH_SECONDS = 240.0  # of padded sound; bounds memory whatever the clips' lengths
WINDOW_SECONDS = 3.0  # of a timeline: about the length of a clip the model was trained on
WINDOW_HOP_SECONDS = 1.0


@dataclass(frozen=True)
class Window:
    """A stretch of a recording and what is heard in it.

    Attributes:
        start_seconds: Where it begins in the recording.
        end_seconds: Where it ends.
        probabilities: Probability of each emotion, summing to one; `None` where the window is silent.
    """

    start_seconds: float
    end_seconds: float
    probabilities: dict[str, float] | None


@dataclass(frozen=True)
class Attention:
    """How much each moment of a recording weighed in its probabilities.

    Attributes:
        times_seconds: Middle of each frame in the recording, shape `(num_frames,)`.
        weights: Share of each frame, shape `(num_frames,)`; sums to one.
    """

    times_seconds: np.ndarray
    weights: np.ndarray


class EmotionRecognizer:
    """A model and its feature extractor, ready to be asked.

    Args:
        model: The network; `id2label` of its configuration names the emotions.
        feature_extractor: Its own, with the statistics of its training.
        strangeness: What tells sounds unlike those of the training, if the checkpoint holds it.

    Attributes:
        emotions: The emotions in the order of the model's scores.

    Example:
        >>> recognizer = EmotionRecognizer.from_pretrained("checkpoint")  # doctest: +SKIP
        >>> recognizer.predict("clip.wav")  # doctest: +SKIP
        {'neutral': 0.01, 'calm': 0.02, ...}
    """

    max_batch_clips = MAX_BATCH_CLIPS

    def __init__(
        self,
        model: "MfccLstmForAudioClassification",
        feature_extractor: "MfccLstmFeatureExtractor",
        strangeness: "Strangeness | None" = None,
    ):
        self.model = model.eval()
        self.feature_extractor = feature_extractor
        self.strangeness = strangeness
        id2label = cast(dict[int, str], model.config.id2label)
        self.emotions: tuple[str, ...] = tuple(id2label[i] for i in range(len(id2label)))

    @classmethod
    def from_pretrained(
        cls,
        folder_or_hub_id: str | os.PathLike[str],
        revision: str | None = None,
        backend: str = "torch",
    ) -> "EmotionRecognizer":
        """Load a checkpoint of this family.

        Args:
            folder_or_hub_id: A folder with a checkpoint, or the name of a model on the Hugging Face Hub.
            revision: Branch, tag or commit of a model on the Hub.
            backend: "torch", or "onnx" for the graph that `python -m ser.onnx.export` wrote: a file, or a
                folder or Hub id with one named `model.onnx`. It answers sooner and imports no torch.

        Raises:
            ValueError: If the checkpoint is of another family, or its parts do not fit together.
            OSError: If there is no checkpoint, or its weights are not safetensors.
        """
        if backend == "onnx":
            from ser.onnx.recognizer import OnnxRecognizer

            return OnnxRecognizer.from_pretrained(folder_or_hub_id, revision)
        if backend != "torch":
            raise ValueError(f"backend must be 'torch' or 'onnx', got {backend!r}.")
        from safetensors import SafetensorError
        from transformers import AutoFeatureExtractor
        from transformers.utils.hub import cached_file

        from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
        from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
        from ser.out_of_distribution import FILE_NAME, Strangeness

        name = os.fspath(folder_or_hub_id)
        try:
            model = MfccLstmForAudioClassification.from_pretrained(name, revision=revision)
        except (RuntimeError, SafetensorError) as error:
            raise ValueError(f"The weights in {name} do not fit its configuration: {error}") from error
        feature_extractor = AutoFeatureExtractor.from_pretrained(
            name, revision=revision, trust_remote_code=False
        )
        if not isinstance(feature_extractor, MfccLstmFeatureExtractor):
            raise ValueError(
                f"{name} comes with a {type(feature_extractor).__name__}, expected an "
                f"{MfccLstmFeatureExtractor.__name__}. Fetch the checkpoint anew."
            )
        if feature_extractor.feature_size != model.config.feature_size:
            raise ValueError(
                f"The feature extractor in {name} gives {feature_extractor.feature_size} values a frame, its "
                f"model takes {model.config.feature_size}. Fetch the checkpoint anew."
            )
        statistics = cached_file(
            name, FILE_NAME, revision=revision, _raise_exceptions_for_missing_entries=False
        )
        return cls(model, feature_extractor, Strangeness.load(statistics) if statistics else None)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write a checkpoint that `from_pretrained` reads: weights, settings, statistics and the code."""
        self.model.save_pretrained(folder)
        self.feature_extractor.save_pretrained(folder)
        if self.strangeness is not None:
            self.strangeness.save(folder)

    def fingerprint(self) -> str:
        """SHA-256 of weights and settings, the same wherever they were loaded from."""
        digest = hashlib.sha256(self.feature_extractor.to_json_string().encode())
        settings = self.model.config.to_dict()
        for name in ("_name_or_path", "transformers_version", "auto_map"):
            settings.pop(name, None)
        digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @property
    def not_sure_below(self) -> float:
        """Highest probability below which an answer is better given as "not sure"; set in `config.json`."""
        return float(self.model.config.not_sure_below)

    @property
    def sampling_rate(self) -> int:
        """Rate in Hz at which the model hears."""
        return self.feature_extractor.sampling_rate

    @overload
    def predict(self, clip: Clip) -> dict[str, float]: ...
    @overload
    def predict(self, clip: list[Clip]) -> list[dict[str, float]]: ...
    def predict(self, clip: Clip | list[Clip]) -> dict[str, float] | list[dict[str, float]]:
        """Probability of each emotion in a clip, or in each clip of a list.

        Args:
            clip: A path, a file's bytes, or a waveform with its sampling rate; or a list of such.

        Returns:
            `{emotion: probability}`, summing to one, in the model's order of emotions; a list for a list.

        Raises:
            AudioError: If a clip cannot be used.
        """
        if not isinstance(clip, list):
            return self.predict([clip])[0]
        probabilities = self.predict_probabilities([self.load(each) for each in clip])
        return [self._named(row) for row in probabilities]

    def predict_probabilities(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Probabilities `(num_clips, num_emotions)` of waveforms at the model's rate, in their order."""
        probabilities = np.empty((len(waveforms), len(self.emotions)), dtype=np.float32)
        for rows in _batches([len(each) for each in waveforms], self.sampling_rate, self.max_batch_clips):
            probabilities[rows], _ = self._forward([waveforms[row] for row in rows])
        return probabilities

    def is_strange(self, clip: Clip) -> bool:
        """Whether a clip is unlike those of the training, so that its probabilities mean little.

        `False` too where the checkpoint does not hold what it takes to tell: see `Strangeness`.

        Raises:
            AudioError: If the clip cannot be used.
        """
        if self.strangeness is None:
            return False
        features = self.feature_extractor(
            self.load(clip), sampling_rate=self.sampling_rate, return_tensors="np"
        )
        return self.strangeness.is_strange(features["input_features"][0])

    def attend(self, clip: Clip) -> Attention:
        """Where in a clip the model listened.

        Raises:
            AudioError: If the clip cannot be used.
        """
        waveform = self.load(clip)
        import torch

        _, (weights,) = self._forward([waveform])
        start, _ = self.feature_extractor.trim_bounds(torch.from_numpy(waveform))
        step = self.feature_extractor.hop_length * self.model.config.total_stride
        return Attention((start + step * np.arange(len(weights))) / self.sampling_rate, weights)

    def timeline(
        self, clip: Clip, window_seconds: float = WINDOW_SECONDS, hop_seconds: float = WINDOW_HOP_SECONDS
    ) -> list[Window]:
        """Emotions along a recording, in overlapping windows.

        Args:
            clip: A path, a file's bytes, or a waveform with its sampling rate.
            window_seconds: Length of a window.
            hop_seconds: From the start of one window to the start of the next; at most a window.

        Returns:
            The windows in order. Together they cover the clip; the last one ends with it and may be shorter.
            One whose loudest sample is 40 dB below the clip's, or 80 dB below full scale, is silent.

        Raises:
            AudioError: If the clip cannot be used.
            ValueError: If the windows would leave gaps or stand still.
        """
        length, hop = round(window_seconds * self.sampling_rate), round(hop_seconds * self.sampling_rate)
        if not 0 < hop <= length:
            raise ValueError(
                f"hop_seconds must be above 0 and at most window_seconds, "
                f"got {hop_seconds:g} and {window_seconds:g}."
            )
        waveform = self.load(clip)
        starts = range(0, max(len(waveform) - length, 0) + hop, hop)
        windows = [waveform[start : start + length] for start in starts]
        loudest = max(float(np.abs(window).max()) for window in windows)
        heard = [i for i, window in enumerate(windows) if np.abs(window).max() > max(loudest * 0.01, 1e-4)]
        probabilities = dict(zip(heard, self.predict_probabilities([windows[i] for i in heard]), strict=True))
        return [
            Window(
                start / self.sampling_rate,
                min(start + length, len(waveform)) / self.sampling_rate,
                self._named(probabilities[i]) if i in probabilities else None,
            )
            for i, start in enumerate(starts)
        ]

    def load(self, clip: Clip) -> np.ndarray:
        """A clip as mono float32 samples at the model's rate. Waveforms are held to the limits of files.

        Raises:
            AudioError: If the clip cannot be used.
        """
        if not isinstance(clip, tuple):
            return load_audio(clip, self.sampling_rate)
        waveform, sampling_rate = np.asarray(clip[0]), clip[1]
        _check_waveform(waveform, sampling_rate)
        waveform = waveform.astype(np.float32)
        if sampling_rate == self.sampling_rate:
            return waveform
        return soxr.resample(waveform, sampling_rate, self.sampling_rate)

    def _forward(self, waveforms: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities `(num_clips, num_emotions)` and attention weights `(num_clips, num_frames)`."""
        import torch

        inputs = self.feature_extractor(waveforms, sampling_rate=self.sampling_rate, return_tensors="pt")
        with torch.inference_mode():
            output = self.model(**inputs.to(self.model.device))  # a model fresh from training may be on a GPU
        return output.logits.softmax(dim=-1).cpu().numpy(), output.attention_weights.cpu().numpy()

    def _named(self, probabilities: np.ndarray) -> dict[str, float]:
        return dict(zip(self.emotions, probabilities.tolist(), strict=True))


def _check_waveform(waveform: np.ndarray, sampling_rate: float) -> None:
    if waveform.ndim != 1 or waveform.dtype.kind != "f":
        raise AudioError(
            "A waveform must be floats between -1 and 1 in an array of shape (num_samples,), got "
            f"{waveform.dtype} in shape {waveform.shape}. Mix channels to mono, divide 16-bit integers by "
            "32768."
        )
    if not MIN_SAMPLING_RATE <= sampling_rate <= MAX_SAMPLING_RATE:
        raise AudioError(
            f"The waveform claims a sampling rate of {sampling_rate} Hz; "
            f"expected {MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} Hz."
        )
    if not MIN_DURATION_SECONDS <= len(waveform) / sampling_rate <= MAX_DURATION_SECONDS:
        raise AudioError(
            f"The waveform lasts {len(waveform) / sampling_rate:g} s; "
            f"expected {MIN_DURATION_SECONDS:g} to {MAX_DURATION_SECONDS:g} s."
        )
    if not np.abs(waveform).max() <= MAX_PEAK:  # so written, NaN is refused too
        raise AudioError("The waveform holds values that are no sound: infinite, NaN or absurdly large.")


def _batches(lengths: Sequence[int], sampling_rate: int, max_clips: int) -> Iterator[list[int]]:
    """Rows of clips of like length, so that little of a batch is padding and its size stays bounded."""
    max_samples = MAX_BATCH_SECONDS * sampling_rate
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == max_clips or (len(batch) + 1) * lengths[row] > max_samples):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
