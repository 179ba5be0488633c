"""The configuration survives JSON, refuses what no network can be, and travels with its code."""

import json
from pathlib import Path

import pytest
from huggingface_hub.errors import StrictDataclassFieldValidationError

from ser.configuration_mfcc_lstm import MfccLstmConfig

OTHER = {
    "feature_size": 13,
    "conv_channels": [8, 16],
    "conv_strides": [3, 2],
    "conv_kernel_size": 7,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "attention_size": 9,
    "views": ["relative"],
    "conv_dropout": 0.23,
    "dropout": 0.37,
    "temperature": 1.7,
    "not_sure_below": 0.37,
    "id2label": {0: "calm", 1: "angry", 2: "sad"},
    "label2id": {"calm": 0, "angry": 1, "sad": 2},
}


def test_every_setting_survives_saving(tmp_path: Path):
    MfccLstmConfig(**OTHER).save_pretrained(tmp_path)
    loaded = MfccLstmConfig.from_pretrained(tmp_path)
    defaults = MfccLstmConfig()
    for name, value in OTHER.items():
        assert getattr(loaded, name) == value
        assert getattr(defaults, name) != value, "a default proves nothing"
    assert loaded.num_labels == 3


def test_label_shares_of_an_older_checkpoint_are_left_out():
    assert "label_shares" not in MfccLstmConfig.from_dict({"label_shares": [0.5, 0.5]}).to_dict()


def test_a_saved_configuration_names_its_code(tmp_path: Path):
    MfccLstmConfig().save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["model_type"] == "mfcc-lstm"
    assert written["auto_map"]["AutoConfig"] == "configuration_mfcc_lstm.MfccLstmConfig"
    assert (tmp_path / "configuration_mfcc_lstm.py").is_file()


def test_tuples_and_lists_are_the_same():
    tuples = MfccLstmConfig(conv_channels=(8, 16), conv_strides=(2, 1))
    assert tuples.to_dict() == MfccLstmConfig(conv_channels=[8, 16], conv_strides=[2, 1]).to_dict()


def test_lists_are_not_shared():
    channels = [8, 16]
    config = MfccLstmConfig(conv_channels=channels, conv_strides=[2, 1])
    channels.append(32)
    config.conv_strides.append(1)
    assert config.conv_channels == [8, 16]
    assert MfccLstmConfig().conv_strides == [2, 2, 1]


@pytest.mark.parametrize(("strides", "total"), [([], 1), ([1], 1), ([2, 2, 1], 4), ([3, 2], 6)])
def test_total_stride_is_the_product(strides: list[int], total: int):
    assert MfccLstmConfig(conv_channels=[8] * len(strides), conv_strides=strides).total_stride == total


def test_whole_numbers_are_taken_where_json_lost_the_point():
    config = MfccLstmConfig.from_dict({"temperature": 2, "dropout": 0, "conv_dropout": 0})
    assert (config.temperature, config.dropout, config.conv_dropout) == (2, 0, 0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"conv_channels": [8, 8]}, "conv_channels has 2 entries and conv_strides 3"),
        ({"conv_strides": []}, "conv_channels has 3 entries and conv_strides 0"),
        ({"conv_strides": [2, 0, 1]}, r"1 or more.*conv_strides \[2, 0, 1\]"),
        ({"conv_channels": [8, -1, 8]}, r"1 or more.*conv_channels \[8, -1, 8\]"),
        ({"hidden_size": 0}, "1 or more.*'hidden_size': 0"),
        ({"num_hidden_layers": 0}, "1 or more.*'num_hidden_layers': 0"),
        ({"conv_kernel_size": -1}, "1 or more.*'conv_kernel_size': -1"),
        ({"conv_kernel_size": 4}, "odd, got 4"),
        ({"temperature": 0.0}, r"above 0 and finite, got 0\.0"),
        ({"temperature": -1.0}, r"got -1\.0"),
        ({"temperature": float("inf")}, "got inf"),
        ({"temperature": float("nan")}, "got nan"),
        ({"views": []}, r"one or more of absolute, relative, delta, got \[\]"),
        ({"views": ["absolute", "sideways"]}, r"got \['absolute', 'sideways'\]"),
        ({"not_sure_below": 50}, "from 0 to 1, got 50"),
        ({"not_sure_below": -0.1}, r"from 0 to 1, got -0\.1"),
        ({"model_type": "wav2vec2"}, "'wav2vec2', expected 'mfcc-lstm'"),
    ],
)
def test_what_no_network_can_be_is_refused(settings: dict, said: str):
    with pytest.raises(ValueError, match=said):
        MfccLstmConfig.from_dict(settings)


@pytest.mark.parametrize("settings", [{"hidden_size": "128"}, {"temperature": None}, {"conv_channels": 8}])
def test_settings_of_another_type_are_refused(settings: dict):
    with pytest.raises((StrictDataclassFieldValidationError, TypeError)):
        MfccLstmConfig(**settings)
