"""The parts of the card of a model that was trained on the user's own recordings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ser.evaluation.tables import percent_range
from ser.hub.measurements import Measurements


def summary_lines(measured: Measurements) -> Iterator[str]:
    """Yield what the model classifies and what it was trained on."""
    record = measured.record or {}
    labels = record.get("labels", [])
    yield f"Classifies recordings of speech as one of {len(labels)} labels: {', '.join(labels)}."
    num_recordings, num_speakers = record["num_recordings"]["train"], record["num_speakers"]["train"]
    speakers = f" of {num_speakers} speakers" if num_speakers else ""
    yield f"It was trained on {num_recordings} recordings{speakers}; use it for similar recordings."


def results_lines(measured: Measurements) -> Iterator[str]:
    """Yield the scores on the recordings that were held back, and what they do not show."""
    if not measured.evaluations:
        yield "No recordings were held back, so nothing was measured."
    for evaluation in measured.evaluations:
        if evaluation.get("warning"):
            yield from (f"**{evaluation['warning']}**", "")
        num_speakers = ((measured.record or {}).get("num_speakers") or {}).get("test", 0)
        unit = "speakers" if num_speakers > 1 else "recordings"
        yield (
            f"{evaluation['title']}: UAR {100 * evaluation['uar']:.1f} % (95 % interval over {unit} "
            f"{percent_range(evaluation['uar_interval'])}), accuracy {100 * evaluation['accuracy']:.1f} %, "
            f"guessing {100 * evaluation['chance']:.1f} %."
        )
        yield from ("", "| label | precision | recall | recordings |", "|---|---|---|---|")
        for label, scores in evaluation["per_class"].items():
            precision, recall = (100 * scores[key] for key in ("precision", "recall"))
            cell = label.replace("|", "\\|")
            yield f"| {cell} | {precision:.1f} | {recall:.1f} | {scores['num_clips']} |"


def training_lines(measured: Measurements) -> Iterator[str]:
    """Yield where the training started, and the versions."""
    record: dict[str, Any] = measured.record or {}
    if record.get("base_model"):
        name = measured.base_model or Path(record["base_model"]).name
        licence = f" ({record['base_license']})" if record.get("base_license") else ""
        yield f"Started from `{name}`, whose licence{licence} and limits hold for this model too."
    else:
        yield "Trained from random weights; the licence of the recordings decides that of the model."
    versions = record["package_versions"]
    yield (
        f"Python {record['python_version']}, torch {versions['torch']}, "
        f"transformers {versions['transformers']}."
    )
