"""`MfccLstmConfig` under transformers' common tests of configurations."""

import unittest

from transformers_tests.test_configuration_common import ConfigTester

from ser import MfccLstmConfig


class MfccLstmConfigTest(unittest.TestCase):
    def test_common(self):
        """The assertions are the tester's: it fails where a setting does not come back from a saved file."""
        ConfigTester(
            self,
            config_class=MfccLstmConfig,
            has_text_modality=False,
            # The attention of the pooling has one head, which is therefore no setting.
            common_properties=["hidden_size", "num_hidden_layers", "feature_size"],
            hidden_size=37,
            conv_channels=[6, 5],
            conv_strides=[2, 1],
            temperature=1.5,
        ).run_common_tests()
