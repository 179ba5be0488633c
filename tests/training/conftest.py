"""A tiny encoder and clips of noise, for what trains on them; other tests define clips of their own."""

from pathlib import Path

import pytest
from datasets import Dataset
from tiny_encoder import noise_of_two_corpora, save_tiny_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return noise_of_two_corpora(tmp_path_factory.mktemp("clips"))
