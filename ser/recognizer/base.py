"""The base of all recognisers: one rule for every recording, whatever model computes the probabilities."""

import math
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

import numpy as np

from ser.audio.clips import Clip, as_recorded, load_audio
from ser.audio.recording_quality import check_not_silent, quality_hints
from ser.recognizer.analysis import (
    SINGLE_PASS_SECONDS,
    WINDOW_HOP_SECONDS,
    WINDOW_SECONDS,
    Analysis,
    Window,
    are_sounding,
    batches,
    judged_bounds,
    window_bounds,
)
from ser.recognizer.checkpoint import Checkpoint
from ser.recognizer.confidence import Confidence, confidence_of
from ser.recognizer.enrolment import baseline_of, relative_to_baseline

if TYPE_CHECKING:  # voice activity detection is an optional install
    from ser.segments.segment import Segment
    from ser.segments.stream import SegmentStream
    from ser.segments.turns import Turn

TIMELINE_SECONDS = 5.0  # in an analysis; in a shorter recording, two windows would share most of it

# transformers imports its modules when they are first used, which fails in several threads at once.
_LOADING = threading.RLock()


class EmotionRecognizer(ABC):
    """A model with everything that it needs to judge recordings.

    Every recording is judged by the same rule: up to ten seconds in one pass, a longer one as the mean over
    its windows of three seconds that hold sound; a silent one is an error.

    To add a kind of model, write a subclass that sets `emotions`, `sampling_rate` and `not_sure_below` and
    implements `from_checkpoint`, `forward` and `fingerprint`. Name it in `ser.recognizer.checkpoint.KINDS`
    under the `model_type` of its configuration. For a torch model with a feature extractor of transformers,
    start from `ser.recognizer.torch_kind.TorchRecognizer`. What only one kind can do (attention,
    out-of-distribution detection) is a method of that kind, which also adds it to what `analyse` returns.

    A recogniser may be used by several threads, pickled and copied. Do not fork a process after a prediction:
    torch's threads do not survive it and the child can hang. Start workers with the method "spawn" or
    "forkserver" and let each load the model.

    Attributes:
        emotions: The emotions in the order of the model's scores.
        sampling_rate: Rate in Hz of the waveforms that the model takes.
        not_sure_below: Highest probability below which an answer is better given as "not sure"; 0 where
            nobody measured it.
        confidence_steps: Share of right answers by highest probability, as
            `ser.recognizer.confidence` takes it.
        max_batch_clips: Clips that go through the model at once.
        baseline: What `enrol` found, `(num_emotions,)`; `None` for a recogniser of anybody.

    Example:
        >>> recognizer = EmotionRecognizer.from_pretrained("checkpoint")  # doctest: +SKIP
        >>> recognizer.predict("clip.wav")  # doctest: +SKIP
        {'neutral': 0.01, 'calm': 0.02, ...}
    """

    emotions: tuple[str, ...]
    sampling_rate: int
    not_sure_below: float
    confidence_steps: Sequence[Sequence[float]] = ()
    max_batch_clips: ClassVar[int] = 32
    baseline: np.ndarray | None = None

    @classmethod
    def from_pretrained(
        cls,
        folder_or_hub_id: str | os.PathLike[str],
        revision: str | None = None,
        *,
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        device: str | None = None,
        backend: str | None = None,
    ) -> Self:
        """Load a model of any kind: an MFCC-LSTM, an ONNX file, or a fine-tuned encoder of transformers.

        Args:
            folder_or_hub_id: A folder with a checkpoint, the name of a model on the Hugging Face Hub, or a
                file that `python -m ser export` wrote.
            revision: Branch, tag or commit of a model on the Hub.
            token: Access token for a private model on the Hub; the one you logged in with if not given.
            cache_dir: Where models from the Hub are kept; the Hub's usual cache if not given.
            device: Where torch computes, such as "cpu" or "cuda"; the CPU if not given.
            backend: "torch" or "onnx" for a checkpoint that holds both, "auto" for the ONNX graph if there is
                one; torch if not given.

        Raises:
            ValueError: If the parts of the checkpoint do not fit together or are damaged.
            OSError: If there is no such model, or its weights are not safetensors.
        """
        with _LOADING:
            checkpoint = Checkpoint.find(folder_or_hub_id, revision, token, cache_dir, device)
            kind = checkpoint.kind(backend)
            if not issubclass(kind, cls):
                raise ValueError(
                    f"{checkpoint.name} is loaded by {kind.__name__}, not by {cls.__name__}. Load it with "
                    "EmotionRecognizer.from_pretrained."
                )
            return kind.from_checkpoint(checkpoint)

    @classmethod
    @abstractmethod
    def from_checkpoint(cls, checkpoint: Checkpoint) -> Self:
        """Load a checkpoint of this kind; raises as `from_pretrained` does."""

    @abstractmethod
    def forward(self, waveforms: list[np.ndarray]) -> np.ndarray:
        """Run the model on one batch.

        Args:
            waveforms: At most `max_batch_clips`, each `(num_samples,)` at the model's rate.

        Returns:
            Probabilities of shape `(num_clips, num_emotions)`; rows sum to one.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a SHA-256 of weights and settings, the same wherever they were loaded from."""

    @overload
    def predict(self, clip: Clip) -> dict[str, float]: ...
    @overload
    def predict(self, clip: list[Clip]) -> list[dict[str, float]]: ...
    def predict(self, clip: Clip | list[Clip]) -> dict[str, float] | list[dict[str, float]]:
        """Return the probability of each emotion in a clip, or in each clip of a list.

        Args:
            clip: What `ser.audio.clips.Clip` lists, or a list of such.

        Returns:
            `{emotion: probability}`, summing to one, in the model's order of emotions; a list for a list.

        Raises:
            SilenceError: If a clip is silent.
            AudioError: If a clip cannot be used for another reason.
        """
        if not isinstance(clip, list):
            return self.predict([clip])[0]
        return [self._named(row) for row in self.predict_probabilities([self.load(each) for each in clip])]

    def predict_probabilities(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probabilities `(num_clips, num_emotions)` of waveforms that `load` returned."""
        bounds = [judged_bounds(waveform, self.sampling_rate) for waveform in waveforms]
        rows = self._forward_all(
            [
                waveform[start:stop]
                for waveform, of_clip in zip(waveforms, bounds, strict=True)
                for start, stop in of_clip
            ]
        )
        ends = np.cumsum([len(of_clip) for of_clip in bounds])
        probabilities = np.empty((len(waveforms), len(self.emotions)), dtype=np.float32)
        for number, (of_clip, end) in enumerate(zip(bounds, ends, strict=True)):
            probabilities[number] = rows[end - len(of_clip) : end].mean(axis=0)
        return probabilities

    def timeline(
        self, clip: Clip, window_seconds: float = WINDOW_SECONDS, hop_seconds: float = WINDOW_HOP_SECONDS
    ) -> list[Window]:
        """Return the emotions along a recording, in overlapping windows.

        Args:
            clip: What `ser.audio.clips.Clip` lists.
            window_seconds: Length of a window.
            hop_seconds: From the start of one window to the start of the next; at most a window.

        Returns:
            The windows in order. Together they cover the clip; the last one ends with it and may be shorter.

        Raises:
            SilenceError: If the whole clip is silent.
            AudioError: If the clip cannot be used for another reason.
            ValueError: If the windows would leave gaps or stand still.
        """
        window_bounds(1, self.sampling_rate, window_seconds, hop_seconds)  # before anything is decoded
        return self._windows(self.load(clip), window_seconds, hop_seconds)

    def analyse(self, clip: Clip, on_progress: Callable[[float], object] = lambda _: None) -> Analysis:
        """Return everything this model can say about a recording.

        Args:
            clip: What `ser.audio.clips.Clip` lists.
            on_progress: Called with the share that is done, 0 to 1, again and again.

        Raises:
            SilenceError: If the clip is silent.
            AudioError: If the clip cannot be used for another reason.
        """
        waveform = self.load(clip)
        duration_seconds = len(waveform) / self.sampling_rate
        windows: list[Window] = []
        if duration_seconds > TIMELINE_SECONDS:
            windows = self._windows(waveform, on_progress=on_progress)
        probabilities, explanation = self._explained(waveform)
        if probabilities is None:
            sounding = [list(each.probabilities.values()) for each in windows if each.probabilities]
            probabilities = np.array(sounding, np.float32).mean(axis=0)
        hints = quality_hints(*as_recorded(clip, waveform, self.sampling_rate))
        on_progress(1.0)
        named = self._named(probabilities)
        return Analysis(waveform, self.sampling_rate, named, windows, hints, **explanation)

    def _explained(self, waveform: np.ndarray) -> tuple[np.ndarray | None, dict[str, Any]]:
        """Return the probabilities of a waveform, and what only this kind of model adds to an `Analysis`.

        The probabilities are `None` where the waveform is too long for one pass.
        """
        if len(waveform) > SINGLE_PASS_SECONDS * self.sampling_rate:
            return None, {}
        return self.predict_probabilities([waveform])[0], {}

    def enrol(self, recordings: Sequence[Clip]) -> Self:
        """Return a recogniser for one speaker, adapted to these recordings; it shares the weights.

        Args:
            recordings: About ten recordings of the speaker, of several emotions, without labels; see
                `ser.recognizer.enrolment`. With recordings of one emotion alone it would miss that emotion.

        Raises:
            SilenceError: If a recording is silent.
            AudioError: If a recording cannot be used for another reason.
            ValueError: If there are none.
        """
        if not recordings:
            raise ValueError("Enrolment needs at least one recording of the speaker.")
        enrolled = object.__new__(type(self))  # copying could load the weights again
        enrolled.__dict__ |= self.__dict__ | {"baseline": None}
        # One after the other: two hundred long recordings do not fit in memory.
        found = [enrolled.predict_probabilities([self.load(each)]) for each in recordings]
        enrolled.baseline = baseline_of(np.concatenate(found))
        return enrolled

    def segments(
        self,
        recording: Clip,
        *,
        channels: str = "auto",
        turns: "Sequence[Turn] | str | os.PathLike[str] | None" = None,
        enrolment: Mapping[str, Sequence[Clip]] | None = None,
        max_duration_seconds: float = math.inf,
    ) -> "Iterator[Segment]":
        """Cut a recording of any length into segments and yield each as soon as it is analysed.

        Arguments, segments and errors are those of `ser.segments.recordings.segment_recording`.
        """
        from ser.segments.recordings import segment_recording

        return segment_recording(
            self,
            recording,
            channels=channels,
            turns=turns,
            enrolment=enrolment,
            max_duration_seconds=max_duration_seconds,
        )

    def stream(
        self,
        sampling_rate: int,
        num_channels: int = 1,
        *,
        mix: bool = False,
        turns: "Sequence[Turn] | None" = None,
        enrolment: Mapping[str, Sequence[Clip]] | None = None,
    ) -> "SegmentStream":
        """Return a stream that takes chunks of sound and gives segments as they end: see `SegmentStream`."""
        from ser.segments.stream import SegmentStream

        return SegmentStream(self, sampling_rate, num_channels, mix=mix, turns=turns, enrolment=enrolment)

    def predict_segments(self, waveforms: Sequence[np.ndarray]) -> tuple[np.ndarray, Sequence[bool | None]]:
        """Analyse waveforms of up to ten seconds.

        Returns:
            Probabilities `(num_clips, num_emotions)`, and which waveforms are out-of-distribution, `None`
            where that is unknown.
        """
        return self.predict_probabilities(waveforms), [None] * len(waveforms)

    def confidence(
        self, probabilities: Mapping[str, float], is_out_of_distribution: bool | None = None
    ) -> Confidence:
        """Return the confidence of an answer, by this model's calibration; see `confidence_of`."""
        return confidence_of(
            probabilities, self.not_sure_below, self.confidence_steps, is_out_of_distribution
        )

    def load(self, clip: Clip) -> np.ndarray:
        """Return a clip as mono float32 samples `(num_samples,)` at the model's rate.

        Raises:
            SilenceError: If the clip is silent.
            AudioError: If the clip cannot be used for another reason.
        """
        waveform = load_audio(clip, self.sampling_rate)
        check_not_silent(waveform, self.sampling_rate)
        return waveform

    def _windows(
        self,
        waveform: np.ndarray,
        window_seconds: float = WINDOW_SECONDS,
        hop_seconds: float = WINDOW_HOP_SECONDS,
        on_progress: Callable[[float], object] = lambda _: None,
    ) -> list[Window]:
        bounds = window_bounds(len(waveform), self.sampling_rate, window_seconds, hop_seconds)
        sounding = are_sounding(waveform, self.sampling_rate, bounds)
        kept = [each for each, has_sound in zip(bounds, sounding, strict=True) if has_sound]
        rows = iter(self._forward_all([waveform[start:stop] for start, stop in kept], on_progress))
        return [
            Window(
                start / self.sampling_rate,
                stop / self.sampling_rate,
                self._named(next(rows)) if has_sound else None,
            )
            for (start, stop), has_sound in zip(bounds, sounding, strict=True)
        ]

    def _forward_all(
        self, waveforms: Sequence[np.ndarray], on_progress: Callable[[float], object] = lambda _: None
    ) -> np.ndarray:
        """Run the model on any number of waveforms, in batches of bounded size."""
        probabilities = np.empty((len(waveforms), len(self.emotions)), dtype=np.float32)
        num_done = 0
        for rows in batches([len(each) for each in waveforms], self.sampling_rate, self.max_batch_clips):
            probabilities[rows] = self.forward([waveforms[row] for row in rows])
            num_done += len(rows)
            on_progress(num_done / len(waveforms))
        return self._finished(probabilities)

    def _named(self, probabilities: np.ndarray) -> dict[str, float]:
        return dict(zip(self.emotions, probabilities.tolist(), strict=True))

    def _finished(self, probabilities: np.ndarray) -> np.ndarray:
        """Return what the model computed, `(..., num_emotions)`, as the answer to this speaker.

        Raises:
            ValueError: If a probability is not a number.
        """
        if not np.isfinite(probabilities).all():
            raise ValueError(
                "The model's probabilities are not numbers. Its weights are damaged: fetch them again."
            )
        return probabilities if self.baseline is None else relative_to_baseline(probabilities, self.baseline)
