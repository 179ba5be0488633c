"""The figures in the document are those of the last run."""

import json

from benchmarks.demo.load import DOCUMENT, RESULTS, write_report


def test_the_document_shows_the_kept_figures(tmp_path):
    document = tmp_path / "reliability.md"
    document.write_text(DOCUMENT.read_text())
    write_report(document, json.loads(RESULTS.read_text()))
    assert document.read_text() == DOCUMENT.read_text()
