"""Write `docs/generalisation.md`: other corpora, groups of voices, and sounds unlike the training data.

    python -m benchmarks.report.generalisation --ravdess_dir data/ravdess --emodb_dir data/emodb
    python -m benchmarks.report.generalisation

The first measures the checkpoint on EmoDB (`benchmarks/results/evaluation-emodb/`) and on sounds without
speech (`benchmarks/results/unlike.json`), then writes; the second only writes, from these files,
`docs/evaluation*/` of whatever other corpora there are, and `benchmarks/results/`.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cross_validate import settings_changed_since
from benchmarks.accuracy.strangeness import DEMO_SCORE
from benchmarks.accuracy.unlike import CONTROL, MAX_CONTROL_AUROC, MIN_USEFUL_AUROC, measure_unlike
from benchmarks.report.measurements import SPREAD_PROTOCOL, read_runs, shipped_results
from benchmarks.report.results import command_of, earlier_recipe, fold_numbers
from benchmarks.report.tables import elsewhere_lines, unlike_lines, unlike_sentence
from ser.__main__ import CommandParser
from ser.corpora import CORPUS_TITLES
from ser.evaluation import cli as evaluation
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT
from ser.evaluation.scoring import GROUPS
from ser.evaluation.tables import spread_lines

ROOT = Path(__file__).resolve().parents[2]

COMMAND = "python -m benchmarks.report.generalisation --ravdess_dir data/ravdess --emodb_dir data/emodb"


def cross_corpus_lines(root: Path) -> Iterator[str]:
    """Tables of the cross-validations over several corpora, each with the command that made it."""
    for folder in sorted(path for path in root.glob("benchmarks/results/*/*") if path.is_dir()):
        protocol = folder.parent.name
        if protocol != LEAVE_ONE_CORPUS_OUT and "+" not in protocol:
            continue
        runs = read_runs(folder)
        by_test: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
        for run in runs:
            for corpus, by_set in run["per_corpus"].items():
                for name, scores in by_set.items():
                    trained = " and ".join(CORPUS_TITLES[each] for each in run["train_corpora"])
                    by_test[CORPUS_TITLES[corpus], trained, name].append(scores)
        yield from ("", f"### {protocol}, {folder.name}", "")
        if protocol == LEAVE_ONE_CORPUS_OUT:
            yield (
                "Each corpus heard by the recipe trained on all speakers of the others. Beside the first "
                "table it shows how far two trainings lie apart on strangers."
            )
        else:
            yield (
                "Trained on all corpora together, each fold without the speakers that it tests; "
                f"folds {', '.join(fold_numbers(runs))}."
            )
        yield ""
        yield "| tested on | trained on | emotions | UAR, mean of folds | accuracy | clips | guessing |"
        yield "|---|---|---|---|---|---|---|"
        for (tested, trained, name), scores in by_test.items():
            num_classes = len(scores[0]["classes"])
            if name == "shared" and any(key == (tested, trained, str(num_classes)) for key in by_test):
                continue  # it is one of the conventional sets, which has a row of its own
            uar, accuracy = (100 * np.mean([each[key] for each in scores]) for key in ("uar", "accuracy"))
            num_clips = sum(each["num_clips"] for each in scores) // len({run["seed"] for run in runs})
            yield (
                f"| {tested} | {trained} | {num_classes} | **{uar:.1f}** | {accuracy:.1f} | {num_clips} "
                f"| {100 / num_classes:.1f} |"
            )
        yield from ("", "```shell", command_of(runs), "```")
        if changed := settings_changed_since(runs[0]):
            yield from ("", earlier_recipe(folder.name, changed))


def document(root: Path) -> str:
    """The text of `docs/generalisation.md`."""
    results = shipped_results(root)
    measured = results.checkpoint
    lines = [
        "# Does it hold elsewhere?",
        "",
        f"Written by `{COMMAND}` from the files it leaves, from `docs/evaluation*/` and from "
        "`benchmarks/results/`. UAR and accuracy are in percent; [evaluation.md](evaluation.md) says what "
        "they and the intervals mean.",
        "",
        "## Other corpora",
        "",
        "The shipped checkpoint, to whose training nothing of these corpora was added, and RAVDESS's unseen "
        "actors on the same emotions. Probabilities are restricted to the emotions asked about and "
        "renormalised ([corpora.md](corpora.md)). EmoDB may be used to choose a recipe, so it is a "
        "development corpus and no test; the corpora not listed here are the test.",
        "",
        *elsewhere_lines([*measured.elsewhere, *measured.at_home]),
        "",
        "Made by:",
        "",
        "```shell",
        *(each["command"] for each in [*measured.elsewhere, *measured.at_home]),
        "```",
        *cross_corpus_lines(root),
        "",
        "## Groups of voices",
        "",
    ]
    if results.spread:
        lines += [f"### The recipe on {SPREAD_PROTOCOL}: every voice heard by a model that is new to it", ""]
        lines += [*spread_lines(*results.spread), ""]
    for each in [*measured.at_home, *measured.elsewhere]:
        per_group = {group: each[f"per_{group}"] for group in GROUPS}
        lines += [f"### The shipped checkpoint on {each['title']}", ""]
        lines += [*spread_lines(per_group, each["gaps"]), ""]
    if results.unlike:
        lines += [*unlike_section(results.unlike)]
    return "\n".join(lines)


def unlike_section(unlike: dict[str, Any]) -> Iterator[str]:
    """What tells sounds unlike the training data, and whether it is used."""
    yield from ("## Sounds unlike the training data", "")
    yield (
        "AUROC of telling a sound from RAVDESS's unseen actors, by scores fitted to the training's actors "
        f"({unlike['num_known_clips']} clips): {unlike['num_unseen_clips']} clips of unseen actors against "
        f"{unlike['num_emodb_clips']} of EmoDB and {unlike['num_sounds_of_a_kind']} made-up sounds of each "
        "kind (`benchmarks/accuracy/nonspeech.py`; bursts are noise in the rhythm of syllables). "
        "1 is perfect, 0.5 is "
        "guessing; below 0.5 the strange sound looks the more usual one."
    )
    yield from ("", *unlike_lines(unlike), "", unlike_sentence(unlike), "")
    yield (
        "The voice in noise is a control: the same unseen actors in pink noise at 10 dB. They are speech, "
        "so a score that is high there hears the noise and not that a voice is missing. Deviations are "
        "how much each of the first 13 MFCC moves within a clip; the hints of the demo "
        "(`ser/audio/recording_quality.py`) "
        "are of silence, noise, shortness, clipping and the telephone. Neither needs the network. Nothing "
        "here tells reliably that a voice, a language or a microphone is foreign to the model, so that "
        "doubt is left to the reader. Real music, animals and crowds were not at hand."
    )
    yield ""
    yield use_sentence(unlike["auroc"])
    yield from ("", *flagged_lines(unlike["flagged"]))
    yield ""


def use_sentence(auroc: dict[str, dict[str, float]]) -> str:
    """Which scores of strangeness are good enough to be shown to a user, and what the demo does."""
    earning = [
        name
        for name, by_kind in auroc.items()
        if by_kind["no speech"] >= MIN_USEFUL_AUROC and by_kind[CONTROL] <= MAX_CONTROL_AUROC
    ]
    bar = f"{MIN_USEFUL_AUROC} on sounds without speech and at most {MAX_CONTROL_AUROC} on the {CONTROL}"
    reached = f"is reached by: {', '.join(earning)}" if earning else "is reached by none"
    return (
        f"**The bar for showing a score to a user, at least {bar}, {reached}.** A score of pooled vectors "
        "needs those of the training clips, which a checkpoint does not hold."
    )


def flagged_lines(flagged: dict[str, float]) -> Iterator[str]:
    """How often the demo answers that it is not sure because a sound is unlike those of the training."""
    yield (
        f"The demo goes by the {DEMO_SCORE}, whose mean and covariance the checkpoint brings along "
        "(`ser/recognizer/out_of_distribution.py`): beyond the distance that 99 % of the clips of the "
        "training keep to, each "
        "measured from those of the other actors, it answers that it is not sure. So it does with"
    )
    yield ""
    yield f"| {' | '.join(flagged)} |"
    yield "|---" * len(flagged) + "|"
    yield f"| {' | '.join(f'{100 * share:.0f} %' for share in flagged.values())} |"


def main(arguments: list[str], root: Path = ROOT) -> None:
    """Parse, measure if asked to, write."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--ravdess_dir", help="folder of RAVDESS; measures anew, with --emodb_dir")
    parser.add_argument("--emodb_dir", help="folder of EmoDB; measures anew, with --ravdess_dir")
    args = parser.parse_args(arguments)
    if bool(args.ravdess_dir) != bool(args.emodb_dir):
        parser.error("--ravdess_dir and --emodb_dir go together")
    if args.ravdess_dir:
        places = ["--data_dir", args.emodb_dir, "--output_dir", "benchmarks/results/evaluation-emodb"]
        evaluation.main(["--model", "checkpoint", "--corpus", "emodb", *places])
        unlike = measure_unlike("checkpoint", args.ravdess_dir, args.emodb_dir)
        (root / "benchmarks" / "results" / "unlike.json").write_text(json.dumps(unlike, indent=1) + "\n")
    (root / "docs" / "generalisation.md").write_text(document(root))


if __name__ == "__main__":
    main(sys.argv[1:])
