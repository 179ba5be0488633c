"""The segments of a whole recording, read block by block."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ser.audio import Clip, audio_blocks
from ser.audio.clips import simplified
from ser.segments.segment import Segment
from ser.segments.stream import SegmentStream
from ser.segments.turns import Turn, read_turns

if TYPE_CHECKING:
    from ser.recognizer import EmotionRecognizer

MAX_BLOCKS_COMPARED = 10  # of a minute or less: channels that are silent so long are not compared
SOUND_PEAK = 1e-3  # a block above it holds enough sound to compare channels
SAME_SIGNAL_DB = -15.0  # level of the difference between channels up to which they hold one signal


def segment_recording(
    recognizer: "EmotionRecognizer",
    recording: Clip,
    *,
    channels: str = "auto",
    turns: Sequence[Turn] | str | os.PathLike[str] | None = None,
    enrolment: Mapping[str, Sequence[Clip]] | None = None,
    max_duration_seconds: float = math.inf,
) -> Iterator[Segment]:
    """Cut a recording of any length into segments and yield each as soon as it is analysed.

    Memory does not grow with the length. If turns are given, they are analysed; otherwise a voice activity
    detector finds speech. Turns and speech of more than 8 s are cut where they are quietest.

    Args:
        recognizer: The model.
        recording: A clip as `ser.audio.Clip` lists them, or floats between -1 and 1 of shape
            `(num_samples, num_channels)` with their sampling rate in Hz.
        channels: "speakers": each channel is a speaker, and their cross-talk in quieter channels is ignored.
            "mix": the channels are averaged. "auto": they are mixed if they hold one signal at first, or if
            all turns are on one channel; otherwise each is a speaker.
        turns: Who speaks when, or a file that `read_turns` reads.
        enrolment: Recordings of speakers, by their names in the result, that adapt the model to them; see
            `EmotionRecognizer.enrol`. "speaker" stands for the only one of a mix.
        max_duration_seconds: A longer file is refused once this much of it is read.

    Yields:
        The segments with and without speech, by their end.

    Raises:
        AudioError: If the recording cannot be used; after the segments before the damage, if it is damaged.
        ValueError: If `channels` is not one of these, or turns or enrolment do not fit recording and model.
    """
    if channels not in ("auto", "mix", "speakers"):
        raise ValueError(f"channels must be 'auto', 'mix' or 'speakers', got {channels!r}.")
    if isinstance(turns, (str, os.PathLike)):
        is_path = isinstance(recording, (str, os.PathLike))
        turns = read_turns(turns, os.fspath(recording) if is_path else None)  # type: ignore[arg-type]
    has_channels = isinstance(recording, tuple) and np.ndim(recording[0]) == 2
    source: Any = recording if has_channels else simplified(recording)
    if isinstance(source, tuple):
        samples, sampling_rate = np.asarray(source[0]), round(source[1])
        blocks = iter([samples.reshape(len(samples), -1)])
    else:
        sampling_rate = recognizer.sampling_rate
        blocks = audio_blocks(source, sampling_rate, max_duration_seconds=max_duration_seconds)
    heard: list[np.ndarray] = []
    for block in islice(blocks, MAX_BLOCKS_COMPARED):
        heard.append(block)
        if np.abs(block).max(initial=0) > SOUND_PEAK:
            break
    if not heard:
        return
    mix = channels == "mix" or (
        channels == "auto"
        and (len({turn.channel for turn in turns}) == 1 if turns else _is_one_signal(heard[-1]))
    )
    stream = SegmentStream(
        recognizer, sampling_rate, heard[0].shape[1], mix=mix, turns=turns, enrolment=enrolment
    )
    while heard:
        yield from stream.feed(heard.pop(0))
    for block in blocks:
        yield from stream.feed(block)
    yield from stream.finish()


def _is_one_signal(block: np.ndarray) -> bool:
    """Return whether the channels of a block `(num_samples, num_channels)` hold nearly the same signal."""
    middle = block.mean(axis=1, keepdims=True)
    difference = np.square(block - middle).sum(dtype=np.float64)
    return bool(difference <= np.square(block).sum(dtype=np.float64) * 10 ** (SAME_SIGNAL_DB / 10))
