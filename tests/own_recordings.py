"""Made-up recordings with labels of their own: each label has its pitch, each speaker a voice."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

LABELS = ("annoyed", "bored", "satisfied")
SPEAKERS = ("anna", "ben", "carl", "dora", "emil")


def write_label_folders(
    folder: Path,
    labels: Sequence[str] = LABELS,
    speakers: Sequence[str] = SPEAKERS,
    num_takes: int = 2,
    suffix: str = ".wav",
) -> Path:
    """`LABEL/SPEAKER/N.wav`, 0.6 seconds each; returns `folder`."""
    for label_number, label in enumerate(labels):
        for speaker_number, speaker in enumerate(speakers):
            for take in range(num_takes):
                file = folder / label / speaker / f"{take}{suffix}"
                file.parent.mkdir(parents=True, exist_ok=True)
                write_recording(file, label_number, speaker_number, take)
    return folder


def write_recording(
    file: Path, label: int, speaker: int = 0, take: int = 0, sampling_rate: int = 16_000
) -> None:
    """A buzz with pauses: the label sets its pitch and how fast it pulses, the speaker changes its colour."""
    rng = np.random.default_rng((label, speaker, take))
    time_seconds = np.arange(int(0.9 * sampling_rate)) / sampling_rate
    pitch_hz = 120 * 1.5**label * (1 + 0.03 * speaker)
    harmonics = sum(
        np.sin(2 * np.pi * n * pitch_hz * time_seconds) / n ** (1 + 0.1 * speaker) for n in range(1, 9)
    )
    pulses = 0.5 * (1 + np.sin(2 * np.pi * (3 + 2 * label) * time_seconds + take))
    waveform = 0.1 * harmonics * pulses + 0.002 * rng.standard_normal(time_seconds.size)
    soundfile.write(file, waveform, sampling_rate)


def write_table(folder: Path, text: str, name: str = "calls.csv", encoding: str = "utf-8") -> Path:
    """A table beside recordings; returns its path."""
    file = folder / name
    file.write_text(text, encoding=encoding, newline="")
    return file
