"""Random changes to a waveform that keep its emotion.

Each function takes a mono float waveform of shape `(num_samples,)` and returns one. Randomness comes from a
`numpy.random.Generator` argument, never from global state. `augment_waveform` chains them. The training of an
MFCC-LSTM applies all changes that a mel spectrogram allows there, anew in every epoch:
`ser.training.mel_augmentation`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import librosa
import numpy as np
import soxr
from scipy.signal import fftconvolve

from ser.feature_extraction_mfcc_lstm import POWER_FLOOR

TILT_FROM_HZ = 250.0  # speech below it stays as it is
N_FFT = 1024  # window of the phase vocoder: 64 ms at 16 kHz separate the harmonics of a low voice


class Prosody(NamedTuple):
    """Tempo and pitch of a copy relative to the clip.

    Attributes:
        speed: Factor of the playback speed: tempo, pitch and formants change together.
        tempo: Factor of the tempo at the same pitch.
        semitones: Rise of pitch and formants at the same tempo.
    """

    speed: float = 1.0
    tempo: float = 1.0
    semitones: float = 0.0


def change_gain(waveform: np.ndarray, gain_db: float) -> np.ndarray:
    """Scale the waveform by `gain_db`, clipping at full scale as a recorder would."""
    return np.clip(waveform * 10.0 ** (gain_db / 20.0), -1.0, 1.0).astype(np.float32)


def change_speed(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Play `factor` times as fast: tempo, pitch and formants change together (Ko et al., 2015)."""
    return soxr.resample(waveform, factor * 10_000, 10_000, quality="MQ").astype(np.float32)


