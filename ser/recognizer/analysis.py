"""The parts of a recording that its answer rests on, and what an analysis of it holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ser.audio.recording_quality import (
    BLOCK_SECONDS,
    SILENCE_DB,
    QualityHint,
    block_levels_db,
    is_sounding,
    noise_floor_db,
)

SINGLE_PASS_SECONDS = 10.0  # the models learned from single sentences: longer recordings are cut into windows
WINDOW_SECONDS = 3.0  # about the length of a clip the models were trained on
WINDOW_HOP_SECONDS = 1.0
MIN_SOUND_SECONDS = 0.25  # of sound in a window, about a syllable; with less it is silent
MAX_BATCH_SECONDS = 240.0  # of padded sound; bounds memory whatever the clips' lengths


@dataclass(frozen=True)
class Window:
    """A window of a recording and its emotions.

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
    """The weight of each moment of a recording in its probabilities.

    Attributes:
        times_seconds: Middle of each frame in the recording, shape `(num_frames,)`.
        weights: Share of each frame, shape `(num_frames,)`; sums to one.
    """

    times_seconds: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Analysis:
    """Everything a recogniser can say about one recording.

    Attributes:
        waveform: The recording at the model's rate, float32 `(num_samples,)`.
        sampling_rate: That rate in Hz.
        probabilities: Probability of each emotion, as `EmotionRecognizer.predict` returns it.
        windows: Emotions along the recording; empty for one of up to five seconds.
        hints: Faults of the recording, the most serious first.
        attention: Where in the recording the model looked; `None` for a kind of model that cannot tell.
        is_out_of_distribution: Whether most of it is unlike the training data; `None` if unknown.
    """

    waveform: np.ndarray
    sampling_rate: int
    probabilities: dict[str, float]
    windows: list[Window] = field(default_factory=list)
    hints: list[QualityHint] = field(default_factory=list)
    attention: Attention | None = None
    is_out_of_distribution: bool | None = None

    @property
    def duration_seconds(self) -> float:
        """Length of the recording."""
        return len(self.waveform) / self.sampling_rate


def window_bounds(
    num_samples: int,
    sampling_rate: int,
    window_seconds: float = WINDOW_SECONDS,
    hop_seconds: float = WINDOW_HOP_SECONDS,
) -> list[tuple[int, int]]:
    """Return the first sample and the end of each window; the last one ends with the recording.

    Raises:
        ValueError: If the windows would leave gaps or stand still.
    """
    length, hop = round(window_seconds * sampling_rate), round(hop_seconds * sampling_rate)
    if not 0 < hop <= length:
        raise ValueError(
            f"hop_seconds must be above 0 and at most window_seconds, got {hop_seconds:g} and "
            f"{window_seconds:g}."
        )
    starts = range(0, max(num_samples - length, 0) + hop, hop)
    return [(start, min(start + length, num_samples)) for start in starts]


def are_sounding(waveform: np.ndarray, sampling_rate: int, bounds: Sequence[tuple[int, int]]) -> list[bool]:
    """Tell which windows hold sound, judged against the noise floor of the whole recording.

    Where none rises above a steady noise (a held note, a hum), all that are above silence count, so that a
    recording that is not silent has a window with sound.
    """
    levels_db = block_levels_db(waveform, sampling_rate)
    block = BLOCK_SECONDS * sampling_rate

    def num_sounding(is_sound: np.ndarray) -> list[tuple[int, float]]:
        return [
            (int(is_sound[round(start / block) : round(stop / block)].sum()), (stop - start) / block)
            for start, stop in bounds
        ]

    above_floor = num_sounding(is_sounding(levels_db, noise_floor_db(levels_db)))
    enough = [num >= min(MIN_SOUND_SECONDS / BLOCK_SECONDS, of / 2) for num, of in above_floor]
    return enough if any(enough) else [num > 0 for num, _ in num_sounding(levels_db >= SILENCE_DB)]


def judged_bounds(waveform: np.ndarray, sampling_rate: int) -> list[tuple[int, int]]:
    """Return the parts whose mean probabilities are a recording's: all of it, or its sounding windows."""
    if len(waveform) <= SINGLE_PASS_SECONDS * sampling_rate:
        return [(0, len(waveform))]
    bounds = window_bounds(len(waveform), sampling_rate)
    sounding = are_sounding(waveform, sampling_rate, bounds)
    return [each for each, has_sound in zip(bounds, sounding, strict=True) if has_sound]


def side_by_side(bounds: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out windows that overlap one before them."""
    kept = [bounds[0]]
    for start, stop in bounds[1:]:
        if start >= kept[-1][1]:
            kept.append((start, stop))
    return kept


def batches(lengths: Sequence[int], sampling_rate: int, max_clips: int) -> Iterator[list[int]]:
    """Yield rows of clips of similar length: a batch is bounded in size and has little padding."""
    max_samples = MAX_BATCH_SECONDS * sampling_rate
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == max_clips or (len(batch) + 1) * lengths[row] > max_samples):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
