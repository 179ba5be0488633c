"""`MfccLstmForAudioClassification` under transformers' common tests of models."""

import math
import unittest

import pytest
import torch
from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES
from transformers_tests.test_modeling_common import ModelTesterMixin

from ser import MfccLstmConfig, MfccLstmForAudioClassification

# Whether a model takes labels, and can be given another head, the common tests look up in this table of
# built-in models. With our name in it they test that too.
MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES[MfccLstmConfig.model_type] = (
    MfccLstmForAudioClassification.__name__
)


class MfccLstmModelTester:
    """Makes what the common tests ask for: a tiny configuration and inputs for it."""

    def __init__(self, conv_channels: list[int], conv_strides: list[int]):
        self.conv_channels = conv_channels
        self.conv_strides = conv_strides
        self.is_training = True
        self.batch_size = 13
        self.num_frames = 23
        self.hidden_size = 6  # of features, convolutions and LSTM alike: the tests know one width
        self.num_hidden_layers = 2
        self.encoder_seq_length = math.ceil(self.num_frames / math.prod(conv_strides))

    def get_config(self) -> MfccLstmConfig:
        return MfccLstmConfig(
            feature_size=self.hidden_size,
            conv_channels=self.conv_channels,
            conv_strides=self.conv_strides,
            conv_kernel_size=3,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.num_hidden_layers,
            attention_size=4,
            ensemble_size=1,  # the tests count the hidden states of one network
            num_labels=3,
        )

    def prepare_config_and_inputs_for_common(self) -> tuple[MfccLstmConfig, dict]:
        generator = torch.Generator().manual_seed(0)
        shape = (self.batch_size, self.num_frames, self.hidden_size)
        num_frames = torch.randint(7, self.num_frames + 1, (self.batch_size, 1), generator=generator)
        return self.get_config(), {
            "input_features": torch.randn(shape, generator=generator),
            "attention_mask": (torch.arange(self.num_frames) < num_frames).int(),
        }


class HybridModelTest(ModelTesterMixin, unittest.TestCase):
    all_model_classes = (MfccLstmForAudioClassification,)
    has_attentions = False  # its attention pools a clip; there is none from frame to frame
    test_resize_embeddings = False  # it has no vocabulary
    test_can_init_all_missing_weights_before_2023 = True  # skipped unless asked for; nothing here is that old

    def setUp(self):
        self.model_tester = MfccLstmModelTester(conv_channels=[7, 6], conv_strides=[2, 1])

    @unittest.skip("It takes MFCC, not tokens: it has no embeddings to get or set.")
    def test_model_get_set_embeddings(self):
        pass

    def test_model_weights_reload_no_missing_tied_weights(self):
        """Loads a file without weights and looks whether tied ones are missed. Ours refuses such a file."""
        with pytest.raises(RuntimeError, match=r"missing are .*classifier.weight"):
            super().test_model_weights_reload_no_missing_tied_weights()


class PlainModelTest(HybridModelTest):
    def setUp(self):
        self.model_tester = MfccLstmModelTester(conv_channels=[], conv_strides=[])

    def test_retain_grad_hidden_states_attentions(self):
        """Wants a gradient at the first hidden state, which without convolutions is the input itself."""
        config, inputs = self.model_tester.prepare_config_and_inputs_for_common()
        inputs["input_features"].requires_grad_()
        self.model_tester.prepare_config_and_inputs_for_common = lambda: (config, inputs)
        super().test_retain_grad_hidden_states_attentions()