def stretch_time(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Speak `factor` times as fast at the same pitch."""
    stretched = librosa.effects.time_stretch(_at_least(waveform, N_FFT), rate=factor, n_fft=N_FFT)
    return stretched[: max(1, round(len(waveform) / factor))].astype(np.float32)


def shift_pitch(waveform: np.ndarray, sampling_rate: int, semitones: float) -> np.ndarray:
    """Raise pitch and formants by `semitones` at the same tempo."""
    shifted = librosa.effects.pitch_shift(
        _at_least(waveform, N_FFT), sr=sampling_rate, n_steps=semitones, res_type="soxr_mq", n_fft=N_FFT
    )
    return shifted[: len(waveform)].astype(np.float32)


def warp_vocal_tract(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Move the formants by `factor` and leave tempo alone: each frame's spectrum is read at `f / factor`.

    The magnitude is warped and the phase kept (vocal tract length perturbation, Jaitly and Hinton, 2013).
    """
    n_fft = N_FFT // 2
    spectrum = librosa.stft(_at_least(waveform, n_fft), n_fft=n_fft, hop_length=n_fft // 4)  # (bins, frames)
    num_bins = spectrum.shape[0]
    source = np.minimum(np.arange(num_bins) / factor, num_bins - 1)
    lower = source.astype(int)
    upper = np.minimum(lower + 1, num_bins - 1)
    weight = (source - lower)[:, None]
    magnitude = np.abs(spectrum)
    warped = (1 - weight) * magnitude[lower] + weight * magnitude[upper]
    phase = spectrum / np.maximum(magnitude, np.sqrt(POWER_FLOOR))
    return librosa.istft(warped * phase, hop_length=n_fft // 4, length=len(waveform)).astype(np.float32)


def equalise(waveform: np.ndarray, sampling_rate: int, gains_db: np.ndarray) -> np.ndarray:
    """Filter with a curve through `gains_db`, its knots evenly on the mel scale from 0 Hz to Nyquist."""
    frequencies = np.fft.rfftfreq(len(waveform), 1 / sampling_rate)
    knots = librosa.mel_frequencies(n_mels=len(gains_db), fmin=0, fmax=sampling_rate / 2)
    curve_db = np.interp(frequencies, knots, gains_db)
    filtered = np.fft.irfft(np.fft.rfft(waveform) * 10.0 ** (curve_db / 20.0), n=len(waveform))
    return filtered.astype(np.float32)


def limit_band(waveform: np.ndarray, sampling_rate: int, low_hz: float, high_hz: float) -> np.ndarray:
    """Remove frequencies outside `low_hz` to `high_hz`, as a telephone or a codec does."""
    frequencies = np.fft.rfftfreq(len(waveform), 1 / sampling_rate)
    # Half an octave of cosine slope at either edge keeps the filter from ringing.
    slopes = np.interp(np.log2(np.maximum(frequencies, 1.0) / low_hz), [-0.5, 0.0], [0.0, 1.0]) * np.interp(
        np.log2(np.maximum(frequencies, 1.0) / high_hz), [0.0, 0.5], [1.0, 0.0]
    )
    window = 0.5 - 0.5 * np.cos(np.pi * slopes)
    return np.fft.irfft(np.fft.rfft(waveform) * window, n=len(waveform)).astype(np.float32)


def coloured_noise(num_samples: int, exponent: float, rng: np.random.Generator) -> np.ndarray:
    """Return Gaussian noise of unit power that falls as `1 / f ** exponent`: 0 white, 1 pink, 2 brown."""
    spectrum = rng.standard_normal(num_samples // 2 + 1) + 1j * rng.standard_normal(num_samples // 2 + 1)
    frequencies = np.maximum(np.arange(num_samples // 2 + 1), 1.0)
    noise = np.fft.irfft(spectrum / frequencies ** (exponent / 2), n=num_samples)
    return (noise / max(float(np.sqrt(np.mean(noise**2))), 1e-12)).astype(np.float32)


def tilt_spectrum(waveform: np.ndarray, sampling_rate: int, tilt_db: float) -> np.ndarray:
    """Let the spectrum fall by `tilt_db` from 250 Hz to Nyquist, evenly over the octaves."""
    frequencies = np.fft.rfftfreq(len(waveform), 1 / sampling_rate)
    nyquist = sampling_rate / 2
    octaves = np.log2(np.maximum(frequencies, TILT_FROM_HZ) / TILT_FROM_HZ) / np.log2(nyquist / TILT_FROM_HZ)
    tilted = np.fft.irfft(np.fft.rfft(waveform) * 10.0 ** (-tilt_db / 20.0 * octaves), n=len(waveform))
    return tilted.astype(np.float32)


def mains_hum(num_samples: int, sampling_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Return mains hum of 50 or 60 Hz with up to five weaker harmonics."""
    time_seconds = np.arange(num_samples) / sampling_rate
    base_hz = rng.choice([50.0, 60.0])
    harmonics = np.arange(1, rng.integers(2, 7))
    amplitudes = rng.uniform(0.2, 1.0, len(harmonics)) / harmonics
    phases = rng.uniform(0.0, 2 * np.pi, len(harmonics))
    waves = np.sin(2 * np.pi * base_hz * harmonics[:, None] * time_seconds + phases[:, None])
    return (amplitudes @ waves).astype(np.float32)


def babble(talkers: Sequence[np.ndarray], num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return three to six recordings at once, each at its own speed and from a random position."""
    voices = np.zeros(num_samples, np.float32)
    for talker in rng.choice(len(talkers), rng.integers(3, 7)):
        voice = change_speed(talkers[talker], rng.uniform(0.75, 1.35))
        voice = np.resize(np.roll(voice, rng.integers(len(voice))), num_samples)
        voices += voice / max(float(np.sqrt(np.mean(voice**2))), 1e-6)
    return voices


def add_noise(waveform: np.ndarray, noise: np.ndarray, snr_db: float) -> np.ndarray:
    """Add `noise`, as long as the waveform, at `snr_db` below its mean power. Silence stays silent."""
    signal_power, noise_power = np.mean(waveform**2), max(float(np.mean(noise**2)), 1e-20)
    return (waveform + noise * np.sqrt(signal_power / noise_power / 10.0 ** (snr_db / 10.0))).astype(
        np.float32
    )


def reverberate(
    waveform: np.ndarray,
    sampling_rate: int,
    decay_seconds: float,
    direct_to_reverberant_db: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Add reverberation: convolve with an impulse and noise that decays 60 dB in `decay_seconds`.

    The tail is Gaussian noise under an exponential envelope (Polack's statistical model of reverberation,
    1988).
    """
    time_seconds = np.arange(1, int(decay_seconds * sampling_rate)) / sampling_rate
    tail = rng.standard_normal(len(time_seconds)) * 10.0 ** (-3.0 * time_seconds / decay_seconds)
    tail *= np.sqrt(10.0 ** (-direct_to_reverberant_db / 10.0) / max(float(np.sum(tail**2)), 1e-20))
    return fftconvolve(waveform, np.concatenate([[1.0], tail]))[: len(waveform)].astype(np.float32)


def change_prosody(waveform: np.ndarray, sampling_rate: int, prosody: Prosody) -> np.ndarray:
    """Change tempo and pitch."""
    if prosody.speed != 1.0:
        waveform = change_speed(waveform, prosody.speed)
    if prosody.tempo != 1.0:
        waveform = stretch_time(waveform, prosody.tempo)
    if prosody.semitones != 0.0:
        waveform = shift_pitch(waveform, sampling_rate, prosody.semitones)
    return waveform


def _at_least(waveform: np.ndarray, num_samples: int) -> np.ndarray:
    """Lengthen a waveform with silence: librosa needs one window of samples."""
    return librosa.util.fix_length(waveform, size=max(len(waveform), num_samples))


# They span four semitones in both directions, more than most speakers differ.
PROSODIES = (
    Prosody(speed=1.11),
    Prosody(speed=0.91),
    Prosody(semitones=-1.5),
    Prosody(semitones=1.5),
    Prosody(tempo=0.87),
    Prosody(tempo=1.15),
    Prosody(speed=1.11, semitones=2.5),
    Prosody(speed=0.91, semitones=-2.5),
    Prosody(speed=1.05),
    Prosody(speed=0.95),
)


@dataclass(frozen=True)
class AugmentationRecipe:
    """Probabilities, per clip, and strengths of the changes of `augment_waveform`."""

    prosody_prob: float = 1.0
    prosodies: tuple[Prosody, ...] = PROSODIES
    vocal_tract_prob: float = 1.0
    max_vocal_tract_warp: float = 0.1
    reverberation_prob: float = 0.1
    max_decay_seconds: float = 0.6
    band_limit_prob: float = 0.1
    noise_prob: float = 0.6
    min_snr_db: float = 8.0
    max_snr_db: float = 40.0
    babble_share: float = 0.0  # of the clips with noise, if other recordings are given
    hum_prob: float = 0.0
    equaliser_prob: float = 0.0
    equaliser_std_db: float = 4.0
    tilt_prob: float = 0.0
    max_tilt_db: float = 25.0
    max_gain_db: float = 6.0


# Changes that need a waveform; `ser.training.mel_augmentation` does the others, the extractor sets the level.
WAVEFORM_ONLY = AugmentationRecipe(vocal_tract_prob=0.0, band_limit_prob=0.0, noise_prob=0.0, max_gain_db=0.0)

# All changes, for an encoder whose features are computed once.
ALL_CHANNELS = AugmentationRecipe(
    vocal_tract_prob=0.7,
    reverberation_prob=0.25,
    band_limit_prob=0.2,
    noise_prob=0.7,
    min_snr_db=0.0,
    max_snr_db=30.0,
    babble_share=0.6,
    hum_prob=0.1,
    equaliser_prob=0.4,
    tilt_prob=0.4,
)


def draw_changes(
    recipe: AugmentationRecipe,
    sampling_rate: int,
    rng: np.random.Generator,
    number: int | None = None,
    talkers: Sequence[np.ndarray] = (),
) -> list[Callable[[np.ndarray], np.ndarray]]:
    """Draw the changes of one clip: functions from waveform to waveform, to be applied in order."""
    changes: list[Callable[[np.ndarray], np.ndarray]] = []
    if rng.random() < recipe.prosody_prob:
        if number is None:
            number = int(rng.integers(len(recipe.prosodies)))
        prosody = recipe.prosodies[number % len(recipe.prosodies)]
        changes.append(partial(change_prosody, sampling_rate=sampling_rate, prosody=prosody))
    if rng.random() < recipe.vocal_tract_prob:
        limit = recipe.max_vocal_tract_warp
        changes.append(partial(warp_vocal_tract, factor=rng.uniform(1 - limit, 1 + limit)))
    if rng.random() < recipe.reverberation_prob:
        changes.append(
            partial(
                reverberate,
                sampling_rate=sampling_rate,
                decay_seconds=rng.uniform(0.1, recipe.max_decay_seconds),
                direct_to_reverberant_db=rng.uniform(0.0, 15.0),
                rng=rng,
            )
        )
    return changes + draw_channel(recipe, sampling_rate, rng, talkers)


def draw_channel(
    recipe: AugmentationRecipe,
    sampling_rate: int,
    rng: np.random.Generator,
    talkers: Sequence[np.ndarray] = (),
) -> list[Callable[[np.ndarray], np.ndarray]]:
    """Draw the recording conditions: noise, hum, microphone, telephone, level."""
    changes: list[Callable[[np.ndarray], np.ndarray]] = []
    if rng.random() < recipe.noise_prob:
        exponent, snr_db = rng.uniform(0.0, 2.0), rng.uniform(recipe.min_snr_db, recipe.max_snr_db)
        if talkers and rng.random() < recipe.babble_share:
            changes.append(lambda waveform: add_noise(waveform, babble(talkers, len(waveform), rng), snr_db))
        else:
            changes.append(
                lambda waveform: add_noise(waveform, coloured_noise(len(waveform), exponent, rng), snr_db)
            )
    if recipe.hum_prob > 0 and rng.random() < recipe.hum_prob:
        hum_snr_db = rng.uniform(10.0, 30.0)
        changes.append(
            lambda waveform: add_noise(waveform, mains_hum(len(waveform), sampling_rate, rng), hum_snr_db)
        )
    if recipe.equaliser_prob > 0 and rng.random() < recipe.equaliser_prob:
        gains_db = rng.normal(0.0, recipe.equaliser_std_db, 8)
        changes.append(partial(equalise, sampling_rate=sampling_rate, gains_db=gains_db))
    if recipe.tilt_prob > 0 and rng.random() < recipe.tilt_prob:
        changes.append(
            partial(tilt_spectrum, sampling_rate=sampling_rate, tilt_db=rng.uniform(0.0, recipe.max_tilt_db))
        )
    if rng.random() < recipe.band_limit_prob:
        low_hz, high_hz = rng.uniform(50.0, 300.0), rng.uniform(3_000.0, 6_000.0)
        changes.append(partial(limit_band, sampling_rate=sampling_rate, low_hz=low_hz, high_hz=high_hz))
    changes.append(partial(change_gain, gain_db=rng.uniform(-recipe.max_gain_db, recipe.max_gain_db)))
    return changes


def augment_waveform(
    waveform: np.ndarray,
    sampling_rate: int,
    rng: np.random.Generator,
    recipe: AugmentationRecipe | None = None,
    number: int | None = None,
    talkers: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Return a randomly changed copy of a clip; equal states of `rng` give equal copies.

    Args:
        waveform: The clip.
        sampling_rate: Its rate in Hz.
        rng: Source of randomness.
        recipe: Probabilities and strengths; the default recipe if not given.
        number: Number of the copy, from 0: copies take the prosodies of the recipe in turn. A random prosody
            if not given.
        talkers: Recordings for babble.
    """
    for change in draw_changes(recipe or AugmentationRecipe(), sampling_rate, rng, number, talkers):
        waveform = change(waveform)
    return waveform
