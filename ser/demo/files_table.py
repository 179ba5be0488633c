"""Several recordings heard, as the rows of a table and as CSV."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ser.audio import AudioError
from ser.demo.verdict import by_probability
from ser.recognizer import EmotionRecognizer


@dataclass(frozen=True)
class HeardFile:
    """One row of the table.

    Attributes:
        name: The file's name.
        probabilities: Probability of each emotion; `None` for a file that could not be used.
        reason: Why it could not be used.
    """

    name: str
    probabilities: dict[str, float] | None
    reason: str = ""


def hear_files(
    recognizer: EmotionRecognizer,
    paths: Sequence[str],
    on_progress: Callable[[float], None] = lambda _: None,
) -> list[HeardFile]:
    """Hear files one after the other; one that cannot be used is a row with its reason and stops nothing."""
    heard = []
    for number, path in enumerate(paths, start=1):
        name = Path(path).name
        try:
            heard.append(HeardFile(name, recognizer.predict(path)))
        except AudioError as error:
            heard.append(HeardFile(name, None, str(error)))
        on_progress(number / len(paths))
    return heard


def header(emotions: Sequence[str]) -> list[str]:
    """Names of the columns, those of the probabilities in the order of `emotions`."""
    return ["File", "Emotion", "Doubt or problem", *(emotion.capitalize() for emotion in emotions)]


def table_rows(heard: Sequence[HeardFile], emotions: Sequence[str], threshold: float) -> list[list[str]]:
    """The table as shown, with percentages; "not sure" where the likeliest emotion is below the threshold."""
    rows = []
    for file in heard:
        if file.probabilities is None:
            rows.append([file.name, "–", file.reason, *("–" for _ in emotions)])
            continue
        first = by_probability(file.probabilities)[0]
        doubt = "not sure" if file.probabilities[first] < threshold else "sure"
        percents = (f"{file.probabilities[emotion]:.0%}" for emotion in emotions)
        rows.append([file.name, first, doubt, *percents])
    return rows


def csv_text(heard: Sequence[HeardFile], emotions: Sequence[str], threshold: float) -> str:
    """The table for programs and spreadsheets, with probabilities from 0 to 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "emotion", "doubt", *(f"{emotion}_prob" for emotion in emotions), "problem"])
    for file, row in zip(heard, table_rows(heard, emotions, threshold), strict=True):
        if file.probabilities is None:
            writer.writerow([_as_text(file.name), "", "", *("" for _ in emotions), _as_text(file.reason)])
        else:
            probabilities = (f"{file.probabilities[emotion]:.6f}" for emotion in emotions)
            writer.writerow([_as_text(file.name), *row[1:3], *probabilities, ""])
    return text.getvalue()


def _as_text(cell: str) -> str:
    """A spreadsheet would run a cell that starts like a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
