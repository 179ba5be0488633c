"""Faults that make an answer doubtful, found from energy and spectrum, in words a person can act on."""

from dataclasses import dataclass

import numpy as np

from ser.audio import AudioError

BLOCK_SECONDS = 0.025
# A block this quiet is silence whatever surrounds it; the quietest RAVDESS clip peaks at -54.6.
SILENCE_DB = -60.0
# Speech stands out from the steady noise around it by at least this; noise alone never does.
ABOVE_FLOOR_DB = 6.0
DIGITAL_SILENCE_DB = -100.0  # what editors and noise gates leave; says nothing about the room
SPEECH_RANGE_DB = 30.0  # from the loudest block of speech to its quietest
LOUD_SECONDS = 0.2  # 5 % of a sentence
MIN_SPEECH_SECONDS = 0.7  # the shortest sentence in RAVDESS has 1.1
# Between loud and quiet blocks: over 12.8 in all of RAVDESS and EmoDB; noise at 7 dB leaves 11.
MIN_RANGE_DB = 11.0
FLAT_TOLERANCE = 1e-4
MIN_NUM_FLAT_TOPS = 5
TELEPHONE_CUTOFF_HZ = 4_000  # half the telephone's sampling rate
MAX_TELEPHONE_DB = -60.0  # energy above the cutoff against the speech band: over -36 in RAVDESS and EmoDB
NUM_SPECTRUM_SAMPLES = 512


class SilenceError(AudioError):
    """A recording without any sound. The message is for the person who made it."""


@dataclass(frozen=True)
class QualityHint:
    """A fault of a recording.

    Attributes:
        kind: "short", "clipped", "noisy" or "telephone".
        advice: What it means and what to do, a sentence or two.
    """

    kind: str
    advice: str


ADVICE = {
    "short": "There is less than a second of speech. Say a whole sentence.",
    "clipped": "The recording is overdriven: its loudest parts are cut off. Turn the input level down, or "
    "move away from the microphone.",
    "noisy": "Noise is nearly as loud as the speech. Move closer to the microphone, or to a quieter place.",
    "telephone": "There is nothing above 4 kHz, as over a telephone. The model learned from full-band "
    "recordings and may be wrong more often here.",
}


def block_levels_db(waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Return the level of each block of 25 ms in dB of full scale, shape `(num_blocks,)`, at least -120.

    Args:
        waveform: Samples, shape `(num_samples,)`. What is left after the last whole block is not looked at,
            but a waveform shorter than a block is a block.
        sampling_rate: Its rate in Hz.
    """
    block = min(round(BLOCK_SECONDS * sampling_rate), len(waveform))
    num_blocks = len(waveform) // block
    waveform = waveform - waveform.mean(dtype=np.float64).astype(
        waveform.dtype
    )  # a constant offset is no sound
    power = np.square(waveform[: num_blocks * block].reshape(num_blocks, block), dtype=np.float32).mean(
        axis=1
    )
    return 10 * np.log10(np.maximum(power, 1e-12))


def noise_floor_db(levels_db: np.ndarray) -> float:
    """Return the level of the pauses: of the quietest tenth of the blocks, without digital silence."""
    sounding = levels_db[levels_db > DIGITAL_SILENCE_DB]
    return float(np.percentile(sounding, 10)) if len(sounding) else DIGITAL_SILENCE_DB


def loud_level_db(levels_db: np.ndarray) -> float:
    """Return the level that the loudest 5 % of the blocks exceed, at most `LOUD_SECONDS` of them.

    Without that limit, a sentence in a long pause would count for nothing.
    """
    share = min(0.05, LOUD_SECONDS / BLOCK_SECONDS / len(levels_db))
    return float(np.percentile(levels_db, 100 * (1 - share)))


def is_sounding(levels_db: np.ndarray, floor_db: float) -> np.ndarray:
    """Return which blocks hold more than silence and steady noise: bool, the shape of `levels_db`."""
    return levels_db > max(SILENCE_DB, floor_db + ABOVE_FLOOR_DB)


def check_not_silent(waveform: np.ndarray, sampling_rate: int) -> None:
    """Refuse a recording that is below `SILENCE_DB` throughout.

    Raises:
        SilenceError: If it is.
    """
    if block_levels_db(waveform, sampling_rate).max() < SILENCE_DB:
        raise SilenceError(
            "The recording is silent. Check that the right microphone is chosen and not muted."
        )


def quality_hints(waveform: np.ndarray, sampling_rate: int) -> list[QualityHint]:
    """Return the faults of a recording, the gravest first; none for a good one.

    Clipping is seen only at the rate a recording was made with: resampling rounds its flat tops.

    Args:
        waveform: Finite mono samples, shape `(num_samples,)`, at least one.
        sampling_rate: Its rate in Hz.
    """
    levels_db = block_levels_db(waveform, sampling_rate)
    speech = levels_db > levels_db.max() - SPEECH_RANGE_DB
    checks = {
        "short": speech.sum() * BLOCK_SECONDS < MIN_SPEECH_SECONDS,
        "clipped": is_clipped(waveform),
        "noisy": loud_level_db(levels_db) - noise_floor_db(levels_db) < MIN_RANGE_DB,
        "telephone": is_telephone_band(waveform, sampling_rate),
    }
    return [_hint(kind) for kind, found in checks.items() if found]


def is_clipped(waveform: np.ndarray) -> bool:
    """Tell whether the waveform has flat tops: runs of three or more samples at its highest value."""
    magnitude = np.abs(waveform)
    at_top = magnitude >= magnitude.max() * (1 - FLAT_TOLERANCE)
    same_side = np.signbit(waveform[2:]) == np.signbit(waveform[:-2])
    flat = at_top[:-2] & at_top[1:-1] & at_top[2:] & same_side
    return int(flat.sum()) >= MIN_NUM_FLAT_TOPS


def is_telephone_band(waveform: np.ndarray, sampling_rate: int) -> bool:
    """Tell whether the loud parts have nothing above 4 kHz, as after transmission at 8 kHz."""
    if sampling_rate <= 2 * TELEPHONE_CUTOFF_HZ:
        return True
    num_frames = len(waveform) // NUM_SPECTRUM_SAMPLES
    if num_frames == 0:
        return False
    frames = waveform[: num_frames * NUM_SPECTRUM_SAMPLES].reshape(num_frames, NUM_SPECTRUM_SAMPLES)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(NUM_SPECTRUM_SAMPLES), axis=1)))
    energy = power.sum(axis=1)
    spectrum = power[energy >= energy.max() / 100].sum(axis=0)  # frames within 20 dB of the loudest
    frequencies_hz = np.fft.rfftfreq(NUM_SPECTRUM_SAMPLES, 1 / sampling_rate)
    # 400 Hz clear of the cutoff, because filters have slopes; 7500 Hz, because the model uses up to 8000.
    above = spectrum[(frequencies_hz > TELEPHONE_CUTOFF_HZ + 400) & (frequencies_hz < 7_500)].sum()
    speech_band = spectrum[(frequencies_hz > 300) & (frequencies_hz < 3_400)].sum()
    return bool(above < speech_band * 10 ** (MAX_TELEPHONE_DB / 10))


def _hint(kind: str) -> QualityHint:
    return QualityHint(kind, ADVICE[kind])
