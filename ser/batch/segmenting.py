"""Segments of many recordings: a row each while a part is scored, then tables, or one file a recording."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from ser.audio import AudioError
from ser.batch.diary import Diary
from ser.batch.job import Job, replacing
from ser.batch.tables import FORMS, join_parts, printable
from ser.recognizer import EmotionRecognizer
from ser.recognizer.confidence import Confidence
from ser.segments.formats import FORMATS, write_segments
from ser.segments.recordings import segment_recording
from ser.segments.segment import Segment
from ser.segments.summary import summarise
from ser.segments.turns import Turn, read_turns

RECORDINGS_PER_PART = 4  # an hour takes seconds: a killed job loses a few minutes at most


def segment_schema(emotions: list[str]) -> pyarrow.Schema:
    """Return the columns of the table of segments."""
    text, number, flag = pyarrow.string(), pyarrow.float32(), pyarrow.bool_()
    return pyarrow.schema(
        [
            *(("path", text), ("start_seconds", pyarrow.float64()), ("end_seconds", pyarrow.float64())),
            *(("channel", pyarrow.int32()), ("speaker", text), ("kind", text), ("emotion", text)),
            *(("confidence", text), ("is_sure", flag), ("share_of_such_answers_right", pyarrow.float64())),
            ("is_out_of_distribution", flag),
            *((emotion, number) for emotion in emotions),
            ("error", text),
        ]
    )


def summary_schema(emotions: list[str]) -> pyarrow.Schema:
    """Return the columns of the table of speakers, with the share of speech of each emotion."""
    text, number, count = pyarrow.string(), pyarrow.float64(), pyarrow.int32()
    return pyarrow.schema(
        [
            *(("path", text), ("speaker", text), ("channel", count), ("speech_seconds", number)),
            *(("non_speech_seconds", number), ("silence_seconds", number)),
            *((emotion, number) for emotion in emotions),
            *(("not_sure_share", number), ("out_of_distribution_share", number)),
            *(("num_segments", count), ("num_changes", count), ("longest_emotion", text)),
            *(("longest_start_seconds", number), ("longest_end_seconds", number)),
        ]
    )


def segment_part(job: Job, part: int, recognizer: EmotionRecognizer) -> int:
    """Cut and analyse a part's recordings and write the table of their segments.

    A recording that cannot be read gets a row that says why, after the segments before the fault if it has
    any; so does one without turns where turns are given.

    Returns:
        How many recordings the part has.
    """
    paths = job.clips_of(part)
    rows: list[dict[str, Any]] = []
    with Diary(job.folder / f"part-{part:08d}.reading") as diary:
        for index, path in enumerate(paths):
            segments, error = _segments_of(job, path, index, recognizer, diary)
            rows += [
                {"path": printable(path), **each.to_dict(), **(each.probabilities or {})} for each in segments
            ]
            if error:
                rows.append({"path": printable(path), "error": error})
        with replacing(job.part_file(part)) as unfinished:
            table = pyarrow.Table.from_pylist(rows, schema=segment_schema(job.settings["emotions"]))
            pyarrow.parquet.write_table(table, unfinished)
    return len(paths)


def _segments_of(
    job: Job, path: str, index: int, recognizer: EmotionRecognizer, diary: Diary
) -> tuple[list[Segment], str | None]:
    """Return a recording's segments in the order of time, and why there are no more if it is at fault."""
    segments: list[Segment] = []
    error = diary.gives_up(index)
    if not error:
        options = job.settings["segments"]
        try:
            turns = _turns_of(options["turns"], path)
            with diary.reading(index):
                file = Path(job.settings["root"]) / path
                for segment in segment_recording(recognizer, file, channels=options["channels"], turns=turns):
                    segments.append(segment)  # noqa: PERF402 -- keeps what came before an error
        except (AudioError, ValueError, OSError) as problem:
            error = str(problem)
    return sorted(segments, key=lambda each: (each.start_seconds, each.channel)), error


def _turns_of(turns: str | None, path: str) -> list[Turn] | None:
    """Return the turns of a recording, from a file or from a folder's file with the recording's name."""
    if turns is None:
        return None
    if not Path(turns).is_dir():
        return read_turns(turns, path)
    for suffix in (".rttm", ".csv"):
        if (file := Path(turns, Path(path).stem + suffix)).exists():
            return read_turns(file)
    raise ValueError(f"{turns} has no file {Path(path).stem}.rttm or .csv with the turns of this recording.")


def write_results(job: Job, output: Path, form: str | None) -> int:
    """Write what a job found: a table of segments and one of speakers, or a file a recording.

    Args:
        job: All parts of it are scored.
        output: The table, whose ending names its format; `NAME.summary.ENDING` next to it gets the speakers.
            Or the folder for the files.
        form: `None` for tables, or one of `ser.segments.formats.FORMATS`.

    Returns:
        How many recordings could not be read, or not to their end.
    """
    emotions = job.settings["emotions"]
    parts = [job.part_file(part) for part in range(job.num_parts)]
    if form is not None:
        return _write_files(parts, output, form, emotions)
    schema = segment_schema(emotions)
    summary = output.with_name(f"{output.stem}.summary{output.suffix}")
    with (
        replacing(summary, job.folder) as unfinished,
        FORMS[output.suffix[1:]](unfinished, summary_schema(emotions)) as write,
    ):
        for path, segments, _ in _recordings(parts, emotions):
            rows = [{"path": path, **vars(each), **each.shares} for each in summarise(segments, emotions)]
            write(pyarrow.Table.from_pylist(rows, schema=summary_schema(emotions)))
    with replacing(output, job.folder) as unfinished:
        return join_parts(parts, unfinished, output.suffix[1:], schema)


def _write_files(parts: list[Path], output: Path, form: str, emotions: list[str]) -> int:
    num_broken = 0
    written: set[Path] = set()
    for path, segments, error in _recordings(parts, emotions):
        num_broken += error is not None
        if not segments:
            continue
        place = Path(*(each for each in Path(path).parts if each not in ("..", Path(path).anchor)))
        file = output / place.with_suffix(FORMATS[form][0])
        if file in written:  # call.wav and call.mp3
            file = output / f"{place}{FORMATS[form][0]}"
        written.add(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as unfinished:
            write_segments(unfinished, form, segments, recording=path, emotions=emotions)
    return num_broken


def _recordings(parts: list[Path], emotions: list[str]) -> Iterator[tuple[str, list[Segment], str | None]]:
    """Yield path, segments and error of each recording, with one part in memory at a time."""
    for part in parts:
        rows = pyarrow.parquet.read_table(part).to_pylist()
        for path, of_recording in groupby(rows, key=lambda row: row["path"]):
            listed = list(of_recording)
            error = next((row["error"] for row in listed if row["error"]), None)
            yield path, [_segment(row, emotions) for row in listed if not row["error"]], error


def _segment(row: dict[str, Any], emotions: list[str]) -> Segment:
    probabilities = {emotion: row[emotion] for emotion in emotions} if row["emotion"] else None
    return Segment(
        row["start_seconds"],
        row["end_seconds"],
        row["channel"],
        row["speaker"],
        row["kind"],
        probabilities,
        Confidence(row["is_sure"], row["share_of_such_answers_right"]) if probabilities else None,
        row["is_out_of_distribution"],
    )
