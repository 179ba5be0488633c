"""Score many clips: files, folders, globs or a manifest in, a table of probabilities out.

    python -m ser predict --model checkpoint --output scores.parquet calls/ "more/**/*.mp3"
    python -m ser predict --model checkpoint --output scores.csv --manifest calls.csv --num_workers 4

One row a clip, in the order of the sources: its path, the likeliest emotion and how often such answers are
right, the length, the probability of each emotion, and for an unreadable clip the reason in the column
`error`. The same command resumes a run that was stopped or killed, also with another engine.

    python -m ser predict --segments --model checkpoint --output segments.csv calls/
    python -m ser predict --segments --format textgrid --model checkpoint --output tiers/ interviews/

With --enrol, the model is adapted to the one speaker of all clips.

With --segments, recordings of any length are cut into stretches of speech: one row a segment, and a second
table that summarises each speaker; or with --format one file a recording.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ser.__main__ import CommandParser, shipped
from ser.batch.inputs import PATH_COLUMN, list_sources, read_manifest
from ser.batch.job import (
    CLIPS_PER_PART,
    Job,
    clear,
    has_job,
    locked,
    parts_folder,
    replacing,
    start_or_resume,
)
from ser.batch.local_engine import run_here, run_in_processes
from ser.batch.segmenting import RECORDINGS_PER_PART, write_results
from ser.batch.tables import FORMS, join_parts, schema_of
from ser.batch.worker import ModelChoice
from ser.recognizer import EmotionRecognizer
from ser.segments.formats import FORMATS


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line, that of the process if none is given."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("sources", nargs="*", help="sound files, folders to search, or globs in quotes")
    parser.add_argument(
        "--manifest",
        help="instead of sources: .csv, .tsv, .jsonl, .parquet or .txt (a path per line)",
    )
    parser.add_argument("--path_column", default=PATH_COLUMN, help="the manifest's column of paths")
    parser.add_argument(
        "--model",
        default=shipped("checkpoint"),
        help="folder of a checkpoint, or a Hub id; default: ours",
    )
    parser.add_argument("--revision", help="branch, tag or commit of a model on the Hub")
    parser.add_argument(
        "--backend",
        choices=("torch", "onnx"),
        default="torch",
        help="onnx: run the graph onnx/model.onnx of the checkpoint (see ser.onnx.export), or an .onnx file",
    )
    parser.add_argument(
        "--enrol",
        help="if all sources are of one speaker: recordings of this speaker, a file, a folder or a glob in "
        "quotes, to adapt the model (see docs/conversations.md)",
    )
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        help="a .parquet, .csv or .jsonl file to write; with --format a folder",
    )
    parser.add_argument(
        "--segments",
        action="store_true",
        help="cut recordings into stretches of speech (see docs/conversations.md)",
    )
    parser.add_argument("--format", choices=FORMATS, help="with --segments: write such a file a recording")
    parser.add_argument(
        "--channels",
        choices=("auto", "mix", "speakers"),
        default="auto",
        help="with --segments: mix the channels, or each is a speaker; default: decided by their content",
    )
    parser.add_argument(
        "--turns",
        help="with --segments: who speaks when, an .rttm or .csv file of all recordings or a folder with one "
        "of each",
    )
    parser.add_argument("--num_workers", type=int, help="processes to share the work; default: one a core")
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="local: processes of this machine; ray: the cores of a Ray cluster (see docs/scale.md)",
    )
    parser.add_argument(
        "--ray_address", help="host:port of a running cluster; without it one is started here for the job"
    )
    parser.add_argument(
        "--clips_per_part",
        type=int,
        help=f"clips that a worker scores between two saves; default: {CLIPS_PER_PART}, "
        f"with --segments {RECORDINGS_PER_PART}",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the output, and restart an unfinished job"
    )
    args = parser.parse_args(arguments)
    if bool(args.sources) == bool(args.manifest):
        parser.error("give sources, or a --manifest")
    for name in ("format", "turns"):
        if getattr(args, name) and not args.segments:
            parser.error(f"--{name} goes with --segments")
    if not args.format and args.output.suffix.removeprefix(".") not in FORMS:
        parser.error(f"--output must end in one of .{', .'.join(FORMS)}, got {args.output.name}")
    if args.ray_address and args.engine != "ray":
        parser.error("--ray_address goes with --engine ray")
    for name in ("num_workers", "clips_per_part"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f"--{name} must be 1 or more, got {getattr(args, name)}")
    args.clips_per_part = args.clips_per_part or (RECORDINGS_PER_PART if args.segments else CLIPS_PER_PART)
    return args


def _num_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def score(args: argparse.Namespace) -> tuple[int, int]:
    """Run the job of a command line, from the start or from where an earlier run stopped.

    Returns:
        The number of clips, and how many of them could not be read.

    Raises:
        ValueError: If the output exists, or the job cannot be started or resumed as asked.
        OSError: If the model is not there, or a file cannot be read or written.
        RuntimeError: If an engine's workers cannot start or keep dying.
    """
    enrolment = tuple(map(os.path.realpath, list_sources([args.enrol]))) if args.enrol else ()
    model = ModelChoice(args.model, args.revision, args.backend, enrolment)
    recognizer = model.load()
    settings: dict[str, Any] = {
        "sources": args.sources,
        "manifest": args.manifest and str(Path(args.manifest).resolve()),
        "path_column": args.path_column,
        # Paths of a manifest start from where it lies, others from where the program was started.
        "root": str(Path(args.manifest).resolve().parent if args.manifest else Path.cwd()),
        "model": recognizer.fingerprint(),
        "emotions": list(recognizer.emotions),
    }
    if enrolment:
        settings["enrolment"] = list(enrolment)
    if args.segments:
        turns = args.turns and str(Path(args.turns).resolve(strict=True))
        settings["segments"] = {"channels": args.channels, "turns": turns}
    folder = parts_folder(args.output)
    with locked(folder):
        if args.output.exists() and not has_job(folder) and not args.overwrite:
            raise ValueError(
                f"{args.output} exists. Choose another output, or pass --overwrite to replace it."
            )
        if args.overwrite:
            clear(folder)
            if not args.output.is_dir():  # what lies in a folder is replaced file by file
                args.output.unlink(missing_ok=True)
        job = start_or_resume(folder, settings, _clips(args), args.clips_per_part)
        _score_parts(job, model, recognizer, args)
        if args.segments:
            num_broken = write_results(job, args.output, args.format)
        else:
            parts = map(job.part_file, range(job.num_parts))
            with replacing(args.output, folder) as unfinished:
                schema = schema_of(recognizer.emotions)
                num_broken = join_parts(parts, unfinished, args.output.suffix[1:], schema)
        clear(folder)
    return job.num_clips, num_broken


def _clips(args: argparse.Namespace) -> Iterator[str]:
    return read_manifest(args.manifest, args.path_column) if args.manifest else list_sources(args.sources)


def _score_parts(
    job: Job, model: ModelChoice, recognizer: EmotionRecognizer, args: argparse.Namespace
) -> None:
    unfinished = list(job.unfinished_parts())
    num_done = job.num_clips - sum(map(job.part_size, unfinished))
    if num_done:
        print(f"Resuming after {num_done} of {job.num_clips} clips.", file=sys.stderr)
    with tqdm(
        total=job.num_clips, initial=num_done, unit="clip", smoothing=0.05, disable=not sys.stderr.isatty()
    ) as bar:
        num_workers = min(args.num_workers or _num_cores(), len(unfinished))
        if args.engine == "ray":
            from ser.batch.ray_engine import HERE, run_on_ray

            run_on_ray(job, model, args.num_workers, bar.update, args.ray_address or HERE)
        elif num_workers <= 1:
            run_here(job, recognizer, bar.update)
        else:
            run_in_processes(job, model, num_workers, bar.update)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, score, and print where the table is."""
    args = parse_arguments(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        num_clips, num_broken = score(args)
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped. Give the same command again to resume.")
    broken = f"; {num_broken} could not be read, see the column 'error'" if num_broken else ""
    print(f"Written: {args.output} ({num_clips} clips{broken})")
    if num_broken == num_clips:
        sys.exit("Error: none of the recordings could be scored.")
