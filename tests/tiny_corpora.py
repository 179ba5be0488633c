"""Made-up EmoDB and SAVEE: noise under the published names, a third of a second each."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile


def write_emodb(folder: Path, speakers: Sequence[str] = ("03", "08"), num_clips_each: int = 2) -> Path:
    """Clips of all seven emotions, boredom too, in several takes by each speaker; returns `folder`."""
    takes = "abcdef"[:num_clips_each]
    names = [f"{speaker}a01{letter}{take}" for speaker in speakers for letter in "NFTWAEL" for take in takes]
    return _write(folder, names)


def write_savee(folder: Path, speakers: Sequence[str] = ("DC", "JE"), num_clips_each: int = 2) -> Path:
    """Clips of all seven emotions by each speaker; returns `folder`."""
    emotions = ("n", "h", "sa", "a", "f", "d", "su")
    numbers = range(1, num_clips_each + 1)
    return _write(folder, [f"{who}_{code}{n:02d}" for who in speakers for code in emotions for n in numbers])


def _write(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in names:
        waveform = 0.1 * rng.standard_normal(int(rng.integers(5_000, 8_000)))
        soundfile.write(folder / f"{name}.flac", waveform, 16_000)
    return folder
