"""Measure in headless Chromium how quickly the demo answers: clicks, live speech, a long recording.

    python -m benchmarks.demo.latency

writes `benchmarks/results/demo_latency.json` and the table of `docs/demo.md`. Beside the demo stands a page
whose buttons call functions that return constants: the empty round trip of Gradio. Clicks on both alternate,
so that whatever else the machine does slows down both alike.
"""

import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import soundfile
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.demo.browser import ROOT, open_chromium, serve, serve_demo, write_conversation
from ser.__main__ import CommandParser
from ser.demo.examples import example_clips

SCRIPTS = Path(__file__).with_name("latency.js").read_text(encoding="utf-8").split("// ---\n")
WATCH_MICROPHONE, CLICK = SCRIPTS[0], SCRIPTS[1].strip()
DOCUMENT_BLOCK = re.compile(r"(<!-- latency: .*? -->\n).*?(<!-- end of latency -->)", re.DOTALL)
CLICKED = [example.title for example in example_clips()[3:5]]  # in turn
LONG_SECONDS = 600
RESULT = ROOT / "benchmarks" / "results" / "demo_latency.json"


def build_empty_page() -> gr.Blocks:
    """Build a page with the examples' buttons and functions that do nothing."""
    with gr.Blocks(analytics_enabled=False) as page:
        outputs = [gr.HTML() for _ in range(3)]
        for title in CLICKED:
            drawing = f"<figure><figcaption><b>{title}</b></figcaption></figure>"
            answer = ("words", "bars", drawing)
            gr.Button(title).click(partial(tuple, answer), None, outputs)
    page.queue(max_size=64, default_concurrency_limit=2, api_open=False)
    return page


def measure_clicks(pages: Sequence[Page], num_clicks: int) -> list[list[float]]:
    """Measure milliseconds from click to answer, a list a page, clicked in turn; the first is dropped."""
    milliseconds: list[list[float]] = [[] for _ in pages]
    for number in range(num_clicks + 1):
        for page, measured in zip(pages, milliseconds, strict=True):
            measured.append(page.evaluate(CLICK, CLICKED[number % 2]))
            page.wait_for_timeout(400)
    return [measured[1:] for measured in milliseconds]


def measure_long(page: Page, recording: Path) -> float:
    """Measure milliseconds from choosing a long recording to its drawing, upload included."""
    start = time.monotonic()
    page.locator("#recording-file input[type=file]").set_input_files(recording)
    page.locator(".chart figcaption b", has_text=recording.name).wait_for()
    return 1000 * (time.monotonic() - start)


def measure_live(browser: Browser, url: str, num_onsets: int) -> list[float]:
    """Milliseconds from when speech sets in at the microphone to when the page stops saying silence."""
    page = browser.new_context(permissions=["microphone"]).new_page()
    page.add_init_script(WATCH_MICROPHONE)
    page.goto(url)
    page.get_by_role("tab", name="Live").click()
    page.locator("[role=tabpanel]:visible").get_by_role("button", name="Record", exact=True).click()
    deadline = time.monotonic() + 12 * num_onsets
    while page.evaluate("window.answers.length") < num_onsets and time.monotonic() < deadline:
        page.wait_for_timeout(250)
    onsets, answers = page.evaluate("[window.onsets, window.answers]")
    page.context.close()
    following = [[answer - onset for answer in answers if answer > onset] for onset in onsets]
    return [delays[0] for delays in following if delays and delays[0] < 4_000]


def measure_paint(browser: Browser, url: str, num_visits: int) -> dict[str, list[float]]:
    """Milliseconds to the first paint with content, and until the button is there, for new visitors."""
    paint, ready = [], []
    for _ in range(num_visits):
        page = browser.new_context().new_page()
        page.goto(url)
        page.get_by_role("button", name=CLICKED[0]).wait_for()
        ready.append(page.evaluate("performance.now()"))
        name = "first-contentful-paint"
        paint.append(page.evaluate(f"performance.getEntriesByName('{name}')[0].startTime"))
        page.context.close()
    return {"first_paint_ms": paint, "ready_ms": ready}


