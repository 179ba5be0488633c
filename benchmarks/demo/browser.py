"""The demo, and a headless Chromium whose microphone plays a file: for pictures."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Browser, Playwright

from ser.demo.cli import load_recognizer
from ser.demo.examples import example_clips
from ser.demo.models import Models
from ser.demo.page import build_demo, launch_options

ROOT = Path(__file__).resolve().parents[2]

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


def serve_demo(*models: str) -> str:
    """Serve the demo from this process on the loopback address, as `app.py` does; returns its address."""
    _, url, _ = build_demo(Models(models, load_recognizer)).launch(
        server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options()
    )
    return url


def open_chromium(playwright: Playwright, microphone: Path) -> Browser:
    """Open a browser whose microphone plays a WAV file over and over."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("Chromium was not found on the PATH. Install it, e.g. apt-get install chromium.")
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    return playwright.chromium.launch(executable_path=chromium, args=flags)


def write_conversation(file: Path, parts: Sequence[str | float]) -> None:
    """Sound of examples, named by their emotions and equally loud, and pauses, given in seconds."""
    clips = {each.emotion: each.path for each in example_clips()}
    sampling_rate = 16_000
    sounds = []
    for part in parts:
        if isinstance(part, str):
            speech, sampling_rate = soundfile.read(clips[part], dtype="float32")
            loud = np.flatnonzero(np.abs(speech) > 0.02 * np.abs(speech).max())
            sounds.append(0.5 * speech[loud[0] : loud[-1]] / np.abs(speech).max())
        else:
            noise = np.random.default_rng(0).standard_normal(round(part * sampling_rate))
            sounds.append(1e-4 * noise)  # of a quiet room
    soundfile.write(file, np.concatenate(sounds), sampling_rate)
