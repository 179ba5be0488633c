"""The demo, served in this process around a small untrained model, and a browser to look at it with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from free_port import find_free_port
from playwright.sync_api import Browser, Page, expect

from ser import EmotionRecognizer, MfccLstmConfig, MfccLstmFeatureExtractor, MfccLstmForAudioClassification
from ser.audio import load_audio
from ser.demo.examples import example_clips
from ser.demo.models import Models
from ser.demo.page import build_demo, launch_options
from ser.labels import EMOTIONS

REPO = Path(__file__).resolve().parents[2]
PATIENCE_MS = 40_000  # for one thing to appear in the page of a busy machine


@pytest.fixture(scope="session")
def untrained_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model of the eight emotions whose weights are random."""
    folder = tmp_path_factory.mktemp("untrained-checkpoint")
    torch.manual_seed(1)
    config = MfccLstmConfig(
        conv_channels=(8,),
        conv_strides=(4,),
        hidden_size=8,
        attention_size=8,
        id2label=dict(enumerate(EMOTIONS)),
        label2id={emotion: label for label, emotion in enumerate(EMOTIONS)},
    )
    MfccLstmForAudioClassification(config).save_pretrained(folder)
    MfccLstmFeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def recognizer(untrained_checkpoint: Path) -> EmotionRecognizer:
    return EmotionRecognizer.from_pretrained(untrained_checkpoint)


@pytest.fixture(scope="session")
def stereo_call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call made of three example clips, the second of them on the second channel."""
    clips = [load_audio(each.path, 16_000) for each in example_clips()[:3]]
    silence = np.zeros(sum(map(len, clips)), dtype=np.float32)
    channels = np.stack([np.concatenate(clips), silence], axis=1)
    second = slice(len(clips[0]), len(clips[0]) + len(clips[1]))
    channels[second] = channels[second, ::-1]
    file = tmp_path_factory.mktemp("call") / "call.wav"
    soundfile.write(file, channels, 16_000)
    return file


@pytest.fixture(scope="session")
def free_port() -> int:
    return find_free_port()


@pytest.fixture(scope="session")
def demo_url(untrained_checkpoint: Path, recognizer: EmotionRecognizer, free_port: int) -> Iterator[str]:
    """Address of the demo."""
    demo = build_demo(Models([str(untrained_checkpoint)], lambda _: recognizer))
    _, url, _ = demo.launch(
        server_name="127.0.0.1",
        server_port=free_port,
        prevent_thread_lock=True,
        quiet=True,
        **launch_options(),
    )
    yield url
    demo.close(verbose=False)


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """Wait for a busy machine."""
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser(launch_chromium: Callable[..., Browser]) -> Browser:
    """A browser without a microphone."""
    return launch_chromium()


@pytest.fixture
def open_demo(browser: Browser, demo_url: str) -> Iterator[Callable[..., Page]]:
    """`open_demo(in_browser, **context_options)`: the demo in a window of its own, as visitors have it."""
    contexts = []

    def open_demo(in_browser: Browser = browser, **context_options: Any) -> Page:
        options = {"viewport": {"width": 1280, "height": 900}, **context_options}
        contexts.append(in_browser.new_context(**options))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        page = contexts[-1].new_page()
        page.goto(demo_url)
        return page

    yield open_demo
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_demo: Callable[..., Page]) -> Page:
    """The demo, just opened on a desktop."""
    return open_demo()
