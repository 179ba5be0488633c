"""Segments of a recording in chunks: the same path for a file and a microphone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from ser.audio import (
    MAX_NUM_CHANNELS,
    MAX_PEAK,
    MAX_SAMPLING_RATE,
    MIN_SAMPLING_RATE,
    AudioError,
    Clip,
)
from ser.recognizer.confidence import Confidence
from ser.segments.channel import Stretch
from ser.segments.cutting import Cutter, SpeechCutter, TurnCutter
from ser.segments.segment import UNNAMED, Segment
from ser.segments.turns import Turn
from ser.segments.voice_activity import FRAME, SAMPLING_RATE, VoiceActivityDetector

if TYPE_CHECKING:
    from ser.recognizer import EmotionRecognizer

# A speaker in another channel reaches a microphone of the same room this much quieter, or more.
CROSS_TALK_DB = 12.0
CROSS_TALK_FRAMES = 7  # 0.2 s, of which the loudest frame gives the level of a channel


class SegmentStream:
    """Takes a recording in chunks of any size and returns its segments as they end.

    Args:
        recognizer: The model.
        sampling_rate: Rate of the chunks in Hz.
        num_channels: Channels of the chunks.
        mix: Whether to average the channels; otherwise each is a speaker, and cross-talk in quieter channels
            is ignored.
        turns: Who speaks when; without them, the voice activity detector finds speech.
        enrolment: Recordings of speakers, as in `segment_recording`.

    Raises:
        ValueError: If the rate or number of channels is out of range, turns name a missing channel, or
            enrolment a missing speaker or no recording.
    """

    def __init__(
        self,
        recognizer: "EmotionRecognizer",
        sampling_rate: int,
        num_channels: int = 1,
        *,
        mix: bool = False,
        turns: Sequence[Turn] | None = None,
        enrolment: Mapping[str, Sequence[Clip]] | None = None,
    ):
        if not MIN_SAMPLING_RATE <= sampling_rate <= MAX_SAMPLING_RATE:
            raise ValueError(
                f"sampling_rate must be {MIN_SAMPLING_RATE} to {MAX_SAMPLING_RATE} Hz, got {sampling_rate}."
            )
        if not 1 <= num_channels <= MAX_NUM_CHANNELS:
            raise ValueError(f"num_channels must be 1 to {MAX_NUM_CHANNELS}, got {num_channels}.")
        if recognizer.sampling_rate != SAMPLING_RATE:
            raise ValueError(
                f"Segments need a model for {SAMPLING_RATE} Hz, this one takes {recognizer.sampling_rate} Hz."
            )
        self._recognizer = recognizer
        self._num_channels = num_channels
        self._mix = mix or num_channels == 1
        num_tracks = 1 if self._mix else num_channels
        self._resampler = (
            None
            if sampling_rate == SAMPLING_RATE
            else soxr.ResampleStream(sampling_rate, SAMPLING_RATE, num_tracks, dtype="float32", quality="HQ")
        )
        self._rest = np.empty((0, num_tracks), dtype=np.float32)
        self._num_samples = 0  # in whole frames that were looked at
        self._detectors = [VoiceActivityDetector() for _ in range(num_tracks)]
        self._levels_before = np.full((CROSS_TALK_FRAMES - 1, num_tracks), -120.0)
        self._cutters = _cutters(turns, num_tracks, self._mix)
        speakers = {turn.speaker for turn in turns} if turns else set(map(self._speaker, range(num_tracks)))
        self._enrolled = _enrolled(recognizer, enrolment or {}, speakers)

    def feed(self, chunk: np.ndarray) -> list[Segment]:
        """Take the next samples and return the segments that ended.

        Args:
            chunk: Floats between -1 and 1 of shape `(num_samples,)` or `(num_samples, num_channels)`.

        Returns:
            Segments by their end, often none.

        Raises:
            AudioError: If the chunk has another shape, or holds values that cannot be sound.
        """
        chunk = np.asarray(chunk)
        if chunk.ndim == 1:
            chunk = chunk[:, None]
        if chunk.ndim != 2 or chunk.shape[1] != self._num_channels or chunk.dtype.kind != "f":
            raise AudioError(
                f"A chunk must be floats of shape (num_samples, {self._num_channels}), got {chunk.dtype} in "
                f"shape {chunk.shape}."
            )
        if not np.abs(chunk).max(initial=0) <= MAX_PEAK:  # so written, NaN is refused too
            raise AudioError("The chunk holds values that cannot be sound: infinite, NaN or absurdly large.")
        return self._take(chunk.mean(axis=1, keepdims=True) if self._mix else chunk, last=False)

    def finish(self) -> list[Segment]:
        """Return the remaining segments when the recording ends."""
        segments = self._take(np.empty((0, self._rest.shape[1]), dtype=np.float32), last=True)
        num_samples = self._num_samples + len(self._rest)
        if len(self._rest):
            padding = np.zeros((FRAME - len(self._rest), self._rest.shape[1]), dtype=np.float32)
            segments += self._analyse(self._cut(np.concatenate([self._rest, padding])))
        return segments + self._analyse(
            (number, stretch)
            for number, cutter in enumerate(self._cutters)
            for stretch in cutter.finish(num_samples)
        )

    def running(self) -> list[Segment]:
        """Analyse the speech that has not ended yet, at most one segment for each channel."""
        under_way = ((number, cutter.under_way()) for number, cutter in enumerate(self._cutters))
        return self._analyse((number, stretch) for number, stretch in under_way if stretch)

    def _take(self, chunk: np.ndarray, last: bool) -> list[Segment]:
        chunk = chunk.astype(np.float32, copy=False)
        if self._resampler is not None:
            chunk = self._resampler.resample_chunk(np.ascontiguousarray(chunk), last)
        samples = np.concatenate([self._rest, chunk.reshape(-1, self._rest.shape[1])])
        num_whole = len(samples) - len(samples) % FRAME
        self._rest = samples[num_whole:].copy()
        return self._analyse(self._cut(samples[:num_whole])) if num_whole else []

    def _cut(self, samples: np.ndarray) -> Iterator[tuple[int, Stretch]]:
        """Yield stretches of whole frames, each with the index of its channel."""
        self._num_samples += len(samples)
        frames = samples.T.reshape(len(self._cutters), -1, FRAME)
        levels_db = 10 * np.log10(np.maximum(np.square(frames).mean(axis=2), 1e-12))
        masked = self._cross_talk(levels_db.T)
        for number, cutter in enumerate(self._cutters):
            probabilities = self._detectors[number].probabilities(frames[number])
            probabilities[masked[:, number]] = 0
            for stretch in cutter.feed(frames[number], levels_db[number], probabilities):
                yield number, stretch

    def _cross_talk(self, levels_db: np.ndarray) -> np.ndarray:
        """Return where a channel carries the speech of another: bool, shape `(num_frames, num_channels)`."""
        known = np.concatenate([self._levels_before, levels_db])
        self._levels_before = known[-(CROSS_TALK_FRAMES - 1) :]
        recent = np.lib.stride_tricks.sliding_window_view(known, CROSS_TALK_FRAMES, axis=0).max(axis=-1)
        return recent < recent.max(axis=1, keepdims=True) - CROSS_TALK_DB

    def _speaker(self, track: int) -> str:
        return UNNAMED if self._mix else f"channel {track + 1}"

    def _analyse(self, stretches: Iterable[tuple[int, Stretch]]) -> list[Segment]:
        listed = sorted(stretches, key=lambda item: item[1].end)
        speakers = [stretch.speaker or self._speaker(track) for track, stretch in listed]
        answers: dict[int, tuple[Any, ...]] = {}
        for recognizer in {self._recognizer, *self._enrolled.values()}:
            chosen = [
                number
                for number, (_, stretch) in enumerate(listed)
                if stretch.waveform is not None
                and self._enrolled.get(speakers[number], self._recognizer) is recognizer
            ]
            waveforms = [listed[number][1].waveform for number in chosen]
            answers |= zip(chosen, _answers(recognizer, waveforms), strict=True)
        return [
            Segment(
                stretch.start / SAMPLING_RATE,
                stretch.end / SAMPLING_RATE,
                0 if self._mix and self._num_channels > 1 else track + 1,
                stretch.speaker or (None if self._mix else speaker),
                stretch.kind,
                *answers.get(number, ()),
            )
            for number, ((track, stretch), speaker) in enumerate(zip(listed, speakers, strict=True))
        ]


def _answers(
    recognizer: "EmotionRecognizer", waveforms: list[Any]
) -> Iterator[tuple[dict[str, float], Confidence, bool | None]]:
    """Yield probabilities, confidence and whether it is out-of-distribution for each waveform."""
    if not waveforms:
        return
    for row, is_out in zip(*recognizer.predict_segments(waveforms), strict=True):
        probabilities = dict(zip(recognizer.emotions, row.tolist(), strict=True))
        yield (
            probabilities,
            recognizer.confidence(probabilities, is_out),
            is_out,
        )


def _enrolled(
    recognizer: "EmotionRecognizer", enrolment: Mapping[str, Sequence[Clip]], speakers: set[str]
) -> dict[str, "EmotionRecognizer"]:
    """Return a recogniser for each enrolled speaker."""
    if unknown := sorted(set(enrolment) - speakers):
        raise ValueError(f"Enrolment names {unknown}; the speakers are {sorted(speakers)}.")
    return {speaker: recognizer.enrol(recordings) for speaker, recordings in enrolment.items()}


def _cutters(turns: Sequence[Turn] | None, num_tracks: int, mix: bool) -> list[Cutter]:
    if turns is None:
        return [SpeechCutter() for _ in range(num_tracks)]
    last_channel = max((turn.channel for turn in turns), default=1)
    if not mix and last_channel > num_tracks:
        raise ValueError(f"The turns name channel {last_channel}; the recording has {num_tracks}.")
    return [
        TurnCutter(turn for turn in turns if mix or turn.channel == number + 1)
        for number in range(num_tracks)
    ]
