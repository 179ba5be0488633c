"""Examination of recordings before training: readability, content, duration, level and faults."""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
import soxr
from datasets import Dataset
from tqdm import tqdm

from ser.audio import AudioError, load_audio
from ser.audio.recording_quality import SPEECH_RANGE_DB, block_levels_db, check_not_silent, quality_hints

COMPARED_SAMPLING_RATE = 16_000  # Hz, of the samples that are compared to find copies


@dataclass(frozen=True)
class ClipFacts:
    """Properties of a recording; numbers are `None` if it cannot be read.

    Attributes:
        file: Path, or name in its data set.
        problem: Why it cannot be used, or `None`.
        sha256: Of the samples as 16-bit mono at 16 kHz, equal for copies in other lossless formats.
        duration_seconds: Duration.
        sampling_rate: Of the file, in Hz; `None` for formats that only ffmpeg reads.
        num_channels: Of the file; `None` for formats that only ffmpeg reads.
        level_db: Mean level of its speech relative to full scale.
        hints: Kinds of faults that make recognition doubtful, of `ser.audio.recording_quality`.
    """

    file: str
    problem: str | None = None
    sha256: str | None = None
    duration_seconds: float | None = None
    sampling_rate: int | None = None
    num_channels: int | None = None
    level_db: float | None = None
    hints: tuple[str, ...] = ()


def examine_clips(clips: Dataset, *, show_progress: bool = False) -> list[ClipFacts]:
    """Examine every recording, in the order of `clips`; no file content raises an error.

    Args:
        clips: Rows with an undecoded `audio`.
        show_progress: Draw a progress bar on stderr.
    """
    audio = clips.select_columns("audio")
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding and resampling leave Python's lock free
        found = pool.map(lambda row: examine_clip(audio[row]["audio"], row), range(len(audio)))
        return list(
            tqdm(found, "Looking into recordings", len(audio), unit="clip", disable=not show_progress)
        )


def examine_clip(audio: dict[str, Any], row: int = 0) -> ClipFacts:
    """Examine one recording, given as `{"path", "bytes"}`."""
    source = audio["path"] if audio["bytes"] is None else audio["bytes"]
    file = str(audio["path"] or f"row {row + 1}")
    sampling_rate, num_channels = _header(source)
    rate = sampling_rate or COMPARED_SAMPLING_RATE
    try:
        waveform = load_audio(source, rate)  # as recorded: resampling rounds the flat tops of clipping
        check_not_silent(waveform, rate)
    except AudioError as error:
        return ClipFacts(file, problem=str(error))
    levels_db = block_levels_db(waveform, rate)
    speech_db = levels_db[levels_db > levels_db.max() - SPEECH_RANGE_DB]
    compared = soxr.resample(waveform, rate, COMPARED_SAMPLING_RATE)
    samples = np.clip(np.round(compared * 2**15), -(2**15), 2**15 - 1).astype("<i2")
    return ClipFacts(
        file=file,
        sha256=hashlib.sha256(samples.tobytes()).hexdigest(),
        duration_seconds=len(waveform) / rate,
        sampling_rate=sampling_rate,
        num_channels=num_channels,
        level_db=float(10 * np.log10(np.mean(10 ** (speech_db / 10)))),
        hints=tuple(hint.kind for hint in quality_hints(waveform, rate)),
    )


def _header(source: str | bytes) -> tuple[int | None, int | None]:
    try:
        header = soundfile.info(io.BytesIO(source) if isinstance(source, bytes) else source)
    except soundfile.SoundFileError:
        return None, None
    return header.samplerate, header.channels
