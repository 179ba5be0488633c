"""Take the pictures of the demo in `docs/images`, in headless Chromium, with the example clips.

python -m benchmarks.demo.pictures
"""

import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.demo.browser import ROOT, open_chromium, serve_demo, write_conversation
from ser.__main__ import CommandParser
from ser.demo.cli import SHIPPED_MODELS
from ser.demo.examples import example_clips

VIEWPORTS: dict[str, Any] = {
    "desktop": {"width": 1200, "height": 800},
    "phone": {"width": 375, "height": 812},
}
SCHEMES: tuple[Any, ...] = ("light", "dark")
LIVE_MS = 12_000


def open_page(browser: Browser, url: str, scheme: Any, viewport: Any) -> Page:
    """Open the demo in a new window, with its fonts."""
    context = browser.new_context(viewport=viewport, color_scheme=scheme, permissions=["microphone"])
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(url)
    page.get_by_role("button", name="Fearful (woman)").wait_for()
    page.evaluate("document.fonts.ready")
    return page


def take(page: Page, file: Path, settling_ms: int = 800) -> None:
    """Take a picture of the whole page."""
    page.wait_for_timeout(settling_ms)
    page.screenshot(path=file, full_page=True)
    print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")


def open_tab(page: Page, name: str) -> None:
    """Turn to a tab, and the pointer away from it."""
    page.get_by_role("tab", name=name).click()
    page.mouse.move(0, 0)


def analyse(page: Page, recording: Path) -> None:
    """Upload and analyse; then point at a moment."""
    page.locator("#recording-file input[type=file]").set_input_files(recording)
    area = page.locator(".chart .plot-area")
    area.wait_for()
    size = area.evaluate("area => [area.clientWidth, area.clientHeight]")
    area.hover(position={"x": 0.81 * size[0], "y": 0.6 * size[1]})


def talk(page: Page) -> None:
    """Let the microphone run for a while, until there is an answer after a silence."""
    open_tab(page, "Live")
    page.locator("[role=tabpanel]:visible").get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(LIVE_MS)
    page.locator(".live-verdict .word", has_text="Silence").wait_for()
    page.locator(".live-verdict .sentence", has_text="%").wait_for()
    page.wait_for_timeout(600)


def analyse_files(page: Page, broken: Path) -> None:
    """Analyse a few examples and a file that is no sound."""
    open_tab(page, "Many files")
    files = [each.path for each in example_clips()]
    page.locator("input[type=file][multiple]").set_input_files([*files[2:6], broken])
    page.get_by_text("17.0 B").wait_for()
    page.get_by_role("button", name="Analyse all").click()
    page.get_by_role("row", name="broken.wav is not").wait_for()
    page.mouse.move(0, 0)


def main() -> None:
    """Serve the demo and walk through it."""
    parser = CommandParser(description=__doc__)
    models = [str(ROOT / name) for name in SHIPPED_MODELS]
    parser.add_argument("--model", nargs="+", default=models, help="checkpoint folders or Hub ids")
    parser.add_argument("--output_dir", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()
    options.output_dir.mkdir(parents=True, exist_ok=True)
    url = serve_demo(*options.model)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        recording, microphone = Path(folder) / "conversation.wav", Path(folder) / "microphone.wav"
        write_conversation(recording, (0.8, "calm", 1.0, "angry", 3.5, "fearful", 1.0, "disgust", 0.8))
        write_conversation(microphone, ("fearful", 0.7, "disgust", 3.0, "angry", 0.7))
        broken = Path(folder) / "broken.wav"
        broken.write_text("This is no sound.")
        browser = open_chromium(playwright, microphone)

        page = open_page(browser, url, "light", VIEWPORTS["desktop"])
        page.get_by_role("button", name="Angry (man)").click()
        page.locator(".chart .waveform").wait_for()
        page.mouse.move(0, 0)
        take(page, options.output_dir / "demo.png")
        page.context.close()

        for scheme in SCHEMES:
            for name, viewport in VIEWPORTS.items():
                kind = f"{name}-{scheme}.png"
                page = open_page(browser, url, scheme, viewport)
                analyse(page, recording)
                take(page, options.output_dir / f"analyse-{kind}")
                analyse_files(page, broken)
                take(page, options.output_dir / f"files-{kind}")
                open_tab(page, "About")
                take(page, options.output_dir / f"about-{kind}")
                talk(page)
                take(page, options.output_dir / f"live-{kind}", settling_ms=0)
                page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
