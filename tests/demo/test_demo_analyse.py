"""The Analyse tab in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ser.demo.examples import EXAMPLES_DIR
from ser.labels import EMOTIONS

pytestmark = pytest.mark.browser

CLIP = EXAMPLES_DIR / "sad_03-01-04-02-01-01-24.flac"


def _bars(page: Page) -> dict[str, int]:
    """Emotion -> percentage, from the top, as shown."""
    expect(page.get_by_test_id(re.compile("-confidence-set$"))).to_have_count(len(EMOTIONS))
    rows = page.get_by_test_id(re.compile("-confidence-set$")).all_inner_texts()
    return {row.split()[0].lower(): int(row.split()[-1].rstrip("%")) for row in rows}


def test_an_uploaded_clip_gets_eight_bars(page: Page):
    page.locator("input[type=file]").first.set_input_files(CLIP)
    expect(page.locator("audio").first).to_be_attached()
    page.get_by_role("button", name="Analyse", exact=True).click()
    bars = _bars(page)
    assert set(bars) == set(EMOTIONS)
    assert list(bars.values()) == sorted(bars.values(), reverse=True)
    assert abs(sum(bars.values()) - 100) <= 4  # eight roundings
    expect(page.get_by_role("status").filter(has_text=next(iter(bars)))).to_be_visible()


def test_a_file_that_is_no_sound_is_explained_in_the_page(page: Page, tmp_path: Path):
    impostor = tmp_path / "impostor.wav"
    impostor.write_bytes(b"no sound at all" * 20)
    page.locator("input[type=file]").first.set_input_files(impostor)
    page.get_by_role("button", name="Analyse", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("impostor.wav is not a kind of sound known here")


def test_the_page_asks_no_other_server_for_anything(page: Page, demo_url: str):
    foreign: list[str] = []
    page.on(
        "request",
        lambda request: (
            foreign.append(request.url) if not request.url.startswith((demo_url, "data:", "blob:")) else None
        ),
    )
    page.reload()
    expect(page.get_by_role("button", name="Analyse", exact=True)).to_be_visible()
    assert foreign == []
