"""What is heard in one recording: the probabilities, when what was heard, and what the model listened to."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from ser.audio import load_audio
from ser.recognizer import WINDOW_HOP_SECONDS, WINDOW_SECONDS, EmotionRecognizer, Window
from ser.recording_quality import (
    BLOCK_SECONDS,
    QualityHint,
    block_levels_db,
    is_sounding,
    noise_floor_db,
    quality_hints,
)

TIMELINE_SECONDS = 5.0  # shorter than this, two windows would share most of the clip
# Longer than this the probabilities are the mean over the windows: the model learned from sentences.
LONG_SECONDS = 10.0
PIECE_WINDOWS = 30  # from one sign of progress to the next
MIN_SOUND_SECONDS = 0.25  # what a window has to hold so as not to be silent: a syllable
CLIPPING_CHECK_SECONDS = 60.0  # a recording is read at its own rate too if it is no longer


@dataclass(frozen=True)
class Hearing:
    """One recording, heard.

    Attributes:
        waveform: The recording at the model's rate, float32 `(num_samples,)`.
        duration_seconds: Its length.
        probabilities: Probability of each emotion; `None` where nothing but silence was heard.
        windows: Emotions along the recording; empty for a short one.
        attention_seconds: Times at which the model listened, `(num_frames,)`.
        attention: Share of each of those in the answer, `(num_frames,)`.
        hints: Faults of the recording.
        is_strange: Whether most of it is unlike the speech that the model learned from.
    """

    waveform: np.ndarray
    duration_seconds: float
    probabilities: dict[str, float] | None
    windows: list[Window] = field(default_factory=list)
    attention_seconds: np.ndarray = field(default_factory=lambda: np.empty(0))
    attention: np.ndarray = field(default_factory=lambda: np.empty(0))
    hints: list[QualityHint] = field(default_factory=list)
    is_strange: bool = False


def hear(
    recognizer: EmotionRecognizer,
    audio: str | os.PathLike[str],
    on_progress: Callable[[float], None] = lambda _: None,
) -> Hearing:
    """All that the page shows of a recording.

    Args:
        recognizer: The model.
        audio: Path of a sound file.
        on_progress: Told the share that is done, 0 to 1, again and again, of recordings that take a while.

    Raises:
        AudioError: If the file cannot be used.
    """
    waveform = recognizer.load(audio)
    duration_seconds = len(waveform) / recognizer.sampling_rate
    hints = quality_hints(*_as_recorded(Path(audio), waveform, recognizer.sampling_rate))
    if any(hint.kind == "silent" for hint in hints):
        return Hearing(waveform, duration_seconds, None, hints=hints)
    windows = []
    if duration_seconds > TIMELINE_SECONDS:
        windows = listen_along(recognizer, waveform, on_progress)
    starts_seconds, stretches = _stretches(recognizer, waveform, windows)
    attention_seconds, attention = _attend_along(recognizer, starts_seconds, stretches)
    return Hearing(
        waveform,
        duration_seconds,
        _probabilities(recognizer, waveform, windows),
        windows,
        attention_seconds,
        attention,
        hints,
        bool(np.mean([recognizer.is_strange((each, recognizer.sampling_rate)) for each in stretches]) > 0.5),
    )


def hear_probabilities(recognizer: EmotionRecognizer, audio: str | os.PathLike[str]) -> dict[str, float]:
    """The probabilities alone, the same as in `hear`, and for silence too.

    Raises:
        AudioError: If the file cannot be used.
    """
    waveform = recognizer.load(audio)
    is_long = len(waveform) > LONG_SECONDS * recognizer.sampling_rate
    return _probabilities(recognizer, waveform, listen_along(recognizer, waveform) if is_long else [])


def listen_along(
    recognizer: EmotionRecognizer,
    waveform: np.ndarray,
    on_progress: Callable[[float], None] = lambda _: None,
) -> list[Window]:
    """The timeline of a recording, window by window, with silence judged over the whole recording.

    Args:
        recognizer: The model.
        waveform: Samples at the model's rate, `(num_samples,)`.
        on_progress: Told the share that is done, 0 to 1.
    """
    rate = recognizer.sampling_rate
    levels_db = block_levels_db(waveform, rate)
    sounding = is_sounding(levels_db, noise_floor_db(levels_db))
    piece_seconds = PIECE_WINDOWS * WINDOW_HOP_SECONDS
    overlap_seconds = WINDOW_SECONDS - WINDOW_HOP_SECONDS
    num_pieces = max(1, int(np.ceil((len(waveform) / rate - overlap_seconds) / piece_seconds)))
    windows: list[Window] = []
    for number in range(num_pieces):
        start_seconds = number * piece_seconds
        is_last = number == num_pieces - 1
        stop = len(waveform) if is_last else round((start_seconds + piece_seconds + overlap_seconds) * rate)
        piece = waveform[round(start_seconds * rate) : stop]
        for window in recognizer.timeline((piece, rate)):
            start, end = start_seconds + window.start_seconds, start_seconds + window.end_seconds
            sound_seconds = _sound_seconds(sounding, start, end)
            is_heard = sound_seconds >= min(MIN_SOUND_SECONDS, (end - start) / 2)
            windows.append(Window(start, end, window.probabilities if is_heard else None))
        on_progress((number + 1) / num_pieces)
    return windows


def _sound_seconds(sounding: np.ndarray, start_seconds: float, end_seconds: float) -> float:
    blocks = sounding[round(start_seconds / BLOCK_SECONDS) : round(end_seconds / BLOCK_SECONDS)]
    return float(blocks.sum() * BLOCK_SECONDS)


def _probabilities(
    recognizer: EmotionRecognizer, waveform: np.ndarray, windows: list[Window]
) -> dict[str, float]:
    heard = [window.probabilities for window in windows if window.probabilities is not None]
    if len(waveform) <= LONG_SECONDS * recognizer.sampling_rate or not heard:
        return recognizer.predict((waveform, recognizer.sampling_rate))
    return {emotion: float(np.mean([each[emotion] for each in heard])) for emotion in recognizer.emotions}


def _stretches(
    recognizer: EmotionRecognizer, waveform: np.ndarray, windows: list[Window]
) -> tuple[list[float], list[np.ndarray]]:
    """The parts of a recording that its answer rests on, with their starts: all of it, if it is short."""
    rate = recognizer.sampling_rate
    side_by_side = windows[:: round(WINDOW_SECONDS / WINDOW_HOP_SECONDS)]
    heard = [window for window in side_by_side if window.probabilities is not None]
    if len(waveform) <= LONG_SECONDS * rate or not heard:
        return [0.0], [waveform]
    return [window.start_seconds for window in heard], [
        waveform[round(window.start_seconds * rate) : round(window.end_seconds * rate)] for window in heard
    ]


def _attend_along(
    recognizer: EmotionRecognizer, starts_seconds: list[float], stretches: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Times and shares of attention; of a long recording window by window, each counting the same."""
    attention = [recognizer.attend((stretch, recognizer.sampling_rate)) for stretch in stretches]
    seconds = [start + each.times_seconds for start, each in zip(starts_seconds, attention, strict=True)]
    return np.concatenate(seconds), np.concatenate([each.weights for each in attention]) / len(attention)


def _as_recorded(audio: Path, waveform: np.ndarray, sampling_rate: int) -> tuple[np.ndarray, int]:
    """The recording at its own rate, where clipping can be seen, if it is short and libsndfile reads it."""
    if len(waveform) > CLIPPING_CHECK_SECONDS * sampling_rate:
        return waveform, sampling_rate
    try:
        # By its content, as the loader does: a name that ends in .raw would make soundfile ask for a rate.
        with audio.open("rb") as file, soundfile.SoundFile(file.fileno(), closefd=False) as sound:
            recorded_rate = sound.samplerate
    except soundfile.LibsndfileError:  # what ffmpeg reads is lossy: its flat tops are round anyway
        return waveform, sampling_rate
    return (waveform if recorded_rate == sampling_rate else load_audio(audio, recorded_rate)), recorded_rate
