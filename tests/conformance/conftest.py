"""transformers' own common tests on our classes: `make conformance`.

`SER_CONFORMANCE` names the folder that `fetch.py` filled. Without it nothing here is collected, since
fetching needs a network and `make test` does not.
"""

import os
import sys
from importlib.metadata import version
from pathlib import Path

FOLDER = os.environ.get("SER_CONFORMANCE")
collect_ignore_glob = [] if FOLDER else ["test_common_*.py"]
MARKERS = (
    "accelerate_tests",
    "flash_attn_test",
    "flash_attn_3_test",
    "flash_attn_4_test",
    "slow",
    "torch_compile_test",
)

if FOLDER:
    sys.path.insert(0, str(Path(FOLDER).resolve() / f"transformers-{version('transformers')}"))
    from conformance.fetch import PACKAGE
    from conformance.stand_ins import check_common_settings, install

    check_common_settings()
    install(PACKAGE)


def pytest_configure(config):
    """Make known the markers that the common tests carry."""
    for marker in MARKERS:
        config.addinivalue_line("markers", f"{marker}: transformers' own")