def summarise(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and number of measurements."""
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "num": len(values)}


def measure(model: str, num_clicks: int, num_onsets: int) -> dict[str, Any]:
    """All of it, on a demo served by this very process."""
    url, empty_url = serve_demo(model), serve(build_empty_page())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        microphone, long = Path(folder) / "microphone.wav", Path(folder) / "long.flac"
        write_conversation(microphone, (2.0, "angry"))
        clips = np.concatenate([soundfile.read(each.path, dtype="float32")[0] for each in example_clips()])
        soundfile.write(long, np.resize(clips, LONG_SECONDS * 16_000), 16_000)
        browser = open_chromium(playwright, microphone)
        pages = [browser.new_page(), browser.new_page()]
        for page, address in zip(pages, (url, empty_url), strict=True):
            page.set_default_timeout(180_000)
            page.goto(address)
            page.get_by_role("button", name=CLICKED[0]).wait_for()
        clicks, empty = measure_clicks(pages, num_clicks)
        long_ms = measure_long(pages[0], long)
        for page in pages:
            page.close()
        live = measure_live(browser, url, num_onsets)
        paint = measure_paint(browser, url, 10)
        browser.close()
    return {
        "click_to_bars_ms": summarise(clicks),
        "empty_round_trip_ms": summarise(empty),
        "beyond_empty_p50_ms": round(float(np.median(clicks) - np.median(empty)), 1),
        "live_delay_ms": summarise(live),
        "ten_minutes_ms": round(long_ms),
        **{name: summarise(values) for name, values in paint.items()},
        "num_cpus": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "gradio": gr.__version__,
    }


def table(report: Mapping[str, Any]) -> str:
    """The measurements as Markdown."""
    rows = [
        ("from the click to the answer", "click_to_bars_ms"),
        ("the same click on a page that does nothing", "empty_round_trip_ms"),
        (
            "live: from the first sound of a sentence to its first answer",
            "live_delay_ms",
        ),
        ("first paint, for a new visitor", "first_paint_ms"),
        ("until everything is there, for a new visitor", "ready_ms"),
    ]
    lines = ["| measured | p50 | p95 | times |", "|---|---|---|---|"]
    for text, name in rows:
        times = report[name]
        lines.append(f"| {text} | {times['p50']:.0f} ms | {times['p95']:.0f} ms | {times['num']} |")
    seconds = report["ten_minutes_ms"] / 1000
    return "\n".join(
        [
            *lines,
            "",
            f"- The median click on the demo takes {report['beyond_empty_p50_ms']:+.0f} ms beyond that on "
            "the empty page.",
            f"- A recording of ten minutes is answered, with its timeline, in {seconds:.1f} s.",
            f"- Server and browser shared {report['num_cpus']} cores at a load average of "
            f"{report['load_average']}; Python {report['python']}, Gradio {report['gradio']}.",
            "",
        ]
    )


def write_table(document: Path, report: Mapping[str, Any]) -> None:
    """Put the table between its marks in a document."""
    text = document.read_text(encoding="utf-8")
    document.write_text(DOCUMENT_BLOCK.sub(rf"\1{table(report)}\2", text), encoding="utf-8")


def main() -> None:
    """Measure, print, write."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--model", default=str(ROOT / "checkpoint"), help="checkpoint folder or Hub id")
    parser.add_argument("--num_clicks", type=int, default=40, help="on each of the two pages")
    parser.add_argument("--num_onsets", type=int, default=20, help="of speech at the microphone")
    options = parser.parse_args()
    report = measure(options.model, options.num_clicks, options.num_onsets)
    print(json.dumps(report, indent=2))
    RESULT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    write_table(ROOT / "docs" / "demo.md", report)


if __name__ == "__main__":
    main()
