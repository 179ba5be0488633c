"""The files of an evaluation: scores, confusion matrix, predictions and plots."""

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ser.evaluation.metrics import confusion_counts
from ser.evaluation.plots import confusion_figure, reliability_figure
from ser.evaluation.scoring import ScoredClips


def write_evaluation(
    output_dir: str | Path, scored: ScoredClips, report: Mapping[str, Any], title: str
) -> list[Path]:
    """Write metrics.json, confusion_matrix.csv and .png, reliability.png and predictions.csv.

    Args:
        output_dir: Created if missing; files with these names are replaced.
        scored: The clips and their probabilities.
        report: The content of metrics.json; every number in it must be finite.
        title: Title of the plots.

    Returns:
        The files written.

    Raises:
        ValueError: If the folder cannot be made or written to.
    """
    folder = Path(output_dir)
    counts = confusion_counts(scored.labels, scored.predictions, len(scored.emotions))
    files = [
        folder / name
        for name in (
            "metrics.json",
            "confusion_matrix.csv",
            "confusion_matrix.png",
            "reliability.png",
            "predictions.csv",
        )
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files[0].write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        _write_csv(
            files[1],
            ["true \\ predicted", *scored.emotions],
            ([emotion, *row] for emotion, row in zip(scored.emotions, counts.tolist(), strict=True)),
        )
        confusion_figure(counts, scored.emotions, title).savefig(files[2])
        reliability_figure(scored.probabilities, scored.labels, title=title).savefig(files[3])
        _write_csv(
            files[4],
            ["file", "actor", "true", "predicted", *(f"{emotion}_prob" for emotion in scored.emotions)],
            _prediction_rows(scored),
        )
    except OSError as error:
        raise ValueError(f"{folder} cannot be written to: {error.strerror}. Name another folder.") from error
    return files


def _prediction_rows(scored: ScoredClips) -> Iterable[list[Any]]:
    columns = (scored.files, scored.groups["actor"], scored.labels, scored.predictions, scored.probabilities)
    for file, actor, label, prediction, probabilities in zip(*columns, strict=True):
        shown = [f"{probability:.6f}" for probability in probabilities]
        yield [file, actor, scored.emotions[label], scored.emotions[prediction], *shown]


def _write_csv(file: Path, header: list[str], rows: Iterable[list[Any]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
