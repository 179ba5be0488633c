"""Measures a checkpoint on a corpus: scores with intervals, confusion, calibration, every single prediction.

    python evaluation.py --model checkpoint --data_dir data/ravdess --output_dir output/evaluation

The default is RAVDESS's actors 21 to 24, whom no shipped model was trained on. Scores of actors that a model
was trained on say nothing about a new voice; a loud warning appears where the checkpoint's record names them.
"""

import argparse
import shlex
import sys
from typing import Any

from ser.corpora import load_ravdess
from ser.encoder_finetuning import load_recognizer
from ser.evaluation import evaluation_report, score_clips
from ser.evaluation_files import write_evaluation
from ser.provenance import corpus_fingerprint, environment
from ser.splits import SHIPPED_TEST_ACTORS
from ser.training_record import heard_actors, read_training_record

CORPORA = {"ravdess": load_ravdess}


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line; `--help` shows it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--model", required=True, help="folder of a checkpoint, or a Hub id")
    parser.add_argument("--revision", help="branch, tag or commit of a model on the Hub")
    parser.add_argument(
        "--data_dir", required=True, help="folder of Actor_01 ... Actor_24, or the published zip"
    )
    parser.add_argument("--output_dir", required=True, help="where the files go; made if missing")
    parser.add_argument("--corpus", choices=sorted(CORPORA), default="ravdess", help="what data_dir holds")
    parser.add_argument(
        "--actors",
        type=int,
        nargs="+",
        default=list(SHIPPED_TEST_ACTORS),
        help="score these alone; default: 21 22 23 24, never trained on",
    )
    parser.add_argument(
        "--batch_size", type=int, default=32, help="clips in memory at a time; changes no score"
    )
    parser.add_argument(
        "--skip_broken", action="store_true", help="leave out clips that cannot be read, instead of stopping"
    )
    return parser.parse_args(arguments)


def show(report: dict[str, Any]) -> None:
    """Prints the scores as tables a person reads at a glance, in percent."""
    uar, accuracy = report["uar_interval"], report["accuracy_interval"]
    print(f"\n{report['title']}: {report['num_clips']} clips\n")
    for name, key, interval in (("UAR", "uar", uar), ("accuracy", "accuracy", accuracy)):
        low, high = 100 * interval["low"], 100 * interval["high"]
        print(
            f"{name:<16}{100 * report[key]:6.1f} %   {interval['confidence']:.0%} interval "
            f"{low:.1f} to {high:.1f} (bootstrap over {interval['num_actors']} actors)"
        )
    for name, key in (("precision", "macro_precision"), ("recall", "macro_recall"), ("F1", "macro_f1")):
        print(f"macro {name:<10}{100 * report[key]:6.1f} %")
    print(f"{'ECE, 15 bins':<16}{report['expected_calibration_error']:8.3f}")

    print(f"\n{'':<12}{'precision':>10}{'recall':>10}{'F1':>10}{'clips':>8}")
    for emotion, scores in report["per_class"].items():
        columns = "".join(f"{100 * scores[key]:10.1f}" for key in ("precision", "recall", "f1"))
        print(f"{emotion:<12}{columns}{scores['num_clips']:8d}")

    print(f"\n{'':<22}{'UAR':>10}{'accuracy':>10}{'clips':>8}")
    for group in ("gender", "intensity", "actor"):
        for value, scores in report[f"per_{group}"].items():
            columns = "".join(f"{100 * scores[key]:10.1f}" for key in ("uar", "accuracy"))
            print(f"{group + ' ' + value:<22}{columns}{scores['num_clips']:8d}")
    if report["broken_clips"]:
        print(f"\nLeft out, for they cannot be read: {', '.join(report['broken_clips'])}")


def warn_of_heard_voices(heard: set[int] | None, actors: list[int]) -> None:
    """Says on stderr whether the scores are those of voices the model knows."""
    if heard is None:
        print(
            "Note: the checkpoint does not say whose voices it was trained on. If it was these actors', the "
            "scores say nothing about new voices.",
            file=sys.stderr,
        )
    elif known := sorted(heard & set(actors)):
        print(
            f"{'!' * 78}\nWARNING: the model was TRAINED on actors {', '.join(map(str, known))}.\n"
            f"These scores are too high: they do not tell how it does on new voices.\n{'!' * 78}",
            file=sys.stderr,
        )


def main(arguments: list[str]) -> None:
    """Parses, scores, writes, shows."""
    args = parse_arguments(arguments)
    try:
        clips = CORPORA[args.corpus](args.data_dir, actors=args.actors)
        recognizer = load_recognizer(args.model, revision=args.revision)
        heard = heard_actors(read_training_record(args.model, revision=args.revision))
        warn_of_heard_voices(heard, args.actors)
        scored = score_clips(
            recognizer,
            clips,
            batch_size=args.batch_size,
            skip_broken=args.skip_broken,
            show_progress=sys.stderr.isatty(),
        )
        actors = sorted(set(args.actors))
        report = {
            "title": f"{args.corpus.upper()}, actors {', '.join(map(str, actors))}",
            **evaluation_report(scored),
            "actors": actors,
            "actors_heard_in_training": None if heard is None else sorted(heard & set(actors)),
            "corpus": {"name": args.corpus, "fingerprint": corpus_fingerprint(clips)},
            "model": {"name": args.model, "revision": args.revision},
            **environment(),
            "command": shlex.join(["python", "evaluation.py", *arguments]),
        }
        files = write_evaluation(args.output_dir, scored, report, report["title"])
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    show(report)
    print("\nWritten: " + ", ".join(str(file) for file in files))


if __name__ == "__main__":
    main(sys.argv[1:])
