"""Registration of the project's classes with the Auto classes of transformers."""

from functools import cache


@cache
def register_auto_classes() -> None:
    """Let transformers' Auto classes and pipelines load our models without `trust_remote_code`."""
    from transformers import AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification

    from ser.configuration_mfcc_lstm import MfccLstmConfig
    from ser.configuration_whisper_lstm import WhisperLstmConfig
    from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
    from ser.feature_extraction_whisper_lstm import WhisperLstmFeatureExtractor
    from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
    from ser.modeling_whisper_lstm import WhisperLstmForAudioClassification

    for config, feature_extractor, model in (
        (MfccLstmConfig, MfccLstmFeatureExtractor, MfccLstmForAudioClassification),
        (WhisperLstmConfig, WhisperLstmFeatureExtractor, WhisperLstmForAudioClassification),
    ):
        AutoConfig.register(config.model_type, config, exist_ok=True)
        AutoFeatureExtractor.register(config, feature_extractor, exist_ok=True)
        AutoModelForAudioClassification.register(config, model, exist_ok=True)
