"""Measure a checkpoint on a corpus: scores with intervals, confusion, calibration, every prediction.

    python -m ser evaluate --model checkpoint --data_dir data/ravdess --output_dir output/evaluation

    python -m ser evaluate --model checkpoint --corpus emodb --data_dir data/emodb --output_dir output

    python -m ser evaluate --model OUT --data recordings.csv --output_dir output

The default is actors 21 to 24 of RAVDESS, whom no shipped model was trained on; of another corpus, all
speakers, on the emotions that it has. Scores of actors that a model was trained on say nothing about unseen
speakers: a warning appears if the checkpoint's record names them. --data scores your own recordings
(docs/your-own-recordings.md).
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ser.__main__ import CommandParser, shipped
from ser.audio import AudioError
from ser.corpora import CORPORA, CORPUS_TITLES, load_own_data
from ser.corpora.named_corpus import UnreadableClipsError
from ser.corpora.own_data import UNKNOWN_SPEAKER, add_column_options, column_options
from ser.corpora.own_splits import NO_SPEAKERS
from ser.corpora.provenance import corpus_fingerprint, environment
from ser.corpora.together import load_corpus
from ser.evaluation.files import write_evaluation
from ser.evaluation.own_evaluation import SOUND_DIGITS, own_report
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.evaluation.scoring import GROUPS, ScoredClips, evaluation_report, score_clips
from ser.evaluation.tables import percent_range
from ser.evaluation.training_record import read_training_record, training_speakers
from ser.labels import CLASS_SETS, corpus_classes
from ser.recognizer import EmotionRecognizer


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line, that of the process if none is given."""
    parser = CommandParser(description=__doc__)
    parser.add_argument(
        "--model",
        default=shipped("checkpoint"),
        help="folder of a checkpoint, or a Hub id; default: ours",
    )
    parser.add_argument("--revision", help="branch, tag or commit of a model on the Hub")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data_dir", help="folder of the corpus; of RAVDESS also the published zip")
    source.add_argument("--data", help="your own recordings: a folder, a table, or a data set on the Hub")
    add_column_options(parser, " in --data")
    parser.add_argument("--output_dir", required=True, help="where the files go; made if missing")
    parser.add_argument("--corpus", choices=list(CORPORA), default="ravdess", help="what data_dir holds")
    parser.add_argument(
        "--classes",
        choices=list(CLASS_SETS),
        help="score on this set of emotions alone (docs/corpora.md); default: all that the corpus has, and "
        "the smaller sets as well",
    )
    parser.add_argument(
        "--actors",
        nargs="+",
        help="score these speakers alone; default: 21 22 23 24 of RAVDESS, never trained on, else all",
    )
    parser.add_argument(
        "--batch_size", type=int, default=32, help="clips in memory at a time; does not change the scores"
    )
    parser.add_argument(
        "--skip_unreadable",
        action="store_true",
        help="leave out clips that cannot be read, and list them, instead of stopping",
    )
    parser.add_argument(
        "--enrol",
        type=int,
        default=0,
        metavar="NUMBER",
        help="adapt the model to each speaker by so many of the speaker's clips, unlabelled and not scored "
        "(docs/conversations.md)",
    )
    args = parser.parse_args(arguments)
    if args.enrol < 0:
        parser.error(f"--enrol must be 0 or more, got {args.enrol}")
    if args.actors is None and args.corpus in ("ravdess", "ravdess-song"):
        args.actors = list(SHIPPED_TEST_ACTORS)
    return args


def scored_classes(corpus: str, class_set: str | None) -> tuple[str, ...]:
    """Return the emotions to score on.

    Raises:
        ValueError: If the set has emotions that the corpus lacks.
    """
    of_corpus = corpus_classes(corpus)
    classes = CLASS_SETS[class_set] if class_set else of_corpus
    if missing := [emotion for emotion in classes if emotion not in of_corpus]:
        raise ValueError(
            f"{CORPUS_TITLES[corpus]} has no {', '.join(missing)}; choose other --classes, or leave them out."
        )
    return classes


