"""Several recordings analysed, as the rows of a table and as CSV."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from ser.audio import AudioError
from ser.demo.judgement import Judgement, judge
from ser.recognizer import EmotionRecognizer


@dataclass(frozen=True)
class FileResult:
    """One row of the table.

    Attributes:
        name: The file's name.
        judgement: The answer; `None` for a file that cannot be used.
        reason: Why it cannot be used.
    """

    name: str
    judgement: Judgement | None
    reason: str = ""

    @property
    def words(self) -> tuple[str, str]:
        """The likeliest emotion and its confidence, or a dash and the reason."""
        if self.judgement is None:
            return "–", self.reason
        return self.judgement.strongest, str(self.judgement.confidence)


def analyse_files(
    recognizer: EmotionRecognizer,
    paths: Sequence[str],
    on_progress: Callable[[float], object] = lambda _: None,
    *,
    one_speaker: bool = False,
) -> list[FileResult]:
    """Analyse files one after the other; a file that cannot be used becomes a row with its reason.

    Args:
        recognizer: The model.
        paths: The files.
        on_progress: Called with the share that is done, 0 to 1.
        one_speaker: Whether one speaker is in all files, which are then compared with each other.
    """
    if not one_speaker:
        return _analysed(recognizer, paths, on_progress)
    results = _analysed(recognizer, paths, lambda share: on_progress(share / 2))
    usable = [path for path, result in zip(paths, results, strict=True) if result.judgement]
    if not usable:
        return results
    compared = iter(_analysed(recognizer.enrol(usable), usable, lambda share: on_progress((1 + share) / 2)))
    return [next(compared) if result.judgement else result for result in results]


def _analysed(
    recognizer: EmotionRecognizer, paths: Sequence[str], on_progress: Callable[[float], object]
) -> list[FileResult]:
    results = []
    for number, path in enumerate(paths, start=1):
        name = Path(path).name
        try:
            results.append(FileResult(name, judge(recognizer, path)))
        except AudioError as error:
            results.append(FileResult(name, None, str(error)))
        on_progress(number / len(paths))
    return results


def header(emotions: Sequence[str]) -> list[str]:
    """Return the names of the columns, those of the probabilities in the order of `emotions`."""
    return ["File", "Emotion", "Confidence or problem", *(emotion.capitalize() for emotion in emotions)]


def table_rows(results: Sequence[FileResult], emotions: Sequence[str]) -> list[list[str]]:
    """Return the cells of the table, with percentages."""
    return [
        [result.name, *result.words, *(_cell(result, emotion, "{:.0%}", "–") for emotion in emotions)]
        for result in results
    ]


def table_html(results: Sequence[FileResult], emotions: Sequence[str], styles: Mapping[str, str]) -> str:
    """Draw the table, each row marked with the colour and pattern of its emotion."""
    names = "".join(f'<th scope="col">{escape(name)}</th>' for name in header(emotions))
    rows = []
    for result, (name, emotion, *others) in zip(results, table_rows(results, emotions), strict=True):
        swatch = f'<span class="swatch" style="{escape(styles.get(emotion, ""))}"></span>'
        if result.judgement is None or not result.judgement.confidence.is_sure:
            swatch = '<span class="swatch none"></span>'
        cells = "".join(f"<td>{escape(each)}</td>" for each in others)
        first = f'<th scope="row">{escape(name)}</th><td class="word">{swatch}{escape(emotion)}</td>'
        rows.append(f"<tr>{first}{cells}</tr>")
    if not rows:
        rows = [f'<tr><td colspan="{len(emotions) + 3}">No files have been analysed yet.</td></tr>']
    return (
        '<div class="table files" role="region" aria-label="Emotions of the files" tabindex="0">'
        f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def csv_text(results: Sequence[FileResult], emotions: Sequence[str]) -> str:
    """Write the table for programs and spreadsheets, with probabilities from 0 to 1."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["file", "emotion", "confidence", *(f"{emotion}_prob" for emotion in emotions), "problem"]
    )
    for result in results:
        emotion, confidence = result.words if result.judgement else ("", "")
        probabilities = (_cell(result, each, "{:.6f}", "") for each in emotions)
        writer.writerow([_as_text(result.name), emotion, confidence, *probabilities, _as_text(result.reason)])
    return text.getvalue()


def _cell(result: FileResult, emotion: str, form: str, missing: str) -> str:
    if result.judgement is None:
        return missing
    return form.format(result.judgement.analysis.probabilities[emotion])


def _as_text(cell: str) -> str:
    """Quote a cell that a spreadsheet would run as a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
