"""Sounds that are no speech, made from nothing: what a model should not be asked about."""

from collections.abc import Callable

import numpy as np

from ser.training.augmentation import coloured_noise

MIN_SECONDS, MAX_SECONDS = 1.5, 5.0
LEVELS_DB = (-40.0, -12.0)  # of the whole clip, relative to full scale


def make_nonspeech(kind: str, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """One sound of a kind, float32 (num_samples,), 1.5 to 5 seconds at a random level.

    Args:
        kind: A key of `KINDS`.
        sampling_rate: In Hz.
        rng: Draws everything about it.
    """
    num_samples = round(rng.uniform(MIN_SECONDS, MAX_SECONDS) * sampling_rate)
    waveform = KINDS[kind](num_samples, sampling_rate, rng)
    level_db = rng.uniform(-90.0, -70.0) if kind == "silence" else rng.uniform(*LEVELS_DB)
    waveform = waveform * 10 ** (level_db / 20) / np.sqrt(np.mean(waveform**2))
    return np.clip(waveform, -1.0, 1.0).astype(np.float32)


def _noise(num_samples: int, _: int, rng: np.random.Generator) -> np.ndarray:
    """Steady noise between white and brown."""
    return coloured_noise(num_samples, rng.uniform(0.0, 2.0), rng)


def _tone(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A steady or gliding tone of one to five harmonics, as of an alarm, a kettle or mains hum."""
    ends_hz = 50 * 2 ** rng.uniform(0, 5, size=2)
    if rng.random() < 0.5:
        ends_hz[1] = ends_hz[0]
    phase = 2 * np.pi * np.cumsum(np.geomspace(ends_hz[0], ends_hz[1], num_samples)) / sampling_rate
    harmonics = range(1, rng.integers(2, 7))
    tone = np.sum([np.sin(n * phase) / n for n in harmonics], axis=0)
    return tone + 1e-3 * rng.standard_normal(num_samples)


def _chords(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Plucked chords of three notes, one after another."""
    music = 1e-3 * rng.standard_normal(num_samples)
    start = 0
    while start < num_samples:
        length = min(round(rng.uniform(0.25, 0.9) * sampling_rate), num_samples - start)
        time_seconds = np.arange(length) / sampling_rate
        root_hz = 110 * 2 ** (rng.integers(0, 25) / 12)
        third = rng.choice([3, 4])
        for semitones in (0, third, 7):
            note_hz = root_hz * 2 ** (semitones / 12)
            for n in range(1, 6):
                decay = np.exp(-time_seconds * (1.5 + n))
                music[start : start + length] += decay * np.sin(2 * np.pi * n * note_hz * time_seconds) / n
        start += length
    return music


def _clicks(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Knocks at random moments, as of keys, steps or a tapped microphone."""
    impulses = np.zeros(num_samples)
    num_clicks = max(2, round(rng.uniform(1, 12) * num_samples / sampling_rate))
    impulses[rng.integers(num_samples, size=num_clicks)] = rng.uniform(0.3, 1.0, num_clicks)
    time_seconds = np.arange(round(0.05 * sampling_rate)) / sampling_rate
    ring = np.exp(-time_seconds * rng.uniform(80, 400)) * rng.standard_normal(len(time_seconds))
    return np.convolve(impulses, ring)[:num_samples] + 1e-4 * rng.standard_normal(num_samples)


def _bursts(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Noise that swells and falls two to eight times a second, the rhythm of syllables without a voice."""
    time_seconds = np.arange(num_samples) / sampling_rate
    swell = np.clip(np.sin(2 * np.pi * rng.uniform(2, 8) * time_seconds), 0, None) ** 2
    return (swell + 0.01) * _noise(num_samples, sampling_rate, rng)


KINDS: dict[str, Callable[[int, int, np.random.Generator], np.ndarray]] = {
    "noise": _noise,
    "tones": _tone,
    "chords": _chords,
    "clicks": _clicks,
    "bursts": _bursts,
    "silence": _noise,
}
"""Kind -> what makes it; `silence` is steady noise far below hearing."""
