"""Audio classifiers of transformers answer through the same interface as the MFCC-LSTM."""

import copy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2Model,
    WhisperFeatureExtractor,
)

from ser import EmotionRecognizer
from ser.labels import EMOTIONS
from ser.recognizer.encoder import EncoderRecognizer
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
from ser.recognizer.torch_kind import extract_batch

RATE = 16_000
SIZES = {
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "conv_dim": (8,),
    "conv_kernel": (400,),
    "conv_stride": (320,),
    "num_conv_pos_embeddings": 2,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
    "feat_extract_norm": "layer",  # the other norm sees padding
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    config = Wav2Vec2Config(**SIZES, id2label=dict(enumerate(EMOTIONS)))
    Wav2Vec2ForSequenceClassification(config).half().save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def recognizer(folder) -> EmotionRecognizer:
    return EmotionRecognizer.from_pretrained(folder)


def noise(seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))).astype(np.float32)


def test_an_encoder_answers_like_any_other_also_when_saved_in_half_precision(recognizer, tmp_path):
    assert isinstance(recognizer, EncoderRecognizer)
    assert recognizer.emotions == EMOTIONS
    for seconds in (2.0, 12.0):
        clip = (noise(seconds), RATE)
        probabilities = recognizer.predict(clip)
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        analysis = recognizer.analyse(clip)
        assert analysis.probabilities == pytest.approx(probabilities, abs=1e-5)
        assert analysis.attention is None
        assert analysis.is_out_of_distribution is None
    recognizer.save_pretrained(tmp_path)
    again = EmotionRecognizer.from_pretrained(tmp_path)
    assert again.predict(clip) == pytest.approx(probabilities, abs=1e-6)


def test_it_has_only_what_it_can_do(recognizer):
    assert not hasattr(recognizer, "attend")
    assert not hasattr(recognizer, "is_out_of_distribution")
    assert recognizer.not_sure_below == 0  # nobody measured it


def test_padding_does_not_change_probabilities(recognizer):
    waveforms = [noise(seconds) for seconds in (1.0, 2.5, 0.4)]
    together = recognizer.predict_probabilities(waveforms)
    alone = np.concatenate([recognizer.predict_probabilities([waveform]) for waveform in waveforms])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_inputs_go_where_the_model_is(recognizer):
    class Elsewhere:
        device = torch.device("meta")

        def __call__(self, input_values, attention_mask):
            assert input_values.device == attention_mask.device == self.device
            return SimpleNamespace(logits=torch.zeros(1, 8))

    moved = copy.copy(recognizer)
    moved.model = Elsewhere()
    np.testing.assert_allclose(moved.predict_probabilities([noise(0.5)]), 1 / 8)


def test_an_encoder_without_a_classifier_is_refused_and_each_kind_loads_its_own(folder, tmp_path):
    Wav2Vec2Model(Wav2Vec2Config(**SIZES)).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"lacks 4 of its model's weights, among them classifier\."):
        EmotionRecognizer.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="loaded by EncoderRecognizer, not by MfccLstmRecognizer"):
        MfccLstmRecognizer.from_pretrained(folder)


def test_extractors_pad_to_what_their_models_need():
    waveforms = [np.ones(length, dtype=np.float32) for length in (3_000, 5_000)]
    assert extract_batch(Wav2Vec2FeatureExtractor(), waveforms)["input_values"].shape == (2, 5_000)
    assert extract_batch(WhisperFeatureExtractor(), waveforms)["input_features"].shape == (2, 80, 3_000)
    config = ASTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=2
    )
    spectrogram = extract_batch(ASTFeatureExtractor(max_length=config.max_length), waveforms)
    assert ASTForAudioClassification(config)(**spectrogram).logits.shape == (2, 2)
