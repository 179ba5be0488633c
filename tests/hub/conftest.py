"""A Hub on this machine, and something to publish."""

from pathlib import Path

import datasets
import huggingface_hub
import numpy as np
import pytest
import transformers
from hub_stub import HubStub
from huggingface_hub import constants
from random_checkpoint import save_random_checkpoint


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub of this test's own, with a token that may write."""
    with HubStub() as hub:
        monkeypatch.setenv("HF_TOKEN", hub.token)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        for name, value in {
            "ENDPOINT": hub.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": template,
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_CACHE": str(tmp_path / "hub-cache"),
        }.items():
            monkeypatch.setattr(constants, name, value)
        # These took their address when they were imported or first used.
        monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", hub.url)
        monkeypatch.setattr(transformers.utils.hub, "_hf_api", None)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        yield hub
        huggingface_hub.close_session()


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    return save_random_checkpoint(tmp_path / "checkpoint")


@pytest.fixture(scope="module")
def clip() -> tuple[np.ndarray, int]:
    return np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 0.1, 16_000
