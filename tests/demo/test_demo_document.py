"""`docs/demo.md` says what was measured, and what was measured keeps what the demo promises."""

import json
from pathlib import Path

import pytest

from benchmarks.demo import latency as demo_latency

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture
def report() -> dict:
    return json.loads((REPO / "benchmarks" / "results" / "demo_latency.json").read_text(encoding="utf-8"))


def test_the_committed_table_is_that_of_the_committed_measurements(report: dict, tmp_path: Path):
    committed = (REPO / "docs" / "demo.md").read_text(encoding="utf-8")
    document = tmp_path / "demo.md"
    document.write_text(demo_latency.DOCUMENT_BLOCK.sub(r"\1old\2", committed), encoding="utf-8")
    assert document.read_text(encoding="utf-8") != committed
    demo_latency.write_table(document, report)
    assert document.read_text(encoding="utf-8") == committed, (
        "docs/demo.md is out of date: run python -m benchmarks.demo.latency"
    )


def test_what_was_measured_keeps_the_promises(report: dict):
    assert report["beyond_empty_p50_ms"] <= 300
    assert report["live_delay_ms"]["p50"] <= 1_000
