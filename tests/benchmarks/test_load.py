"""The figures in the document are those of the last run."""

import json
from pathlib import Path

from benchmarks.demo import load

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "results"


def test_the_document_shows_the_kept_figures(tmp_path):
    document = tmp_path / "reliability.md"
    document.write_text((DOCS / "reliability.md").read_text())
    load.write_report(document, load.table(json.loads((RESULTS / "load.json").read_text())))
    assert document.read_text() == (DOCS / "reliability.md").read_text()
