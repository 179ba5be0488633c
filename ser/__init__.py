"""Speech emotion recognition with an MFCC-LSTM: load, run, train and publish it."""

from typing import TYPE_CHECKING, Any

from transformers import AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification

from .audio import AudioError, load_audio
from .configuration_mfcc_lstm import MfccLstmConfig
from .feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from .inference import EmotionRecognizer
from .modeling_mfcc_lstm import MfccLstmForAudioClassification

if TYPE_CHECKING:
    from .corpora import load_ravdess

# With the package imported, the Auto classes find ours without trust_remote_code.
AutoConfig.register(MfccLstmConfig.model_type, MfccLstmConfig, exist_ok=True)
AutoFeatureExtractor.register(MfccLstmConfig, MfccLstmFeatureExtractor, exist_ok=True)
AutoModelForAudioClassification.register(MfccLstmConfig, MfccLstmForAudioClassification, exist_ok=True)

__all__ = [
    "AudioError",
    "EmotionRecognizer",
    "MfccLstmConfig",
    "MfccLstmFeatureExtractor",
    "MfccLstmForAudioClassification",
    "load_audio",
    "load_ravdess",
]


def __getattr__(name: str) -> Any:
    """Import what reads corpora when it is first asked for: the demo does without `datasets`."""
    if name == "load_ravdess":
        from .corpora import load_ravdess

        return load_ravdess
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
