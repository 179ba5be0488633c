"""The Analyse tab in a real browser."""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import textgrid
from playwright.sync_api import Page, expect

from ser.demo.examples import EXAMPLES_DIR, example_clips
from ser.labels import EMOTIONS

pytestmark = pytest.mark.browser

CLIP = EXAMPLES_DIR / "sad_03-01-04-02-01-01-24.flac"


def _upload(page: Page, file: Path) -> None:
    page.locator("#recording-file input[type=file]").set_input_files(file)


def _bars(page: Page) -> dict[str, int]:
    """Label -> percentage, from the top, as shown."""
    panel = page.locator("[role=tabpanel]:visible .bars .bar-row")
    expect(panel.first).to_contain_text("%")
    rows = [row.split() for row in panel.all_inner_texts()]
    return {row[0].lower(): int(row[-1].rstrip("%")) for row in rows}


def _played_seconds(page: Page) -> float:
    return page.locator("figure.chart audio").evaluate("audio => audio.currentTime")


def test_an_uploaded_clip_is_analysed_at_once(page: Page):
    _upload(page, CLIP)
    expect(page.locator("figure.chart")).to_contain_text(CLIP.name)
    bars = _bars(page)
    assert set(bars) == set(EMOTIONS)
    assert list(bars.values()) == sorted(bars.values(), reverse=True)
    assert abs(sum(bars.values()) - 100) <= 4  # eight roundings
    expect(page.get_by_role("status").filter(has_text=next(iter(bars)))).to_be_visible()
    expect(page.locator(".chart .row .name")).to_have_text(["Attention"])  # too short for a timeline
    expect(page.locator("#recording-file input[type=file]")).to_be_attached()  # ready for the next one


def test_an_example_plays_and_is_compared_with_what_was_spoken(page: Page):
    example = example_clips()[4]
    page.get_by_role("button", name=example.title).click()
    expect(page.get_by_role("status").filter(has_text=f"The actor meant {example.emotion}")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.wait_for_timeout(500)
    assert _played_seconds(page) > 0
    assert page.locator(".chart .head").evaluate("line => parseFloat(line.style.left)") > 0


def test_a_video_is_analysed_by_its_sound(page: Page, tmp_path: Path):
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("no ffmpeg on the PATH to make a video with")
    video = tmp_path / "talk.mp4"
    picture = ["-f", "lavfi", "-i", "color=size=64x64:rate=5"]
    command = [ffmpeg, "-v", "error", *picture, "-i", str(CLIP), "-shortest", "-c:v", "mpeg4", str(video)]
    subprocess.run(command, check=True, timeout=60)
    _upload(page, video)
    expect(page.locator("figure.chart")).to_contain_text("talk.mp4")
    assert set(_bars(page)) == set(EMOTIONS)


def test_the_moment_of_a_drawing_is_reached_with_pointer_and_keys(page: Page, tmp_path: Path):
    clips = [soundfile.read(each.path, dtype="float32")[0] for each in example_clips()[:2]]
    soundfile.write(tmp_path / "two.wav", np.concatenate([*clips, np.zeros(2 * 16_000)]), 16_000)
    _upload(page, tmp_path / "two.wav")
    expect(page.locator(".chart .row .value[data-emotion]")).to_have_count(len(EMOTIONS))
    area = page.get_by_role("slider", name="Moment of the recording")
    area.hover(position={"x": 100, "y": 50})
    expect(page.locator(".chart .value[data-emotion]").first).to_contain_text("%")
    values = page.locator(".chart .value[data-emotion]").all_inner_texts()
    assert abs(sum(int(value.rstrip("%")) for value in values) - 100) <= 4
    area.press("End")
    assert area.get_attribute("aria-valuenow") == area.get_attribute("aria-valuemax")
    area.press("Home")
    expect(area).to_have_attribute("aria-valuetext", re.compile("^0:00.0: .*%"))
    area.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_silence_is_no_emotion(page: Page, tmp_path: Path):
    page.get_by_role("button", name=example_clips()[0].title).click()
    _bars(page)
    soundfile.write(tmp_path / "silence.wav", np.zeros(32_000), 16_000)
    _upload(page, tmp_path / "silence.wav")
    expect(page.locator(".verdict .word").first).to_have_text("Silence")
    expect(page.locator("[role=tabpanel]:visible .percent").first).to_have_text("–")
    expect(page.locator("figure.chart")).to_have_count(0)


def test_what_goes_wrong_is_a_sentence_in_the_page(page: Page, tmp_path: Path):
    impostor = tmp_path / "impostor.wav"
    impostor.write_bytes(b"no sound at all" * 20)
    _upload(page, impostor)
    expect(page.get_by_role("alert")).to_contain_text("impostor.wav is not")


def test_the_answer_can_be_saved(page: Page):
    page.get_by_role("button", name=example_clips()[0].title).click()
    bars = _bars(page)
    for kind in ("JSON", "CSV", "TextGrid", "picture"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save as {kind}").click()
        content = Path(download.value.path()).read_bytes()
        if kind == "JSON":
            answer = json.loads(content)
            assert answer["emotion"] == next(iter(bars))
            assert {name: round(100 * share) for name, share in answer["probabilities"].items()} == bars
        elif kind == "TextGrid":
            ((tier,),) = (textgrid.TextGrid.fromFile(download.value.path()),)
            assert next(iter(bars)) in tier[0].mark
        elif kind == "CSV":
            (row,) = csv.DictReader(content.decode().splitlines())
            assert sum(float(row[emotion]) for emotion in EMOTIONS) == pytest.approx(1, abs=1e-5)
        else:
            assert content.startswith(b"\x89PNG")
