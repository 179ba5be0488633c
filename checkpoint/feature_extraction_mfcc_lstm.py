"""From waveforms to normalised mel-frequency cepstral coefficients (MFCC), in torch and in batches."""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import torch
from transformers import BatchFeature, SequenceFeatureExtractor
from transformers.audio_utils import mel_filter_bank

FLOAT32: dict[str, Any] = {"dtype": torch.float32, "device": "cpu"}  # whatever the caller's defaults are
POWER_FLOOR = 1e-10  # a mel band's power never counts as less: -100 dB, the floor of librosa.power_to_db
BLOCK_SECONDS = 0.025  # silence and level are judged on blocks this long
TRIM_MARGIN_BLOCKS = 2  # kept on either side of the speech: soft onsets and endings are part of it
NUM_CHUNK_FRAMES = 512  # transformed at a time: five seconds' spectra stay in the processor's caches
LEVEL_TOP_DB = 20.0  # a clip's level is that of its blocks within this range of the loudest: of its speech
HALF_AMPLITUDE = 0.755  # cut-off in Hz times window in s where subtracting two averages halves the amplitude


@lru_cache(maxsize=8)
def dct_matrix(num_coefficients: int, num_mel_bins: int) -> torch.Tensor:
    """Orthonormal DCT-II as a matrix of shape `(num_mel_bins, num_coefficients)`.

    `D[m, k] = s_k * cos(pi * k * (2m + 1) / (2M))` with `s_0 = sqrt(1 / M)` and `s_k = sqrt(2 / M)`: the
    transform of Davis and Mermelstein (1980) in the scaling of `scipy.fft.dct(type=2, norm="ortho")`.
    """
    mel_bin = torch.arange(num_mel_bins, dtype=torch.float64, device="cpu")[:, None]
    coefficient = torch.arange(num_coefficients, dtype=torch.float64, device="cpu")[None, :]
    matrix = torch.cos(math.pi / (2 * num_mel_bins) * coefficient * (2 * mel_bin + 1))
    matrix *= math.sqrt(2.0 / num_mel_bins)
    matrix[:, 0] /= math.sqrt(2.0)
    return matrix.float()


