"""Several models: the first at once, the others when somebody chooses them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from free_port import find_free_port
from playwright.sync_api import Browser, expect
from random_checkpoint import save_random_checkpoint

from ser import EmotionRecognizer
from ser.demo.models import Models
from ser.demo.page import build_demo, launch_options


@pytest.fixture
def sources(untrained_checkpoint: Path, tmp_path: Path) -> list[str]:
    """The untrained model of the eight emotions, and one with labels of its own."""
    labels = {0: "bored", 1: "in pain", 2: "sad"}
    other = tmp_path / "other"
    save_random_checkpoint(other, id2label=labels, label2id={label: i for i, label in labels.items()})
    (other / "README.md").write_text("---\nlicense: mit\n---\n# The other one")
    return [str(untrained_checkpoint), str(other)]


def test_the_first_is_loaded_at_once_and_each_only_once(sources: list[str]):
    loaded: list[str] = []

    def load(source: str) -> EmotionRecognizer:
        loaded.append(source)
        return EmotionRecognizer.from_pretrained(source)

    models = Models(sources, load)
    assert loaded == sources[:1]
    assert models["other"].emotions == ("bored", "in pain", "sad")
    assert models["other"] is models["other"]
    assert loaded == sources
    with pytest.raises(ValueError, match="no model 'third'; choose one of"):
        models["third"]
    assert models.card(models.names[0]) is None
    assert models.card("other").text.strip() == "# The other one"


def test_folders_with_one_name_are_told_apart(sources: list[str]):
    names = Models([sources[0], "a/last", "b/last"], EmotionRecognizer.from_pretrained).names
    assert names == [Path(sources[0]).name, "a/last", "b/last"]


@pytest.mark.browser
def test_a_visitor_chooses_and_sees_the_labels_of_that_model(
    sources: list[str], browser: Browser, tmp_path: Path
):
    demo = build_demo(Models(sources))
    _, url, _ = demo.launch(
        server_name="127.0.0.1",
        server_port=find_free_port(),
        prevent_thread_lock=True,
        quiet=True,
        **launch_options(),
    )
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(url)
        noise = 0.1 * np.random.default_rng(0).standard_normal(3 * 16_000)
        soundfile.write(tmp_path / "noise.wav", noise, 16_000)
        page.locator("#recording-file input[type=file]").set_input_files(tmp_path / "noise.wav")
        bars = page.locator("[role=tabpanel]:visible .bars")
        expect(bars.locator("li")).to_have_count(8)
        expect(page.locator("figure.chart")).to_be_visible()
        page.get_by_role("radio", name="other").check()  # the recording is analysed again
        expect(bars.locator("li")).to_have_count(3)
        for label in ("Bored", "In pain", "Sad"):
            row = bars.get_by_role("listitem").filter(has_text=label)
            assert (
                row.locator(".fill").evaluate("bar => getComputedStyle(bar).backgroundColor")
                != "rgba(0, 0, 0, 0)"
            )
        page.get_by_role("tab", name="About").click()
        expect(page.get_by_text("The whole card of other")).to_be_visible()
    finally:
        context.close()
        demo.close(verbose=False)
