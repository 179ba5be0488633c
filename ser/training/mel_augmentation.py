"""Random changes to a mel spectrogram that keep its emotion, drawn anew in every epoch.

Changes that need a waveform (tempo, pitch, rooms) are made once for each copy, in
`ser.training.augmentation`. Spectrograms are in decibels, of shape `(num_frames, num_mel_bins)`; none is
changed in place.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import librosa
import numpy as np
import torch

from ser.feature_extraction_mfcc_lstm import LEVEL_TOP_DB, POWER_FLOOR, MfccLstmFeatureExtractor

NUM_HUM_HARMONICS = 12
NOISE_SECONDS = 30.0  # of white noise to take excerpts from
BAND_SLOPE_DB = 60.0  # an octave, beyond the edges of a limited band


@dataclass(frozen=True)
class MelAugmentationRecipe:
    """Probabilities, per clip and epoch, and strengths of the changes of `MelAugmenter`.

    Attributes:
        min_crop_fraction: Shortest part of a clip, drawn evenly up to the whole clip.
        max_crop_frames: Longest part of a clip, which limits the padding of a batch.
        max_vocal_tract_warp: Formants move by up to this share, up or down.
        max_frames: Longest clip with noisy ends.
        noise_prob: Share of clips with noise: white, or falling with frequency, or babble, evenly.
        hum_prob: Share of clips with the hum of a mains of 50 or 60 Hz, its harmonics at random levels.
        min_hum_snr_db: Loudest hum, in dB below the clip's mean power.
        max_hum_snr_db: Quietest hum likewise.
        min_snr_db: Loudest noise, in dB below the clip's mean power.
        max_snr_db: Quietest noise likewise.
        untrimmed_snr_db: Trimming does not remove louder noise from the ends of a recording, because it is
            less than `MfccLstmFeatureExtractor.trim_top_db` below the loudest speech.
        noisy_ends_prob: Share of the clips with such noise that have it before and after the speech too.
        max_noisy_end_frames: Longest such stretch at either end.
        max_noise_exponent: Noise that is not white falls as `1 / f ** exponent`, with exponents up to this.
        max_babblers: Most speakers in babble; the fewest are two.
        band_limit_prob: Share of clips limited in bandwidth, as by a telephone or a poor codec.
        tilt_prob: Share of clips whose spectrum falls faster towards high frequencies, as a dull
            microphone's.
        max_tilt_db: Strongest such fall, from the lowest mel band to the highest.
        equaliser_prob: Share of clips with another microphone: a smooth random curve over the mel bands.
        equaliser_std_db: Standard deviation of that curve at its knots.
        num_equaliser_knots: Knots of that curve, evenly on the mel scale.
        num_time_masks: Stretches of frames set to the mean (SpecAugment, Park et al., 2019).
        max_time_mask_fraction: Longest such stretch, as a share of the clip.
    """

    min_crop_fraction: float = 0.75
    max_crop_frames: int = 240
    max_frames: int = 280
    max_vocal_tract_warp: float = 0.1
    noise_prob: float = 0.6
    min_snr_db: float = 8.0
    max_snr_db: float = 40.0
    untrimmed_snr_db: float = 24.0
    noisy_ends_prob: float = 0.75
    max_noisy_end_frames: int = 80
    max_noise_exponent: float = 2.0
    max_babblers: int = 6
    hum_prob: float = 0.1
    min_hum_snr_db: float = 0.0
    max_hum_snr_db: float = 40.0
    band_limit_prob: float = 0.3
    tilt_prob: float = 0.3
    max_tilt_db: float = 25.0
    equaliser_prob: float = 0.5
    equaliser_std_db: float = 3.0
    num_equaliser_knots: int = 8
    num_time_masks: int = 2
    max_time_mask_fraction: float = 0.12


class MelAugmenter:
    """Changes mel spectrograms as a recipe says.

    Args:
        feature_extractor: Defines the mel bands.
        recipe: Probabilities and strengths.
    """

    def __init__(self, feature_extractor: MfccLstmFeatureExtractor, recipe: MelAugmentationRecipe):
        self.recipe = recipe
        num_bins, nyquist = feature_extractor.num_mel_bins, feature_extractor.sampling_rate / 2
        edges = librosa.mel_frequencies(num_bins + 2, fmin=0.0, fmax=nyquist)
        self.centres_hz = edges[1:-1].astype(np.float32)
        widths = edges[2:] - edges[:-2]
        # The filters weigh by the inverse of their width: times it, bands sum up to a frame's power.
        self.shares = (widths / widths.sum()).astype(np.float32)
        num_samples = round(NOISE_SECONDS * feature_extractor.sampling_rate)
        noise = np.random.default_rng(0).normal(0.0, 0.1, num_samples).astype(np.float32)
        self.white_noise = to_power(feature_extractor.mel_spectrogram(torch.from_numpy(noise)).numpy())
        self.hums = [self._harmonics(mains_hz, feature_extractor) for mains_hz in (50.0, 60.0)]

    @staticmethod
    def _harmonics(mains_hz: float, feature_extractor: MfccLstmFeatureExtractor) -> np.ndarray:
        """Return the mel power of the first harmonics at equal amplitudes, after the extractor's filter.

        The shape is `(NUM_HUM_HARMONICS, num_mel_bins)`.
        """
        extractor = copy(feature_extractor)
        extractor.target_level_db = None  # so that harmonics keep their relative levels
        extractor.trim_top_db = None
        time_seconds = np.arange(extractor.sampling_rate) / extractor.sampling_rate
        spectra = []
        for harmonic in range(1, NUM_HUM_HARMONICS + 1):
            tone = np.sin(2 * np.pi * harmonic * mains_hz * time_seconds).astype(np.float32)
            spectra.append(to_power(extractor.mel_spectrogram(torch.from_numpy(tone)).numpy()).mean(axis=0))
        return np.stack(spectra)

    def __call__(
        self, mel_db: np.ndarray, others: Sequence[np.ndarray], rng: np.random.Generator
    ) -> np.ndarray:
        """Return a changed excerpt of a clip, with its speech at the level of the clip.

        Args:
            mel_db: The clip.
            others: Clips of other speakers, for babble.
            rng: Source of randomness.
        """
        recipe = self.recipe
        mel_db = self.crop(mel_db, rng)
        level_db = self.speech_level_db(mel_db)
        limit = recipe.max_vocal_tract_warp
        mel_db = self.warp_vocal_tract(mel_db, rng.uniform(1 - limit, 1 + limit))
        if rng.random() < recipe.noise_prob:
            snr_db = rng.uniform(recipe.min_snr_db, recipe.max_snr_db)
            before = after = 0
            if snr_db < recipe.untrimmed_snr_db and rng.random() < recipe.noisy_ends_prob:
                before, after = self.draw_ends(len(mel_db), rng)
            noise = self.draw_noise(before + len(mel_db) + after, others, rng)
            mel_db = self.add_noise(mel_db, noise, snr_db, before)
        if rng.random() < recipe.hum_prob:
            snr_db = rng.uniform(recipe.min_hum_snr_db, recipe.max_hum_snr_db)
            mel_db = self.add_noise(mel_db, self.draw_hum(len(mel_db), rng), snr_db)
        if rng.random() < recipe.tilt_prob:
            mel_db = self.equalise(mel_db, np.array([0.0, -rng.uniform(0.0, recipe.max_tilt_db)]))
        if rng.random() < recipe.band_limit_prob:
            mel_db = self.limit_band(mel_db, rng.uniform(50.0, 350.0), rng.uniform(3_000.0, 7_000.0))
        if rng.random() < recipe.equaliser_prob:
            gains_db = rng.normal(0.0, recipe.equaliser_std_db, recipe.num_equaliser_knots)
            mel_db = self.equalise(mel_db, gains_db)
        return mel_db + np.float32(level_db - self.speech_level_db(mel_db))

    def crop(self, mel_db: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return a random part of a clip."""
        length = max(1, round(len(mel_db) * rng.uniform(self.recipe.min_crop_fraction, 1.0)))
        length = min(length, self.recipe.max_crop_frames)
        start = rng.integers(0, len(mel_db) - length + 1)
        return mel_db[start : start + length]

    def speech_level_db(self, mel_db: np.ndarray) -> float:
        """Return the mean power of the speech, the frames within 20 dB of the loudest, in dB."""
        power = to_power(mel_db) @ self.shares
        return float(10.0 * np.log10(power[power >= power.max() * 10.0 ** (-LEVEL_TOP_DB / 10.0)].mean()))

    def warp_vocal_tract(self, mel_db: np.ndarray, factor: float) -> np.ndarray:
        """Move the formants by `factor`: each band takes the value at `f / factor`.

        This is vocal tract length perturbation (Jaitly and Hinton, 2013).
        """
        num_bins = len(self.centres_hz)
        source = np.interp(self.centres_hz / factor, self.centres_hz, np.arange(num_bins))
        lower = np.minimum(source.astype(int), num_bins - 2)
        weight = (source - lower).astype(np.float32)
        return (1 - weight) * mel_db[:, lower] + weight * mel_db[:, lower + 1]

    def draw_noise(
        self, num_frames: int, others: Sequence[np.ndarray], rng: np.random.Generator
    ) -> np.ndarray:
        """Draw white noise, coloured noise or babble of others, as power."""
        kind = rng.integers(3)
        if kind == 2 and others:
            babble = np.zeros((num_frames, len(self.centres_hz)), np.float32)
            for speaker in rng.choice(len(others), rng.integers(2, self.recipe.max_babblers + 1)):
                babble += self._excerpt(self._at_unit_power(to_power(others[speaker])), num_frames, rng)
            return babble
        exponent = 0.0 if kind == 0 else rng.uniform(0.0, self.recipe.max_noise_exponent)
        return self._excerpt(self.white_noise, num_frames, rng) * self.centres_hz ** -np.float32(exponent)

    def draw_hum(self, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Draw a hum whose higher harmonics tend to be softer, as power."""
        harmonics = self.hums[rng.integers(len(self.hums))]
        gains_db = rng.uniform(-30.0, 0.0, len(harmonics)) - 2.0 * np.arange(len(harmonics))
        spectrum = (10.0 ** (gains_db / 10.0)).astype(np.float32) @ harmonics
        return np.repeat(spectrum[None], num_frames, axis=0)

    @staticmethod
    def _excerpt(power: np.ndarray, num_frames: int, rng: np.random.Generator) -> np.ndarray:
        """Return frames from a random position, continued from the start after the end."""
        return power[(rng.integers(len(power)) + np.arange(num_frames)) % len(power)]

    def _at_unit_power(self, power: np.ndarray) -> np.ndarray:
        return power / (power @ self.shares).mean()

    def draw_ends(self, num_frames: int, rng: np.random.Generator) -> tuple[int, int]:
        """Draw the numbers of noisy frames before and after a clip of `num_frames`."""
        before, after = rng.integers(0, self.recipe.max_noisy_end_frames + 1, 2).tolist()
        room = max(0, self.recipe.max_frames - num_frames)
        if before + after > room:
            before = room * before // (before + after)
            after = room - before
        return before, after

    def add_noise(
        self, mel_db: np.ndarray, noise_power: np.ndarray, snr_db: float, before: int = 0
    ) -> np.ndarray:
        """Add noise at `snr_db` below the clip's mean power, beginning `before` frames ahead of the clip.

        The result is as long as the noise.
        """
        power = to_power(mel_db)
        gain = (power @ self.shares).mean() * np.float32(10.0 ** (-snr_db / 10.0))
        noisy = gain * self._at_unit_power(noise_power)
        noisy[before : before + len(power)] += power
        return to_decibels(noisy)

    def limit_band(self, mel_db: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
        """Attenuate frequencies outside `low_hz` to `high_hz` by 60 dB an octave, at most 60 dB."""
        octaves = np.log2(np.maximum(low_hz / self.centres_hz, self.centres_hz / high_hz))
        return mel_db - np.float32(BAND_SLOPE_DB) * np.clip(octaves, 0.0, 1.0).astype(np.float32)

    def equalise(self, mel_db: np.ndarray, gains_db: np.ndarray) -> np.ndarray:
        """Add a curve through `gains_db`, its knots evenly over the mel bands."""
        knots = np.linspace(0, len(self.centres_hz) - 1, len(gains_db))
        return mel_db + np.interp(np.arange(len(self.centres_hz)), knots, gains_db).astype(np.float32)

    def mask(self, features: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return normalised features with some stretches of frames set to their mean, which is 0."""
        features = features.copy()
        for _ in range(self.recipe.num_time_masks):
            width = int(len(features) * rng.uniform(0.0, self.recipe.max_time_mask_fraction))
            first = rng.integers(0, len(features) - width + 1)
            features[first : first + width] = 0.0
        return features


def to_power(mel_db: np.ndarray) -> np.ndarray:
    """Convert decibels to power."""
    return 10.0 ** (mel_db / np.float32(10.0))


def to_decibels(power: np.ndarray) -> np.ndarray:
    """Convert power to decibels, at least -100."""
    return np.float32(10.0) * np.log10(np.maximum(power, np.float32(POWER_FLOOR)))
