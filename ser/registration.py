"""Makes transformers' Auto classes know ours, no sooner than somebody imports them.

Importing them just to register would make everyone wait for torch and transformers who imports `ser`.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType


def _register_config() -> None:
    from transformers import AutoConfig

    from ser.configuration_mfcc_lstm import MfccLstmConfig

    AutoConfig.register(MfccLstmConfig.model_type, MfccLstmConfig, exist_ok=True)


def _register_feature_extractor() -> None:
    from transformers import AutoFeatureExtractor

    from ser.configuration_mfcc_lstm import MfccLstmConfig
    from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor

    AutoFeatureExtractor.register(MfccLstmConfig, MfccLstmFeatureExtractor, exist_ok=True)


def _register_model() -> None:
    from transformers import AutoModelForAudioClassification

    from ser.configuration_mfcc_lstm import MfccLstmConfig
    from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification

    AutoModelForAudioClassification.register(MfccLstmConfig, MfccLstmForAudioClassification, exist_ok=True)


REGISTRATIONS = {
    "transformers.models.auto.configuration_auto": _register_config,
    "transformers.models.auto.feature_extraction_auto": _register_feature_extractor,
    "transformers.models.auto.modeling_auto": _register_model,
}
"""Module that holds an Auto class -> what registers ours with it."""


def register_when_imported() -> None:
    """Register with the Auto classes that are imported already, and with the others once they are."""
    waiting = {}
    for name, register in REGISTRATIONS.items():
        if name in sys.modules:
            register()
        else:
            waiting[name] = register
    sys.meta_path.insert(0, _AfterImport(waiting))


class _AfterImport(MetaPathFinder):
    """Finds nothing itself; has a function called once the module that somebody else finds is executed."""

    def __init__(self, waiting: dict[str, Callable[[], None]]):
        self.waiting = waiting

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 -- the interface's
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The specification that the other finders give, told to call back."""
        call = self.waiting.pop(fullname, None)
        spec = None if call is None else find_spec(fullname)
        if call is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_call(module: ModuleType) -> None:
            execute(module)
            call()

        spec.loader.exec_module = execute_and_call  # type: ignore[method-assign]
        return spec