@lru_cache(maxsize=8)
def mel_blocks(
    n_fft: int, num_mel_bins: int, sampling_rate: int
) -> tuple[tuple[slice, slice, torch.Tensor], ...]:
    """Return the mel filter bank in three blocks; it is zero elsewhere, which saves two thirds of the work.

    Returns:
        Of low, middle and high frequencies: the columns of a spectrum whose real and imaginary parts
        alternate, the mel bands that they reach, and the weights between the two, each row twice, so that the
        product with the squares of such a spectrum is the power in the bands.
    """
    num_bins = n_fft // 2 + 1
    mel_filters = torch.from_numpy(
        mel_filter_bank(
            num_frequency_bins=num_bins,
            num_mel_filters=num_mel_bins,
            min_frequency=0.0,
            max_frequency=sampling_rate / 2,
            sampling_rate=sampling_rate,
            norm="slaney",
            mel_scale="slaney",
        )
    ).float()  # (num_bins, num_mel_bins)
    blocks = []
    for first, stop in pairwise((0, num_bins // 5, num_bins // 2, num_bins)):
        reached = torch.nonzero(mel_filters[first:stop].any(dim=0)).flatten().tolist()
        if reached:
            bands = slice(reached[0], reached[-1] + 1)
            weights = mel_filters[first:stop, bands].repeat_interleave(2, dim=0)
            blocks.append((slice(2 * first, 2 * stop), bands, weights))
    return tuple(blocks)


@lru_cache(maxsize=8)
def hann_window(win_length: int, n_fft: int) -> torch.Tensor:
    """Return a Hann window with zeros on both sides, shape `(n_fft,)`."""
    left = (n_fft - win_length) // 2
    window = torch.hann_window(win_length, **FLOAT32)
    return torch.nn.functional.pad(window, (left, n_fft - win_length - left))


class MfccLstmFeatureExtractor(SequenceFeatureExtractor):
    """Turns speech into `input_features` of 40 MFCC a frame, trimmed, level-adjusted, normalised and padded.

    In order: a constant offset and low frequencies are removed (`high_pass_hz`), the clip is brought to one
    level (`target_level_db`), leading and trailing silence is cut off (`trim_top_db`), MFCC are computed as
    `librosa.feature.mfcc` does (Hann window, centred frames, power mel spectrogram on Slaney's scale,
    decibels, orthonormal DCT-II), and each coefficient is normalised with the mean and standard deviation of
    the training actors, which are part of `preprocessor_config.json`.

    Args:
        feature_size: MFCC coefficients a frame.
        sampling_rate: Rate of the waveforms, in Hz.
        padding_value: What padded frames hold; 0 is the mean of a normalised coefficient.
        num_mel_bins: Mel bands under the cepstrum.
        n_fft: Points of the Fourier transform.
        win_length: Samples a window; 400 is 25 ms at 16 kHz.
        hop_length: Samples between the starts of two frames; 160 is 10 ms at 16 kHz.
        high_pass_hz: Frequency whose amplitude a high-pass filter halves; mains hum, wind and handling noise
            lie below. `None` removes the mean of the clip alone.
        trim_top_db: Blocks of 25 ms at either end of a clip are cut off while their power is more than this
            many dB below the loudest block's. `None` keeps the clip whole.
        target_level_db: Root mean square level, in dB relative to full scale, that a clip's speech (its
            blocks of 25 ms within 20 dB of the loudest) is brought to, so that the distance to the microphone
            does not matter. `None` keeps the recorded level.
        dynamic_range_db: No mel band of a frame counts as more than this many dB below the clip's loudest. 80
            is what `librosa.feature.mfcc` does; less hides a recording's noise floor between the words.
        band_range_db: No mel band of a frame counts as more than this many dB below that band's loudest frame
            either. Unlike `dynamic_range_db` this floor moves with the recording channel: attenuating a band
            shifts all of its frames alike. `None` sets no such floor.
        do_normalize: Whether to subtract `mean` and divide by `std`.
        mean: Mean of each coefficient over the frames of the training clips; zeros if not given.
        std: Standard deviation of each coefficient likewise; ones if not given.
    """

    model_input_names: ClassVar[list[str]] = ["input_features", "attention_mask"]

    def __init__(
        self,
        feature_size: int = 40,
        sampling_rate: int = 16_000,
        padding_value: float = 0.0,
        num_mel_bins: int = 64,
        n_fft: int = 512,
        win_length: int = 400,
        hop_length: int = 160,
        high_pass_hz: float | None = None,
        trim_top_db: float | None = 30.0,
        target_level_db: float | None = None,
        dynamic_range_db: float = 80.0,
        band_range_db: float | None = None,
        do_normalize: bool = True,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            feature_size=feature_size, sampling_rate=sampling_rate, padding_value=padding_value, **kwargs
        )
        if feature_size > num_mel_bins:
            raise ValueError(f"feature_size ({feature_size}) cannot exceed num_mel_bins ({num_mel_bins}).")
        self.num_mel_bins = num_mel_bins
        self.n_fft = n_fft
        self.win_length = win_length
        self.hop_length = hop_length
        self.high_pass_hz = high_pass_hz
        self.trim_top_db = trim_top_db
        self.target_level_db = target_level_db
        self.dynamic_range_db = dynamic_range_db
        self.band_range_db = band_range_db
        self.do_normalize = do_normalize
        self.mean = [0.0] * feature_size if mean is None else list(mean)
        self.std = [1.0] * feature_size if std is None else list(std)
        if not len(self.mean) == len(self.std) == feature_size:
            raise ValueError(
                f"mean and std need {feature_size} values each, got {len(self.mean)} and {len(self.std)}."
            )

    def __call__(
        self,
        raw_speech: np.ndarray | torch.Tensor | Sequence,
        padding: bool | str = True,
        max_length: int | None = None,
        truncation: bool = False,
        pad_to_multiple_of: int | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        sampling_rate: int | None = None,
    ) -> BatchFeature:
        """Extract features from one clip or several.

        Args:
            raw_speech: A mono waveform of floats between -1 and 1, shape `(num_samples,)`, or a list of them.
                A single array of two dimensions is refused: it may be a batch, or one clip with its channels.
            padding: As in transformers: `True` or "longest", "max_length", or `False`.
            max_length: Frames to pad or truncate to, with `padding="max_length"` or `truncation=True`.
            truncation: Whether to cut clips longer than `max_length` frames.
            pad_to_multiple_of: Pad the number of frames to a multiple of this.
            return_attention_mask: Whether to return `attention_mask`; the extractor's default if `None`.
            return_tensors: "pt" or "np".
            sampling_rate: Rate of `raw_speech` in Hz. Required: a wrong rate gives wrong features silently.

        Returns:
            `input_features`, shape `(batch_size, num_frames, feature_size)`, and `attention_mask`, shape
            `(batch_size, num_frames)`, 1 on real frames and 0 on padding.

        Raises:
            ValueError: If the rate is missing or not the extractor's, or a clip is empty, not finite, not of
                floats or not one-dimensional.
        """
        if sampling_rate != self.sampling_rate:
            given = (
                "no sampling_rate was given" if sampling_rate is None else f"the clip has {sampling_rate} Hz"
            )
            raise ValueError(
                f"{type(self).__name__} needs {self.sampling_rate} Hz and {given}. "
                f"Resample, then pass sampling_rate={self.sampling_rate}."
            )
        cepstrum, offset = self.cepstrum()  # once for all clips
        features = [
            self._mfcc(self.mel_spectrogram(waveform), cepstrum, offset).numpy()
            for waveform in self._as_batch(raw_speech)
        ]
        return self.pad(
            BatchFeature({"input_features": features}),
            padding=padding,
            max_length=max_length,
            truncation=truncation,
            pad_to_multiple_of=pad_to_multiple_of,
            return_attention_mask=return_attention_mask,
            return_tensors=return_tensors,
        )

    @staticmethod
    def _as_batch(raw_speech: np.ndarray | torch.Tensor | Sequence) -> list:
        """Return a batch; a single clip becomes a batch of one."""
        is_clip = (
            isinstance(raw_speech, (np.ndarray, torch.Tensor))
            or len(raw_speech) == 0
            or np.ndim(raw_speech[0]) == 0
        )
        return [raw_speech] if is_clip else list(raw_speech)

    def _prepare(self, raw_speech: np.ndarray | torch.Tensor | Sequence[float]) -> torch.Tensor:
        """Check one clip, cut the silence off both ends and set its level."""
        if not isinstance(raw_speech, torch.Tensor):
            # torch cannot view arrays that are reversed or read-only: those are copied.
            raw_speech = torch.from_numpy(np.require(raw_speech, requirements=["C", "W"]))
        if raw_speech.ndim != 1 or len(raw_speech) == 0:
            raise ValueError(
                f"A clip must be a mono waveform of shape (num_samples,), got {tuple(raw_speech.shape)}. "
                "Mix channels to mono; pass several clips as a list."
            )
        if not raw_speech.is_floating_point():
            raise ValueError(
                f"A clip must hold floats between -1 and 1, got {raw_speech.dtype}. "
                "Divide 16-bit integers by 32768."
            )
        waveform = raw_speech.detach().to("cpu", torch.float32)
        # By the Cauchy-Schwarz inequality no bin of the spectrum has more energy than this.
        if not self.n_fft**2 * float(waveform.dot(waveform)) <= torch.finfo(torch.float32).max:
            raise ValueError(
                "The clip holds NaN, infinite or absurdly large samples, expected floats between -1 and 1."
            )
        waveform = self.without_low_frequencies(waveform)
        power = self._block_power(waveform)
        start, stop = self._trim_bounds(power, len(waveform))
        waveform = waveform[start:stop]
        if self.target_level_db is not None and power.max() > 0:
            level = power[self._is_loud(power, LEVEL_TOP_DB)].mean().sqrt()
            waveform = waveform * (10.0 ** (self.target_level_db / 20.0) / level)
        return waveform

    @property
    def high_pass_margin(self) -> int:
        """Samples to either side that the moving average of the high-pass covers."""
        if self.high_pass_hz is None:
            return 0
        return round(HALF_AMPLITUDE / self.high_pass_hz * self.sampling_rate) // 2

    def without_low_frequencies(self, waveform: torch.Tensor) -> torch.Tensor:
        """Remove the mean of a `(num_samples,)` waveform and what lies below `high_pass_hz`.

        The high-pass subtracts a moving average, twice: without delay or ringing, and at a cost that does not
        depend on its width.
        """
        waveform = waveform - waveform.mean()
        if margin := self.high_pass_margin:
            width = 2 * margin + 1
            for _ in range(2):
                # In double precision: a running sum over minutes must not lose the last sample's bits.
                total = torch.nn.functional.pad(waveform.double(), (margin + 1, margin)).cumsum(dim=0)
                waveform = waveform - ((total[width:] - total[:-width]) / width).float()
        return waveform

    def _block_power(self, waveform: torch.Tensor) -> torch.Tensor:
        """Return the mean square of each block of 25 ms, `(num_blocks,)`; of a shorter clip as a whole."""
        block = min(round(BLOCK_SECONDS * self.sampling_rate), len(waveform))
        num_blocks = len(waveform) // block
        return waveform[: num_blocks * block].view(num_blocks, block).square().mean(dim=1)

    @staticmethod
    def _is_loud(power: torch.Tensor, top_db: float) -> torch.Tensor:
        """Which blocks are at most `top_db` dB below the loudest one."""
        return power >= power.max() * 10.0 ** (-top_db / 10.0)

    def trim_bounds(self, waveform: torch.Tensor) -> tuple[int, int]:
        """First sample and end of what remains of a `(num_samples,)` waveform without silence at its ends.

        The rule: of blocks of 25 ms, keep those from the first to the last whose power is at most
        `trim_top_db` dB below the loudest block's, and two more on either side. A clip that is silent
        throughout, or shorter than a block, is kept whole.
        """
        power = self._block_power(self.without_low_frequencies(waveform))
        return self._trim_bounds(power, len(waveform))

    def _trim_bounds(self, power: torch.Tensor, num_samples: int) -> tuple[int, int]:
        """Return `trim_bounds` from the power of a clip's blocks; a gain changes nothing."""
        if self.trim_top_db is None:
            return 0, num_samples
        loud = torch.nonzero(self._is_loud(power, self.trim_top_db))
        first = max(0, int(loud[0]) - TRIM_MARGIN_BLOCKS)
        last = min(len(power) - 1, int(loud[-1]) + TRIM_MARGIN_BLOCKS)
        block = round(BLOCK_SECONDS * self.sampling_rate)
        # Samples after the last whole block belong to it.
        stop = num_samples if last == len(power) - 1 else (last + 1) * block
        return first * block, stop

    def mel_spectrogram(self, raw_speech: np.ndarray | torch.Tensor | Sequence[float]) -> torch.Tensor:
        """Mel spectrogram of one clip, trimmed and level-adjusted: the half of the way to `features_of`.

        Clips are transformed one by one: none is padded to another's length or changed by what it is batched
        with.

        Args:
            raw_speech: A mono waveform of floats, shape `(num_samples,)`, at the extractor's rate.

        Returns:
            Power in decibels, shape `(1 + num_samples // hop_length, num_mel_bins)` of what is left after
            trimming, at least -100 dB.

        Raises:
            ValueError: If the clip is empty, not finite, not of floats or not one-dimensional.
        """
        waveform = self._prepare(raw_speech)
        num_frames = 1 + len(waveform) // self.hop_length
        margin = self.n_fft // 2  # frames are centred; what lies beyond a clip is zero
        frames = torch.nn.functional.pad(waveform, (margin, margin)).as_strided(
            (num_frames, self.n_fft), (self.hop_length, 1)
        )
        window = hann_window(self.win_length, self.n_fft)
        blocks = mel_blocks(self.n_fft, self.num_mel_bins, self.sampling_rate)
        mel_power = torch.zeros(num_frames, self.num_mel_bins, **FLOAT32)
        for start in range(0, num_frames, NUM_CHUNK_FRAMES):
            spectrum = torch.fft.rfft(frames[start : start + NUM_CHUNK_FRAMES] * window)
            # Real and imaginary parts alternate, `(chunk, n_fft + 2)`; the product sums their squares.
            squares = torch.view_as_real(spectrum).flatten(1).square_()
            for bins, bands, weights in blocks:
                mel_power[start : start + NUM_CHUNK_FRAMES, bands].addmm_(squares[:, bins], weights)
        return mel_power.clamp_(min=POWER_FLOOR).log10_().mul_(10.0)

    def features_of(self, mel_db: torch.Tensor) -> torch.Tensor:
        """MFCC of one clip's mel spectrogram.

        Args:
            mel_db: As `mel_spectrogram` gives it, shape `(num_frames, num_mel_bins)`.

        Returns:
            Coefficients of shape `(num_frames, feature_size)`, normalised if `do_normalize`.
        """
        return self._mfcc(mel_db, *self.cepstrum())

    def _mfcc(self, mel_db: torch.Tensor, cepstrum: torch.Tensor, offset: torch.Tensor) -> torch.Tensor:
        """Compute `features_of` with the result of `cepstrum`."""
        mel_db = mel_db.clamp(min=mel_db.max().item() - self.dynamic_range_db)
        if self.band_range_db is not None:
            mel_db = torch.maximum(mel_db, mel_db.amax(dim=0) - self.band_range_db)
        return torch.addmm(offset, mel_db, cepstrum)

    def cepstrum(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Matrix `(num_mel_bins, feature_size)` and offset that make normalised MFCC of decibels."""
        matrix = dct_matrix(self.feature_size, self.num_mel_bins)
        if not self.do_normalize:
            return matrix, torch.zeros(self.feature_size, **FLOAT32)
        mean, std = (torch.tensor(values, **FLOAT32) for values in (self.mean, self.std))
        return matrix / std, -mean / std


MfccLstmFeatureExtractor.register_for_auto_class()
