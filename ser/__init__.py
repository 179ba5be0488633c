"""Speech emotion recognition with an MFCC-LSTM: load, run, train and publish it."""

from transformers import AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification

from .audio import AudioError, load_audio
from .configuration_mfcc_lstm import MfccLstmConfig
from .corpora import load_ravdess
from .feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from .inference import EmotionRecognizer
from .modeling_mfcc_lstm import MfccLstmForAudioClassification

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
