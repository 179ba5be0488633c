"""The figures in the document are those of the last run."""

import json

from benchmarks.demo.load import DOCUMENT, RESULTS, table


def test_the_document_shows_the_kept_figures():
    assert "\n".join(table(json.loads(RESULTS.read_text()))) in DOCUMENT.read_text()
