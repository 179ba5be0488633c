"""A stereo call and its mix, put together from the example clips: who speaks when is known."""

from pathlib import Path

import numpy as np
import pytest
from random_checkpoint import save_random_checkpoint

from ser.audio import load_audio
from ser.recognizer import EmotionRecognizer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RATE = 16_000


@pytest.fixture(scope="session")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> EmotionRecognizer:
    return EmotionRecognizer.from_pretrained(save_random_checkpoint(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="session")
def call() -> tuple[np.ndarray, list[tuple[int, float, float]]]:
    """A call of two channels, and of each clip in it the channel, start and end in seconds."""
    clips = [load_audio(path, RATE) for path in sorted(EXAMPLES.glob("*.flac"))]
    length = sum(map(len, clips)) + RATE
    samples = np.random.default_rng(0).normal(0, 1e-4, (length, 2)).astype(np.float32)
    turns, start = [], RATE // 2
    for number, clip in enumerate(clips):
        samples[start : start + len(clip), number % 2] += clip
        samples[start : start + len(clip), 1 - number % 2] += 0.05 * clip  # cross-talk
        turns.append((number % 2 + 1, start / RATE, (start + len(clip)) / RATE))
        start += len(clip)
    return samples, turns
