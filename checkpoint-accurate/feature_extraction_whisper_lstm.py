"""From waveforms to the log-mel spectrograms that Whisper was trained on, without its padding to 30 s."""

from typing import Any

import torch

from .feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor

WHISPER_SCALE_DB = 40.0  # Whisper's input is (log10(power) + 4) / 4, which is decibels / 40 + 1


class WhisperLstmFeatureExtractor(MfccLstmFeatureExtractor):
    """Turns speech into Whisper's log-mel frames, trimmed and levelled as for the MFCC-LSTM.

    Everything is inherited but the last step: the mel bands stay as they are, on Whisper's scale (Radford et
    al., 2022), where the MFCC-LSTM takes their cepstrum. Clips are padded to the longest of their
    batch, and not to 30 s.

    Args:
        feature_size: Mel bands.
        n_fft: Points of the Fourier transform.
        target_level_db: Level that speech is brought to, in dB relative to full scale.
        kwargs: As for `MfccLstmFeatureExtractor`.
    """

    def __init__(
        self, feature_size: int = 80, n_fft: int = 400, target_level_db: float | None = -26.0, **kwargs: Any
    ) -> None:
        super().__init__(
            feature_size=feature_size,
            n_fft=n_fft,
            target_level_db=target_level_db,
            **(kwargs | {"num_mel_bins": feature_size}),
        )

    def cepstrum(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Matrix `(num_mel_bins, feature_size)` and offset that bring decibels to Whisper's scale."""
        return torch.eye(self.feature_size) / WHISPER_SCALE_DB, torch.ones(self.feature_size)


WhisperLstmFeatureExtractor.register_for_auto_class()
