"""`MfccLstmFeatureExtractor` under transformers' common tests of sequence feature extractors."""

import unittest

import numpy as np
from transformers_tests.test_sequence_feature_extraction_common import SequenceFeatureExtractionTestMixin

from ser import MfccLstmFeatureExtractor


class MfccLstmFeatureExtractionTester:
    """Makes what the common tests ask for: settings, and features of clips of several lengths."""

    def __init__(self):
        self.batch_size = 7
        self.min_seq_length = 400
        self.max_seq_length = 2000
        self.seq_length_diff = (self.max_seq_length - self.min_seq_length) // (self.batch_size - 1)
        self.feature_size = 13

    def prepare_feat_extract_dict(self) -> dict:
        return {
            "feature_size": self.feature_size,
            "sampling_rate": 8_000,
            "padding_value": 0.0,  # the padding tests sum over one length and expect the sum of another
            "num_mel_bins": 24,
            "n_fft": 256,
            "win_length": 200,
            "hop_length": 80,
            "trim_top_db": 40.0,
            "target_level_db": -20.0,
            "do_normalize": True,
            "mean": [0.5 * c for c in range(self.feature_size)],
            "std": [1.0 + c for c in range(self.feature_size)],
            "return_attention_mask": False,
        }

    def prepare_inputs_for_common(self, equal_length: bool = False, numpify: bool = False) -> list:
        rng = np.random.default_rng(0)
        lengths = [self.min_seq_length + self.seq_length_diff * clip for clip in range(self.batch_size)]
        if equal_length:
            lengths = [self.max_seq_length] * self.batch_size
        clips = [rng.standard_normal((length, self.feature_size)).astype(np.float32) for length in lengths]
        return clips if numpify else [clip.tolist() for clip in clips]


class MfccLstmFeatureExtractionTest(SequenceFeatureExtractionTestMixin, unittest.TestCase):
    feature_extraction_class = MfccLstmFeatureExtractor

    def setUp(self):
        self.feat_extract_tester = MfccLstmFeatureExtractionTester()
