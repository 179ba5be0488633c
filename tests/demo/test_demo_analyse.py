"""The Analyse tab in a real browser."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from ser.demo.examples import EXAMPLES_DIR, example_clips
from ser.labels import EMOTIONS

pytestmark = pytest.mark.browser

CLIP = EXAMPLES_DIR / "sad_03-01-04-02-01-01-24.flac"


def _upload(page: Page, file: Path) -> None:
    page.locator("#recording input[type=file]").set_input_files(file)
    expect(page.locator("#recording").get_by_role("button", name="Clear")).to_be_visible()


def _analyse(page: Page) -> None:
    page.get_by_role("button", name="Analyse", exact=True).click()


def _bars(page: Page) -> dict[str, int]:
    """Emotion -> percentage, from the top, as shown."""
    bars = page.get_by_test_id(re.compile("-confidence-set$"))
    expect(bars).to_have_count(len(EMOTIONS))
    rows = [row.split() for row in bars.all_inner_texts()]
    return {row[0].lower(): int(row[-1].rstrip("%")) for row in rows}


def test_an_uploaded_clip_gets_sorted_bars_words_and_its_drawing(page: Page):
    _upload(page, CLIP)
    _analyse(page)
    bars = _bars(page)
    assert set(bars) == set(EMOTIONS)
    assert list(bars.values()) == sorted(bars.values(), reverse=True)
    assert abs(sum(bars.values()) - 100) <= 4  # eight roundings
    expect(page.get_by_role("status").filter(has_text=next(iter(bars)))).to_be_visible()
    expect(page.locator(".chart .waveform")).to_be_visible()
    expect(page.locator(".chart .row .name")).to_have_text(["Listened to"])  # too short for a timeline


def test_an_example_is_one_click_away_and_a_new_recording_clears_its_answer(page: Page):
    page.get_by_text(example_clips()[4][1]).click()
    _bars(page)
    page.locator("#recording").get_by_role("button", name="Clear").click()
    expect(page.get_by_test_id(re.compile("-confidence-set$"))).to_have_count(0)
    expect(page.get_by_text("then press Analyse")).to_be_visible()


def test_a_long_recording_gets_a_timeline_with_values_for_pointer_and_keyboard(page: Page, tmp_path: Path):
    clips = [soundfile.read(path, dtype="float32")[0] for path, _ in example_clips()[:4]]
    soundfile.write(tmp_path / "long.wav", np.concatenate([*clips, np.zeros(6 * 16_000)]), 16_000)
    _upload(page, tmp_path / "long.wav")
    _analyse(page)
    expect(page.locator(".chart .row .value[data-emotion]")).to_have_count(len(EMOTIONS))
    area = page.get_by_role("slider", name="Moment of the recording")
    area.hover(position={"x": 100, "y": 50})
    expect(page.locator(".chart .value[data-emotion]").first).to_contain_text("%")
    values = page.locator(".chart .value[data-emotion]").all_inner_texts()
    assert abs(sum(int(value.rstrip("%")) for value in values) - 100) <= 4
    area.focus()
    area.press("End")
    expect(page.locator(".moment")).to_contain_text("silence")
    assert "silence" in (area.get_attribute("aria-valuetext") or "")
    area.press("Home")
    expect(area).to_have_attribute("aria-valuetext", re.compile("^0:00.0: .*%"))


def test_faults_of_a_recording_are_told(page: Page, tmp_path: Path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(32_000), 16_000)
    _upload(page, tmp_path / "silence.wav")
    _analyse(page)
    expect(page.get_by_text("The recording is silent.")).to_be_visible()
    expect(page.get_by_test_id(re.compile("-confidence-set$"))).to_have_count(0)


def test_what_goes_wrong_is_a_sentence_in_the_page(page: Page, tmp_path: Path):
    _analyse(page)
    expect(page.get_by_role("alert")).to_contain_text("choose a sound file first")
    impostor = tmp_path / "impostor.wav"
    impostor.write_bytes(b"no sound at all" * 20)
    _upload(page, impostor)
    _analyse(page)
    expect(page.get_by_role("alert")).to_contain_text("impostor.wav is not a kind of sound known here")
