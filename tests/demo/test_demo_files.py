"""The Many files tab in a real browser."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ser.demo.examples import example_clips
from ser.labels import EMOTIONS

pytestmark = pytest.mark.browser


def test_several_files_become_a_table_and_a_csv_with_the_broken_one_explained(page: Page, tmp_path: Path):
    broken = tmp_path / "broken.wav"
    broken.write_text("not a sound")
    clips = [each.path for each in example_clips()[:2]]
    page.get_by_role("tab", name="Many files").click()
    page.locator("input[type=file][multiple]").set_input_files([clips[0], broken, clips[1]])
    expect(page.get_by_text("11.0 B")).to_be_visible()
    page.get_by_role("button", name="Analyse all").click()
    expect(page.get_by_role("row", name="broken.wav is not")).to_be_visible()
    expect(page.get_by_role("button", name="Save as CSV")).to_be_enabled()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [clips[0].name, "broken.wav", clips[1].name]
    assert rows[1]["problem"]
    assert sum(float(rows[0][f"{emotion}_prob"]) for emotion in EMOTIONS) == pytest.approx(1, abs=1e-5)


def test_files_of_one_speaker_are_compared_with_each_other(page: Page):
    clips = [each.path for each in example_clips()[:3]]
    page.get_by_role("tab", name="Many files").click()
    page.locator("input[type=file][multiple]").set_input_files(clips)
    expect(page.get_by_role("row", name=clips[2].name)).to_be_visible()  # uploaded
    page.get_by_role("button", name="Analyse all").click()
    row = page.get_by_label("Emotions of the files").get_by_role("row", name=clips[2].name)
    expect(row).to_contain_text("%")
    alone = row.inner_text()
    page.get_by_label("All files are of one speaker").check()
    page.get_by_role("button", name="Analyse all").click()
    expect(row).not_to_have_text(alone, use_inner_text=True)
    expect(row).to_contain_text("%")


def test_no_files_is_a_sentence_in_the_page(page: Page):
    page.get_by_role("tab", name="Many files").click()
    page.get_by_role("button", name="Analyse all").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose some sound or video files first.")
