"""Write `docs/generalisation.md`: training with other corpora, subgroups, out-of-distribution detection.

    python -m benchmarks.report.generalisation

Reads `benchmarks/results/`: evaluations, cross-validations over several corpora, and what
`benchmarks.accuracy.out_of_distribution` measured.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cross_validate import settings_changed_since
from benchmarks.report.measurements import (
    ACCURATE_FOLDER,
    ACCURATE_RECIPE,
    SPREAD_PROTOCOL,
    ShippedResults,
    read_runs,
    shipped_results,
)
from benchmarks.report.results import command_of, earlier_recipe
from benchmarks.report.tables import out_of_distribution_lines
from ser.corpora import CORPUS_TITLES
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT
from ser.evaluation.scoring import GROUPS
from ser.evaluation.tables import spread_lines

ROOT = Path(__file__).resolve().parents[2]


def cross_corpus_lines(root: Path) -> Iterator[str]:
    """Yield a table of each recipe on corpora left out of its training, with its command."""
    results = root / "benchmarks" / "results" / LEAVE_ONE_CORPUS_OUT
    for folder in sorted(path for path in results.glob("*") if path.is_dir()):
        runs = read_runs(folder)
        by_test: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
        for run in runs:
            for corpus, by_set in run["per_corpus"].items():
                for name, scores in by_set.items():
                    trained = " and ".join(CORPUS_TITLES[each] for each in run["train_corpora"])
                    by_test[CORPUS_TITLES[corpus], trained, name].append(scores)
        yield from ("", f"### {LEAVE_ONE_CORPUS_OUT}, {folder.name}", "")
        yield from ("The recipe trained on the other corpora, tested on the one left out.", "")
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
            yield from ("", earlier_recipe([folder.name], changed))


def document(root: Path) -> str:
    """Return the text of `docs/generalisation.md`."""
    small, accurate = shipped_results(root), shipped_results(root, ACCURATE_FOLDER, ACCURATE_RECIPE)
    lines = [
        "# Generalisation",
        "",
        "Written by `python -m benchmarks.report.generalisation` from the files in `benchmarks/results/`. "
        "UAR and accuracy are in percent; [evaluation.md](evaluation.md) explains them and the intervals.",
        "",
        "## Other corpora",
        "",
        "[results.md](results.md) has the scores of both checkpoints on EmoDB, which no shipped training "
        "contained. Here are recipes trained on some corpora and tested on others. Probabilities are "
        "restricted to the emotions that a corpus has and renormalised ([corpora.md](corpora.md)).",
        *cross_corpus_lines(root),
        "",
        "## Subgroups",
        "",
        *subgroup_lines(small, "the MFCC-LSTM checkpoint"),
        *subgroup_lines(accurate, "the accurate checkpoint"),
    ]
    if small.out_of_distribution:
        lines += out_of_distribution_section(small.out_of_distribution)
    return "\n".join(lines)


def subgroup_lines(results: ShippedResults, title: str) -> Iterator[str]:
    """Yield tables of how a checkpoint and its recipe differ between groups of speakers and recordings."""
    if results.spread:
        yield from (f"### The recipe of {title} on {SPREAD_PROTOCOL}, all speakers unseen", "")
        yield from (*spread_lines(*results.spread), "")
    for each in [*results.checkpoint.at_home, *results.checkpoint.elsewhere]:
        per_group = {group: each[f"per_{group}"] for group in GROUPS}
        yield from (f"### {title[0].upper()}{title[1:]} on {each['title']}", "")
        yield from (*spread_lines(per_group, each["gaps"]), "")


def out_of_distribution_section(measured: dict[str, Any]) -> Iterator[str]:
    """Yield the section about the detector of the MFCC-LSTM checkpoint."""
    yield from ("## Out-of-distribution detection", "")
    yield (
        "The checkpoint holds the mean and covariance of the MFCC statistics of its training clips "
        "(`ser/recognizer/out_of_distribution.py`). The threshold is a Mahalanobis distance: 99 % of the "
        "clips of every training corpus lie closer to the clips of the other speakers. Recordings beyond it "
        'are answered with "not sure". AUROC is that of separating a sound from the unseen speakers by this '
        "distance; guessing gives 0.5. Bursts are noise in the rhythm of syllables. The detector does not "
        "notice an unfamiliar language, microphone or speaker. It was not measured on real music, animals "
        "or crowds. The accurate checkpoint has none."
    )
    yield from ("", *out_of_distribution_lines(measured["kinds"]), "")
    yield from ("Made by:", "", "```shell", measured["command"], "```", "")


def main(root: Path = ROOT) -> None:
    """Write the document."""
    (root / "docs" / "generalisation.md").write_text(document(root))


if __name__ == "__main__":
    main()
