"""Provenance of weights and figures: fingerprints of corpora, and versions of packages."""

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
    """Return a SHA-256 over the names and 16-bit samples of clips, in any order.

    A WAV file and its lossless FLAC give the same fingerprint.

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
        # Wide enough for +1.0, which is no 16-bit sample, on any machine.
        samples = np.clip(np.round(waveform * 2**15), -(2**30), 2**30).astype("<i4")
        digest = hashlib.sha256(samples.tobytes()).hexdigest()
        digests.append(f"{Path(audio['path'] or '').stem} {digest}\n")
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def environment() -> dict[str, Any]:
    """Return the versions that weights or figures may depend on."""
    return {
        "python_version": platform.python_version(),
        "package_versions": {name: version(name) for name in PACKAGES},
    }
