"""Inspect recordings before training on them: `python -m ser inspect DATA`.

Prints durations, rates, levels, faults, silence, duplicates, labels and speakers, and the recordings that
training would leave out. With --output_dir it also writes `inspection.json`, `inspection.png` and
`recordings.csv`, with a row for each recording. DATA is a folder with a folder for each label or with
metadata.csv, a table (.csv, .tsv, .jsonl, .parquet) with path and label, or a data set of the Hugging Face
Hub.
"""

import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from datasets import Dataset

from ser.__main__ import CommandParser
from ser.corpora.clip_facts import ClipFacts, examine_clips
from ser.corpora.inspection import inspect_clips, inspection_figure, summary_lines
from ser.corpora.own_data import add_column_options, column_options, labels_of, read_own_clips


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, inspect the recordings, print and write the results."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("data", help="the recordings")
    parser.add_argument("--output_dir", type=Path, help="where the files go; made if missing")
    add_column_options(parser)
    args = parser.parse_args(arguments)
    try:
        clips = read_own_clips(args.data, **column_options(args))
        facts = examine_clips(clips, show_progress=sys.stderr.isatty())
        summary = inspect_clips(clips, facts)
        print("\n".join(summary_lines(summary)))
        if args.output_dir:
            args.output_dir.mkdir(parents=True, exist_ok=True)
            (args.output_dir / "inspection.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
            inspection_figure(clips, facts, Path(args.data).name).savefig(args.output_dir / "inspection.png")
            write_facts(args.output_dir / "recordings.csv", clips, facts)
            print(f"Written: inspection.json, inspection.png and recordings.csv in {args.output_dir}")
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")


def write_facts(file: Path, clips: Dataset, facts: Sequence[ClipFacts]) -> None:
    """Write a table with a row for each recording."""
    rows = [
        {"path": fact.file, "label": label, "speaker": speaker, **asdict(fact), "hints": " ".join(fact.hints)}
        for fact, label, speaker in zip(facts, labels_of(clips), clips["actor"], strict=True)
    ]
    columns = [name for name in rows[0] if name != "file"]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
