"""The page that recognises in the browser answers as Python does, in a real Chromium without a network."""

import functools
import http.server
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from huggingface_hub import SpaceCard
from playwright.sync_api import Browser, Page, expect

from ser.audio import load_audio
from ser.hub.publishing import publish_space
from ser.hub.static_page import build_page
from ser.onnx.recognizer import GRAPH_FILE, OnnxRecognizer

pytestmark = pytest.mark.browser

REPO = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((REPO / "examples").glob("*.flac"))
RATE = 16_000
PATIENCE_MS = 60_000
MICROPHONE_FLAGS = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@pytest.fixture(scope="module")
def recognizer() -> OnnxRecognizer:
    return OnnxRecognizer(REPO / "checkpoint" / GRAPH_FILE)


@pytest.fixture(scope="module")
def site(tmp_path_factory, skip_or_fail) -> Path:
    """The built page."""
    folder = tmp_path_factory.mktemp("site")
    try:
        build_page(REPO / "checkpoint", folder)
    except OSError as error:  # no npm, or nothing to fetch the bundler from
        skip_or_fail("browser", str(error))
    return folder


@pytest.fixture(scope="module")
def browser(launch_chromium, tmp_path_factory) -> Browser:
    """Chromium with a microphone that plays an angry sentence."""
    spoken = next(file for file in EXAMPLES if "angry" in file.name)
    wav = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    soundfile.write(wav, load_audio(spoken, 48_000), 48_000)
    return launch_chromium(*MICROPHONE_FLAGS, f"--use-file-for-fake-audio-capture={wav}")


@pytest.fixture(scope="module")
def offline_page(site, browser) -> Page:
    """The page, opened a second time after its server has gone."""
    handler = functools.partial(_QuietHandler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context(permissions=["microphone"], viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    url = f"http://127.0.0.1:{server.server_port}/"
    page.goto(url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    server.shutdown()
    server.server_close()
    page.reload()
    page.wait_for_selector("body[data-ready]", state="attached")
    return page


@pytest.fixture
def published(hub, site) -> dict[str, bytes]:
    """What is on the Hub after publishing the page, by name."""
    publish_space("someone/page", REPO, sdk="static")
    return hub.repositories["space", "someone/page"].files


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def ask(offline_page) -> Callable[[Path], dict[str, Any]]:
    """`ask(file)`: what the page found in a file."""

    def ask(file: Path) -> dict[str, Any]:
        offline_page.set_input_files("#file", file)
        offline_page.wait_for_selector("body[data-answer]", state="attached")
        return json.loads(offline_page.get_attribute("body", "data-answer"))

    return ask


def test_real_clips_get_pythons_probabilities(ask, recognizer, ravdess_dir, tmp_path):
    files = sorted(ravdess_dir.glob("Actor_*/*.*"))
    files = files[:: len(files) // 50][:50]
    waveforms = [load_audio(file, RATE) for file in files]
    expected = recognizer.predict_probabilities(waveforms)
    from_samples, from_files = [], []
    for file, waveform in zip(files, waveforms, strict=True):
        soundfile.write(tmp_path / "clip.wav", waveform, RATE, subtype="FLOAT")
        from_samples.append(ask(tmp_path / "clip.wav")["probabilities"])
        from_files.append(ask(file)["probabilities"])
    np.testing.assert_allclose(from_samples, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(from_files, expected, rtol=0, atol=0.02)


def test_a_long_recording_gets_pythons_windows(ask, recognizer, tmp_path):
    parts = [load_audio(file, RATE) for file in EXAMPLES[:4]]
    recording = np.concatenate([parts[0], parts[1], np.zeros(4 * RATE, np.float32), parts[2], parts[3]])
    soundfile.write(tmp_path / "long.wav", recording, RATE, subtype="FLOAT")
    found, expected = ask(tmp_path / "long.wav"), recognizer.analyse(tmp_path / "long.wav")
    assert found["probabilities"] == pytest.approx(list(expected.probabilities.values()), abs=1e-4)
    assert len(found["windows"]) == len(expected.windows)
    for window, same in zip(found["windows"], expected.windows, strict=True):
        assert (window["start"], window["end"]) == pytest.approx((same.start_seconds, same.end_seconds))
        assert (window["probabilities"] is None) == (same.probabilities is None)
    assert any(window["probabilities"] is None for window in found["windows"])
    times = [moment["time"] for moment in found["attention"]]
    weights = [moment["weight"] for moment in found["attention"]]
    np.testing.assert_allclose(times, expected.attention.times_seconds, atol=1e-3)
    np.testing.assert_allclose(weights, expected.attention.weights, atol=1e-4)
    assert found["isOutOfDistribution"] == expected.is_out_of_distribution


def test_a_recording_from_the_microphone_is_answered(offline_page):
    page = offline_page
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#verdict")).to_contain_text("press Stop")
    page.wait_for_timeout(4000)
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("body[data-answer]", state="attached")
    answer = json.loads(page.get_attribute("body", "data-answer"))
    assert answer["duration"] == pytest.approx(4, abs=1.5)
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert not page.locator("#verdict").get_attribute("class").endswith("error")


def test_a_broken_file_is_explained_and_the_next_one_works(offline_page, ask, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF but nothing of the kind")
    offline_page.set_input_files("#file", broken)
    expect(offline_page.get_by_role("alert")).to_contain_text("damaged", timeout=PATIENCE_MS)
    expect(offline_page.locator("#bars li")).to_have_count(0)
    assert len(ask(EXAMPLES[0])["probabilities"]) == 8
    expect(offline_page.get_by_role("alert")).to_have_count(0)


def test_silence_is_called_silence(offline_page, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.full(RATE, 1e-5), RATE, subtype="FLOAT")
    offline_page.set_input_files("#file", tmp_path / "silent.wav")
    expect(offline_page.locator("#verdict .word")).to_have_text("Silence", timeout=PATIENCE_MS)


def test_other_servers_are_never_asked(offline_page):
    blocked = offline_page.evaluate(
        """() => new Promise((resolve) => {
            document.addEventListener("securitypolicyviolation", (event) => resolve(event.blockedURI));
            fetch("https://elsewhere.example/").catch(() => {});
        })"""
    )
    assert blocked.startswith("https://elsewhere.example")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_both_schemes(offline_page, ask, scheme):
    ask(EXAMPLES[0])
    offline_page.emulate_media(color_scheme=scheme)
    offline_page.set_viewport_size({"width": 375, "height": 800})
    assert offline_page.evaluate("document.documentElement.scrollWidth") == 375
    background = offline_page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, re.findall(r"\d+", background)[:3]))
    assert brightness > 600 if scheme == "light" else brightness < 100
    offline_page.set_viewport_size({"width": 1280, "height": 900})


def test_the_keyboard_reaches_everything(offline_page, ask):
    ask(EXAMPLES[0])
    page = offline_page
    page.locator("#record").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    slider = page.get_by_role("slider", name="Moment of the recording")
    slider.focus()
    before = slider.get_attribute("aria-valuetext")
    page.keyboard.press("Shift+ArrowRight")
    assert slider.get_attribute("aria-valuenow") == "1.0"
    assert slider.get_attribute("aria-valuetext") != before


def test_the_page_is_published_as_a_static_space(published, site):
    card = SpaceCard(published["README.md"].decode())
    assert card.data["sdk"] == "static"
    assert b"sdk_version" not in published["README.md"]
    assert published.keys() - {"README.md"} == {file.name for file in site.iterdir()}
    assert published["model.onnx"] == (site / "model.onnx").read_bytes()
