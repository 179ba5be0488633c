"""The page that recognises in the browser, in a headless Chromium."""

import functools
import http.server
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import sync_playwright

from benchmarks.demo.browser import open_chromium
from benchmarks.speed.rows import Row
from ser.audio import load_audio
from ser.hub.static_page import build_page

RATE, CLIP_SECONDS, NUM_REPEATS = 16_000, 4, 20


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Files without a log of requests."""

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


def measure_browser(model: Path, clip: Path) -> list[Row]:
    """Open the page from a local server, and analyse four seconds of speech again and again."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        site, recording = Path(folder) / "site", Path(folder) / "clip.wav"
        build_page(model, site)
        waveform = np.resize(load_audio(clip, RATE), CLIP_SECONDS * RATE)
        soundfile.write(recording, waveform, RATE, subtype="FLOAT")
        handler = functools.partial(QuietHandler, directory=str(site))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            page = open_chromium(playwright, recording).new_page()
            start = time.monotonic()
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            page.wait_for_selector("body[data-ready]", state="attached")
            ready_seconds = time.monotonic() - start
            for _ in range(NUM_REPEATS):
                page.set_input_files("#file", recording)
                page.wait_for_selector("body[data-answer]", state="attached")
            spent = page.evaluate("performance.getEntriesByName('analyse').map((each) => each.duration)")
            server.shutdown()
    median = float(np.median(spent[1:]))
    return [
        Row("browser: a 4 s clip, one thread", "<= 30 ms", f"{median:.0f} ms", median <= 30),
        Row(
            "browser: page ready, from a local server",
            "<= 2 s",
            f"{ready_seconds:.1f} s",
            ready_seconds <= 2,
        ),
    ]