def title_of(corpus: str, actors: list[str], is_everyone: bool, classes: tuple[str, ...]) -> str:
    """Describe what was measured, in a few words."""
    own_names = ", ".join(actor.partition(":")[2] for actor in actors)
    who = f"all {len(actors)} speakers" if is_everyone else f"actors {own_names}"
    on = "" if len(classes) == len(CLASS_SETS["8"]) else f" ({len(classes)} classes)"
    return f"{CORPUS_TITLES[corpus]}, {who}{on}"


def show(report: dict[str, Any]) -> None:
    """Print the scores as tables, in percent."""
    uar, accuracy = report["uar_interval"], report["accuracy_interval"]
    chance = 100 * report["chance"]
    print(f"\n{report['title']}: {report['num_clips']} clips, guessing gives {chance:.1f} %\n")
    num_actors = uar["num_actors"]
    over = f"{num_actors} speakers" if num_actors > 1 else "the clips of one speaker"
    for name, key, interval in (("UAR", "uar", uar), ("accuracy", "accuracy", accuracy)):
        print(
            f"{name:<16}{100 * report[key]:6.1f} %   {interval['confidence']:.0%} interval "
            f"{percent_range(interval)} (bootstrap over {over})"
        )
    for name, key in (("precision", "macro_precision"), ("recall", "macro_recall"), ("F1", "macro_f1")):
        print(f"macro {name:<10}{100 * report[key]:6.1f} %")
    print(f"{'ECE, 15 bins':<16}{report['expected_calibration_error']:8.3f}")

    print(f"\n{'':<12}{'precision':>10}{'recall':>10}{'F1':>10}{'clips':>8}")
    for emotion, scores in report["per_class"].items():
        columns = "".join(f"{100 * scores[key]:10.1f}" for key in ("precision", "recall", "f1"))
        print(f"{emotion:<12}{columns}{scores['num_clips']:8d}")

    if len(report["per_class_set"]) > 1:
        _show_groups("classes", report["per_class_set"])
    for group in GROUPS:
        _show_groups(group, report[f"per_{group}"])
    if report["broken_clips"]:
        print(f"\nLeft out because they cannot be read: {', '.join(report['broken_clips'])}")


def _show_groups(name: str, groups: dict[str, dict[str, Any]]) -> None:
    if not groups:
        return
    width = max(12, *(len(value) + 2 for value in groups))
    print(f"\n{name:<{width}}{'UAR':>8}{'95 % interval':>18}{'accuracy':>10}{'clips':>8}")
    for value, scores in groups.items():
        interval = percent_range(scores["uar_interval"])
        print(
            f"{value:<{width}}{100 * scores['uar']:8.1f}{interval:>18}"
            f"{100 * scores['accuracy']:10.1f}{scores['num_clips']:8d}"
        )


def warn_about_training_speakers(trained_on: set[str] | None, actors: list[str]) -> None:
    """Warn on stderr if the model was trained on speakers that are scored, or if that is unknown.

    Args:
        trained_on: The speakers that the model was trained on, or None if the checkpoint does not say.
        actors: The speakers that are scored.
    """
    if trained_on is None:
        print(
            "Note: the checkpoint does not say which speakers it was trained on. If it was these, the scores "
            "say nothing about unseen speakers.",
            file=sys.stderr,
        )
    elif known := sorted(trained_on & set(actors)):
        warn(
            f"the model was TRAINED on actors {', '.join(known)}.\n"
            "These scores are too high: unseen speakers are recognised less well."
        )


def warn(message: str) -> None:
    """Print a warning that cannot be overlooked."""
    banner = "!" * 78
    print(f"{banner}\nWARNING: {message}\n{banner}", file=sys.stderr)


