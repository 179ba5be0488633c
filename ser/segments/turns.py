"""Turns, that is, who speaks when, from a diarisation tool or a person: RTTM, or a CSV table."""

import csv
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Turn:
    """A stretch that one speaker speaks without a break.

    Attributes:
        start_seconds: Where it begins in the recording.
        end_seconds: Where it ends.
        speaker: Who speaks.
        channel: Number of the channel, from 1.
        recording: Name of the recording without its ending; `None` for any.
    """

    start_seconds: float
    end_seconds: float
    speaker: str
    channel: int = 1
    recording: str | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.start_seconds < self.end_seconds < math.inf and self.channel >= 1):
            raise ValueError(
                "A turn must start at 0 s or later, end after its start and have a channel from 1 on, found "
                f"{self.start_seconds:g} to {self.end_seconds:g} s on channel {self.channel}."
            )


def read_turns(file: str | os.PathLike[str], recording: str | None = None) -> list[Turn]:
    """Read turns.

    Args:
        file: RTTM (`.rttm`: NIST, 2009), whose SPEAKER lines are read; or a `.csv` with the columns `start`
            and `end` in seconds, `speaker`, and where needed `channel` and `recording`.
        recording: Only turns of this recording: its path, whose name without the ending is looked for.

    Returns:
        The turns, by their start.

    Raises:
        ValueError: If a line cannot be read, or there is no turn of the recording.
        OSError: If the file cannot be read.
    """
    path = Path(file)
    if path.suffix.lower() not in (".rttm", ".csv"):
        raise ValueError(f"Turns must be an .rttm or a .csv file, got {path.name}.")
    is_rttm = path.suffix.lower() == ".rttm"
    turns = []
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows: Iterator[Any] = map(str.split, lines) if is_rttm else csv.DictReader(lines)
        for number, row in enumerate(rows, start=1):
            try:
                turn = _rttm(row) if is_rttm else _csv(row)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise ValueError(f"Row {number} of {path.name} is not a turn: {error!r}.") from error
            turns += [turn] if turn else []
    if recording is not None:
        turns = [turn for turn in turns if turn.recording in (None, Path(recording).stem)]
    if not turns:
        of = f" of {Path(recording).stem}" if recording else ""
        raise ValueError(f"{path.name} holds no turn{of}. Expected SPEAKER lines, or rows below a header.")
    return sorted(turns, key=lambda turn: turn.start_seconds)


def _rttm(fields: list[str]) -> Turn | None:
    """Read `SPEAKER recording channel start duration <NA> <NA> name <NA> <NA>`; other lines hold no turn."""
    if not fields or fields[0] != "SPEAKER" or float(fields[4]) == 0:
        return None
    start, channel = float(fields[3]), int(fields[2]) if fields[2] != "<NA>" else 1
    return Turn(start, start + float(fields[4]), fields[7], max(channel, 1), fields[1])


def _csv(row: dict[str, str]) -> Turn:
    recording = Path(row["recording"]).stem if row.get("recording") else None
    channel = int(row.get("channel") or 1)
    return Turn(float(row["start"]), float(row["end"]), row["speaker"], channel, recording)
