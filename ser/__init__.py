"""Speech emotion recognition with an MFCC-LSTM: load, run, train and publish it.

The names below are imported when they are first used: who scores with the ONNX file never waits for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ser.registration import register_when_imported

if TYPE_CHECKING:
    from ser.audio import AudioError, load_audio
    from ser.configuration_mfcc_lstm import MfccLstmConfig
    from ser.configuration_whisper_lstm import WhisperLstmConfig
    from ser.corpora import load_ravdess
    from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
    from ser.feature_extraction_whisper_lstm import WhisperLstmFeatureExtractor
    from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
    from ser.modeling_whisper_lstm import WhisperLstmForAudioClassification
    from ser.recognizer import EmotionRecognizer

__version__ = "0.1.0"

__all__ = [
    "AudioError",
    "EmotionRecognizer",
    "MfccLstmConfig",
    "MfccLstmFeatureExtractor",
    "MfccLstmForAudioClassification",
    "WhisperLstmConfig",
    "WhisperLstmFeatureExtractor",
    "WhisperLstmForAudioClassification",
    "load_audio",
    "load_ravdess",
]

_HOMES = {
    "AudioError": "audio",
    "EmotionRecognizer": "recognizer",
    "MfccLstmConfig": "configuration_mfcc_lstm",
    "MfccLstmFeatureExtractor": "feature_extraction_mfcc_lstm",
    "MfccLstmForAudioClassification": "modeling_mfcc_lstm",
    "WhisperLstmConfig": "configuration_whisper_lstm",
    "WhisperLstmFeatureExtractor": "feature_extraction_whisper_lstm",
    "WhisperLstmForAudioClassification": "modeling_whisper_lstm",
    "load_audio": "audio",
    "load_ravdess": "corpora",
}

# With the package imported, the Auto classes find ours without trust_remote_code.
register_when_imported()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
