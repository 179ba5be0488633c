"""What transformers' common tests import and its source distribution leaves out.

The distribution holds `tests/*.py` and none of the folders beside them. Of what is left out, the two mixins
test export and text generation, and the dictionary is data of the configuration tests.
"""

import dataclasses
import sys
from types import ModuleType

from transformers import PreTrainedConfig

COMMON_SETTINGS = {
    "architectures": ["SomeModel"],
    "output_hidden_states": True,
    "return_dict": False,
    "dtype": "float16",
    "chunk_size_feed_forward": 5,
    "is_encoder_decoder": True,
    "id2label": {0: "one", 1: "two", 2: "three"},
    "label2id": {"one": 0, "two": 1, "three": 2},
    "problem_type": "regression",
}
"""Every setting that all configurations share, none at its default."""


def check_common_settings() -> None:
    """Fail when transformers has a common setting that is not here, or the other way round."""
    fields = {field.name: field.default for field in dataclasses.fields(PreTrainedConfig)}
    del fields["transformers_version"]  # written when saving
    assert fields.keys() == COMMON_SETTINGS.keys()
    assert not [name for name, default in fields.items() if COMMON_SETTINGS[name] == default]


def install(package: str) -> None:
    """Make the stand-ins importable as modules of `package`."""
    contents = {
        "exporters.test_export": {"ExportTesterMixin": type("ExportTesterMixin", (), {})},
        "generation.test_utils": {"GenerationTesterMixin": type("GenerationTesterMixin", (), {})},
        "utils.test_configuration_utils": {"config_common_kwargs": COMMON_SETTINGS},
    }
    for name, names in contents.items():
        folder = name.partition(".")[0]
        sys.modules[f"{package}.{folder}"] = ModuleType(f"{package}.{folder}")
        module = ModuleType(f"{package}.{name}")
        module.__dict__.update(names)
        sys.modules[module.__name__] = module
