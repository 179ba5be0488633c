"""Where weights and figures come from: the fingerprint of a corpus and the versions of what ran."""

import hashlib
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from ser.audio import load_audio

FINGERPRINT_SAMPLING_RATE = 48_000  # RAVDESS's own, at which its samples are read as they are
PACKAGES = (
    "torch",
    "transformers",
    "datasets",
    "accelerate",
    "numpy",
    "scikit-learn",
    "librosa",
    "soxr",
    "soundfile",
)


def corpus_fingerprint(clips: Dataset) -> str:
    """SHA-256 over the names and 16-bit samples of a corpus's clips, whatever their order.

    The samples count, not the bytes of the file: the published WAV and a lossless FLAC of it give the same.

    Args:
        clips: Rows with an undecoded `audio`.

    Returns:
        64 hexadecimal digits.

    Raises:
        AudioError: If a clip cannot be read.
    """
    digests = []
    for audio in clips["audio"]:
        waveform = load_audio(audio, FINGERPRINT_SAMPLING_RATE)
        # Wide enough for +1.0, the same on any machine; louder than 2**15 is no 16-bit sample.
        samples = np.clip(np.round(waveform * 2**15), -(2**30), 2**30).astype("<i4")
        digest = hashlib.sha256(samples.tobytes()).hexdigest()
        digests.append(f"{Path(audio['path'] or '').stem} {digest}\n")
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def environment() -> dict[str, Any]:
    """The versions that weights or a figure may depend on."""
    return {
        "python_version": platform.python_version(),
        "package_versions": {name: version(name) for name in PACKAGES},
    }