def evaluate_corpus(args: argparse.Namespace) -> tuple[ScoredClips, dict[str, Any]]:
    """Score a model on a corpus."""
    classes = scored_classes(args.corpus, args.classes)
    unreadable: list[str] = []
    try:
        clips = load_corpus(args.corpus, args.data_dir, actors=args.actors)
    except UnreadableClipsError as error:
        if not args.skip_unreadable:
            raise
        unreadable = error.files
        clips = load_corpus(args.corpus, args.data_dir, actors=args.actors, skip_unreadable=True)
    recognizer = EmotionRecognizer.from_pretrained(args.model, args.revision)
    actors = sorted(set(clips["actor"]))
    trained_on = training_speakers(read_training_record(args.model, revision=args.revision))
    warn_about_training_speakers(trained_on, actors)
    scored = score_clips(
        recognizer,
        clips,
        classes,
        batch_size=args.batch_size,
        skip_broken=args.skip_unreadable,
        show_progress=sys.stderr.isatty(),
        num_enrolled=args.enrol,
    )
    scored.broken.update({Path(file).name: "it holds no sound" for file in unreadable})
    return scored, {
        "title": title_of(args.corpus, actors, args.actors is None, classes),
        **evaluation_report(scored),
        "actors": actors,
        "actors_in_training": None if trained_on is None else sorted(trained_on & set(actors)),
        "corpus": {"name": args.corpus, "fingerprint": corpus_fingerprint(clips.select(scored.rows))},
    }


def evaluate_own(args: argparse.Namespace) -> tuple[ScoredClips, dict[str, Any]]:
    """Score a model on the user's own recordings, those of the test part where they are divided."""
    clips = load_own_data(args.data, **column_options(args), skip_unreadable=args.skip_unreadable)
    recognizer = EmotionRecognizer.from_pretrained(args.model, args.revision)
    record = read_training_record(args.model, revision=args.revision)
    splits = np.asarray(clips["split"])
    if (splits == "test").any():
        clips = clips.select(np.flatnonzero(splits == "test"))
    warnings = []
    known = set((record or {}).get("train_sounds", ()))
    if num_known := sum(sound[:SOUND_DIGITS] in known for sound in clips["sha256"]):
        warnings.append(
            f"The model was TRAINED on {num_known} of these {len(clips)} recordings: the scores are too high."
        )
    if clips.unique("actor") == [UNKNOWN_SPEAKER]:
        warnings.append(NO_SPEAKERS)
    for warning in warnings:
        warn(warning)
    names = clips.features["emotion"].names
    classes = [label for label in recognizer.emotions if label in names]
    unknown = sorted(set(names) - set(classes))
    scored = score_clips(
        recognizer,
        clips,
        [*classes, *unknown],
        batch_size=args.batch_size,
        show_progress=sys.stderr.isatty(),
        num_enrolled=args.enrol,
    )
    return scored, own_report(scored, " ".join(warnings) or None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, score, write the files, and print the scores."""
    arguments = sys.argv[1:] if arguments is None else arguments
    args = parse_arguments(arguments)
    try:
        scored, report = evaluate_own(args) if args.data else evaluate_corpus(args)
        if args.enrol:
            report["title"] += f", {args.enrol} clips of each speaker enrolled"
        report |= {
            "num_enrolled": args.enrol,
            "model": {"name": args.model, "revision": args.revision},
            **environment(),
            "command": shlex.join(["python", "-m", "ser", "evaluate", *arguments]),
        }
        files = write_evaluation(args.output_dir, scored, report, report["title"])
        if Path(args.output_dir).resolve().parent == Path(args.model).resolve():
            from ser.hub.card import write_card

            write_card(args.model)
    except (AudioError, UnreadableClipsError) as error:
        sys.exit(f"Error: {error} To leave such clips out: --skip_unreadable")
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    show(report)
    print("\nWritten: " + ", ".join(str(file) for file in files))
