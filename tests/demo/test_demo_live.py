"""The microphone in a real browser, played from a file: four seconds of a quiet room, four of speech."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Locator, Page, expect

from ser.demo.examples import example_clips

pytestmark = pytest.mark.browser

SLOW_UPLOADS = """() => {
  const fetchAtOnce = window.fetch;
  window.fetch = async (...request) => {
    const address = String(request[0].url ?? request[0]);
    if (address.includes("/upload")) await new Promise(go => setTimeout(go, 1500));
    return fetchAtOnce(...request);
  };
}"""


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake microphone hears, over and over: four seconds of a quiet room, four of speech."""
    speech, _ = soundfile.read(example_clips()[4].path, dtype="float32")
    loud = np.flatnonzero(np.abs(speech) > 0.05)
    room = 1e-4 * np.random.default_rng(0).standard_normal(4 * 16_000)
    file = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    soundfile.write(file, np.concatenate([room, np.tile(speech[loud[0] : loud[-1]], 2)]), 16_000)
    return file


@pytest.fixture(scope="module")
def talking_browser(launch_chromium: Callable[..., Browser], microphone: Path) -> Browser:
    """A browser whose microphone works."""
    return launch_chromium(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}",
    )


@pytest.fixture
def talker(talking_browser: Browser, open_demo: Callable[..., Page]) -> Page:
    return open_demo(talking_browser, permissions=["microphone"])


def _live(page: Page) -> Locator:
    page.get_by_role("tab", name="Live").click()
    if not page.workers:
        page.wait_for_event("worker")  # Gradio encodes the sound in it, and Record does nothing without
    return page.locator("[role=tabpanel]:visible")


def test_a_recording_from_the_microphone_is_analysed_after_stop(talker: Page):
    talker.locator("#microphone").get_by_role("button", name="Record", exact=True).click()
    talker.wait_for_timeout(6_000)  # longer than the room is quiet, wherever in the file it begins
    talker.evaluate(SLOW_UPLOADS)
    talker.get_by_role("button", name="Stop", exact=True).locator("visible=true").click()
    expect(talker.locator("figure.chart .waveform")).to_be_visible()
    expect(talker.locator("[role=tabpanel]:visible .bars .percent").first).to_contain_text("%")
    # The microphone is ready for the next sentence.
    expect(talker.locator("#microphone").get_by_role("button", name="Record", exact=True)).to_be_visible()


def test_live_follows_the_voice_shows_silence_and_starts_again(talker: Page, open_demo: Callable[..., Page]):
    live = _live(talker)
    other = _live(open_demo())
    for _ in range(2):  # stop and restart keep working
        live.get_by_role("button", name="Record", exact=True).click()
        expect(live.locator(".level span")).not_to_have_attribute("style", "width:0%")
        expect(live.locator(".bars .percent").first).to_contain_text("%")
        expect(live.locator(".chart .sounding").first).to_be_attached()
        expect(live.locator(".verdict .word")).to_have_text("Silence")
        expect(live.locator(".bars .percent").first).to_have_text("–")
        expect(live.locator(".chart .silence").first).to_be_attached()
        live.get_by_role("button", name="Stop", exact=True).click()
        expect(live.get_by_role("button", name="Record", exact=True)).to_be_visible()
    # Someone else who has the page open sees nothing of it.
    expect(other.locator(".verdict .word")).to_have_text("Ready")
    assert other.locator(".chart .shape").count() == 0
