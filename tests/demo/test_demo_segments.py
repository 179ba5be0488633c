"""Who felt what, when: the segments of a long recording in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from ser.demo.examples import example_clips

pytestmark = pytest.mark.browser


@pytest.fixture
def rows(page: Page, stereo_call: Path) -> Locator:
    """The rows of the segments of a stereo call, analysed after an example."""
    page.get_by_role("button", name=example_clips()[0].title).click()
    expect(page.locator("figure.chart")).to_contain_text(example_clips()[0].title)
    page.locator("#recording-file input[type=file]").set_input_files(stereo_call)
    expect(page.locator("figure.chart")).to_contain_text(stereo_call.name)
    return page.get_by_role("region", name="What happened when").locator("tbody").get_by_role("row")


def _plays_from(page: Page, row: Locator) -> None:
    start, end = (float(row.get_attribute(f"data-{name}") or "") for name in ("start", "end"))
    page.wait_for_function(
        "([start, end]) => { const audio = document.querySelector('figure.chart audio');"
        "if (audio.paused || audio.currentTime <= start || audio.currentTime >= end) return false;"
        "audio.pause(); return true }",
        arg=[start, end],
    )
    expect(row).to_have_attribute("aria-current", "true")
    line = page.locator(".chart .head").evaluate("line => parseFloat(line.style.left)")
    duration = float(page.get_by_role("slider").get_attribute("aria-valuemax") or "")
    assert 100 * start / duration <= line <= 100 * end / duration


def test_each_speaker_has_a_row_in_the_drawing_and_a_click_plays_a_segment(page: Page, rows: Locator):
    expect(page.locator(".chart .speaker .name")).to_have_text(["Channel 1", "Channel 2"])
    assert page.locator(".chart .speaker .block.speech").count() == rows.count()
    expect(page.get_by_role("status").filter(has_text="Channel 2: ")).to_be_visible()
    expect(page.get_by_role("columnheader")).to_have_text(
        ["Time", "Speaker", "Emotion", "Confidence", "Unusual"]
    )
    second = rows.filter(has_text="Channel 2").first
    second.get_by_role("cell").last.click()
    _plays_from(page, second)
    expect(rows.first).not_to_have_attribute("aria-current", "true")


def test_the_keyboard_goes_from_segment_to_segment_and_plays_them(page: Page, rows: Locator):
    first = rows.first.get_by_role("button")
    first.focus()
    first.press("End")
    expect(rows.last.get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")
    _plays_from(page, rows.last)
    assert rows.locator("[tabindex='0']").count() == 1


def test_the_segments_can_be_saved_for_praat(page: Page, rows: Locator):
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as TextGrid").click()
    content = Path(download.value.path()).read_text(encoding="utf-8")
    assert 'name = "channel 1"' in content
    assert 'name = "channel 2"' in content
