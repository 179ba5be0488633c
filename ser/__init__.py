"""Speech emotion recognition with an MFCC-LSTM: load, run, train and publish it.

The names below are imported when they are first used, so that `import ser` stays quick and the ONNX file can
be used without torch. The first use of one of the model's classes registers all of them with the Auto classes
of transformers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ser.audio import AudioError, load_audio
    from ser.audio.recording_quality import SilenceError
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
    "SilenceError",
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
    "SilenceError": "audio.recording_quality",
    "WhisperLstmConfig": "configuration_whisper_lstm",
    "WhisperLstmFeatureExtractor": "feature_extraction_whisper_lstm",
    "WhisperLstmForAudioClassification": "modeling_whisper_lstm",
    "load_audio": "audio",
    "load_ravdess": "corpora",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"ser.{_HOMES[name]}"), name)
    if name.startswith(("MfccLstm", "WhisperLstm")):
        from ser.recognizer.registration import register_auto_classes

        register_auto_classes()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
