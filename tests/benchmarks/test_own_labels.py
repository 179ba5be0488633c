"""The tables of docs/your-own-recordings.md."""

import shutil
from pathlib import Path

from benchmarks.report.own_labels import DOCUMENT, main, table_lines


def test_the_document_has_the_numbers_of_the_result_files(tmp_path: Path):
    document = tmp_path / DOCUMENT.name
    shutil.copy(DOCUMENT, document)
    main(document)
    assert document.read_text() == DOCUMENT.read_text()


def result(name: str, number: int | None, uar: float, was_trained_on: bool = False) -> dict:
    return {
        "corpus": "nemo", "name": name, "clips_per_label": number, "uar": uar, "num_speakers": 9,
        "uar_interval": {"low": uar - 0.1, "high": uar + 0.1}, "corpus_was_in_training": was_trained_on,
        "folds": [{"num_steps": 30}, {"num_steps": 40}],
    }  # fmt: skip


def test_a_checkpoint_trained_on_the_corpus_is_left_out():
    results = [result("scratch", 5, 0.4), result("scratch", None, 0.5), result("small", 5, 0.9, True)]
    _, _, *rows = table_lines(results)
    assert rows == [
        "| nEMO, 6 labels | 9 | random weights | **40.0** (30.0 to 50.0) |  |  | **50.0** (40.0 to 60.0) "
        "| 30 to 40 |"
    ]
