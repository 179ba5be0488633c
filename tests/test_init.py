"""What `import ser` promises."""

from pathlib import Path

from transformers import AutoConfig, AutoFeatureExtractor, AutoModelForAudioClassification

import ser

PUBLIC = [
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


def test_public_names_are_these():
    assert ser.__all__ == PUBLIC


def test_every_public_name_is_there_and_documented():
    for name in ser.__all__:
        assert (getattr(ser, name).__doc__ or "").strip(), name


def test_auto_classes_find_ours_once_one_is_used(tmp_path: Path):
    assert ser.MfccLstmConfig.model_type == "mfcc-lstm"
    config = AutoConfig.for_model("mfcc-lstm", conv_channels=[], conv_strides=[], hidden_size=4)
    assert type(config) is ser.MfccLstmConfig
    model = AutoModelForAudioClassification.from_config(config)
    assert type(model) is ser.MfccLstmForAudioClassification
    model.save_pretrained(tmp_path)
    ser.MfccLstmFeatureExtractor().save_pretrained(tmp_path)
    assert type(AutoFeatureExtractor.from_pretrained(tmp_path)) is ser.MfccLstmFeatureExtractor
    assert type(AutoModelForAudioClassification.from_pretrained(tmp_path)) is type(model)
