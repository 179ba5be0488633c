"""The page for everyone: keyboard, screen readers, phones, light and dark; nothing comes from elsewhere."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
from playwright.sync_api import Page, expect

from ser.demo.examples import example_clips

pytestmark = pytest.mark.browser

TABS = ("Analyse", "Live", "Many files", "About")
AXE = "axe-core@4.11.0"
NOT_OURS = ["#waveform", "footer"]  # Gradio's player and footer


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory, skip_or_fail: Callable[[str, str], NoReturn]) -> str:
    """The source of axe-core, as npm has it."""
    npm = shutil.which("npm") or skip_or_fail("browser", "no npm on the PATH to fetch axe-core with")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "pack", AXE, "--silent", "--pack-destination", str(folder)]
    fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if fetched.returncode:
        skip_or_fail("browser", f"npm cannot fetch {AXE}: {fetched.stderr.strip()[-200:]}")
    (package,) = folder.glob("*.tgz")
    with tarfile.open(package) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def _analyse_an_example(page: Page) -> None:
    page.get_by_text(example_clips()[5].title).click()
    expect(page.locator("[role=tabpanel]:visible .bars .percent").first).to_contain_text("%")
    expect(page.locator("figure.chart .waveform")).to_be_visible()


def _analyse_a_call(page: Page, call: Path) -> None:
    page.locator("#recording-file input[type=file]").set_input_files(call)
    expect(page.get_by_role("region", name="What happened when")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_tab(
    open_demo: Callable[..., Page], axe: str, scheme: str, stereo_call: Path
):
    page = open_demo(color_scheme=scheme, reduced_motion="reduce")
    _analyse_a_call(page, stereo_call)
    page.evaluate(axe)
    findings = []
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        page.mouse.move(0, 0)
        page.wait_for_timeout(300)  # for colours to settle
        result = page.evaluate("exclude => axe.run({exclude}, {resultTypes: ['violations']})", NOT_OURS)
        findings += [
            (tab, violation["id"], node["html"][:120])
            for violation in result["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
    assert findings == []


def test_a_phone_shows_every_tab_without_scrolling_sideways(
    open_demo: Callable[..., Page], stereo_call: Path
):
    page = open_demo(viewport={"width": 375, "height": 812}, has_touch=True)
    _analyse_a_call(page, stereo_call)
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, tab


def test_the_keyboard_alone_reaches_an_answer(page: Page):
    expect(page.get_by_text(example_clips()[0].title)).to_be_visible()  # the last of the tab to come
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText"))
        if example_clips()[0].title in reached[-1]:
            break
    assert "Analyse" in reached
    page.keyboard.press("Enter")
    expect(page.locator("[role=tabpanel]:visible .bars .percent").first).to_contain_text("%")


def test_an_answer_moves_nothing_that_was_there(page: Page):
    expect(page.locator(".chart.empty")).to_be_visible()
    expect(page.get_by_text(example_clips()[0].title)).to_be_visible()
    page.evaluate("document.fonts.ready")
    page.evaluate(
        "window.shift = 0; new PerformanceObserver(list => {"
        "for (const entry of list.getEntries()) window.shift += entry.value"
        "}).observe({type: 'layout-shift'})"
    )
    examples = page.locator(".examples button")
    before = [examples.nth(number).bounding_box() for number in range(8)]
    _analyse_an_example(page)
    page.wait_for_timeout(500)
    assert page.evaluate("window.shift") < 0.1  # "good" by web.dev's Cumulative Layout Shift
    assert [examples.nth(number).bounding_box() for number in range(8)] == before


def test_the_page_asks_no_other_server_for_anything(page: Page, demo_url: str):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    expect(page.get_by_text(example_clips()[0].title)).to_be_visible()
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith((demo_url, "data:", "blob:"))] == []


def test_what_a_finger_has_to_hit_is_large_enough(open_demo: Callable[..., Page]):
    page = open_demo(viewport={"width": 375, "height": 812}, has_touch=True)
    _analyse_an_example(page)
    targets = [page.locator("#microphone").get_by_role("button", name="Record", exact=True)]
    targets += [
        page.get_by_role("button", name="Play", exact=True).or_(page.get_by_role("button", name="Pause"))
    ]
    targets += page.locator(".examples button, .downloads button").all()
    for target in targets:
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 36, target.inner_text()


def test_a_link_to_the_page_is_described_without_javascript(page: Page, demo_url: str):
    html = httpx.get(demo_url).text
    assert html.count("<title>Speech emotion recognition</title>") == 1
    for name in ("og:title", "og:description", 'name="description"'):
        assert html.count(f"{name}") == 1, name
    assert html.count('content="Record a sentence') == 2
    assert "Click to try out the app" not in html
    expect(page).to_have_title("Speech emotion recognition")
