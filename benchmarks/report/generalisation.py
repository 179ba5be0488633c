"""Write `docs/generalisation.md`: other corpora, enrolment, subgroups, out-of-distribution detection.

    python -m benchmarks.report.generalisation

Reads `benchmarks/results/`: evaluations, cross-validations over several corpora, and what
`benchmarks.accuracy.enrolment` and `benchmarks.accuracy.out_of_distribution` measured.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cross_validate import settings_changed_since
from benchmarks.report.measurements import (
    ACCURATE_FOLDER,
    ACCURATE_RECIPE,
    SHIPPED_FOLDER,
    SHIPPED_RECIPE,
    SPREAD_PROTOCOL,
    ShippedResults,
    at_temperature,
    read_runs,
    shipped_results,
)
from benchmarks.report.results import earlier_recipe
from benchmarks.report.tables import out_of_distribution_lines
from ser.corpora import CORPUS_TITLES
from ser.evaluation.metrics import (
    bootstrap_interval_over_actors,
    expected_calibration_error,
    unweighted_average_recall,
)
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT
from ser.evaluation.scoring import GROUPS
from ser.evaluation.tables import percent_range, spread_lines
from ser.hub.measurements import read_json
from ser.labels import EMOTIONS, restrict_probabilities

ROOT = Path(__file__).resolve().parents[2]


def cross_corpus_lines(root: Path) -> Iterator[str]:
    """Yield a table of recipes on corpora that were left out of their training, and the commands.

    The ECE is that at the temperature of the checkpoint that was trained with the recipe, if there is one.
    """
    results = root / "benchmarks" / "results" / LEAVE_ONE_CORPUS_OUT
    runs_of = {folder.name: read_runs(folder) for folder in sorted(results.glob("*"))}
    if not runs_of:
        return
    config_of = {SHIPPED_RECIPE: SHIPPED_FOLDER, ACCURATE_RECIPE: ACCURATE_FOLDER}
    yield "| tested on | recipe | trained on | emotions | UAR | 95 % interval | accuracy | ECE |"
    yield "|---|---|---|---|---|---|---|---|"
    for recipe, runs in runs_of.items():
        temperature = read_json(root / config_of.get(recipe, "") / "config.json").get("temperature")
        for run in runs:
            yield from left_out_rows(run, recipe, temperature)
    yield from ("", "```shell", *(run["command"] for runs in runs_of.values() for run in runs), "```")
    for recipe, runs in runs_of.items():
        if changed := settings_changed_since(runs[0]):
            yield from ("", earlier_recipe([recipe], changed))


def left_out_rows(run: dict[str, Any], recipe: str, temperature: float | None) -> Iterator[str]:
    """Yield a row for each set of emotions that a training without a corpus was tested on."""
    speakers, emotions = np.array(run["speakers"]), np.array(run["labels"])
    scaled = at_temperature(run, temperature or 1.0)
    trained = " and ".join(CORPUS_TITLES[each] for each in run["train_corpora"])
    for corpus, by_set in run["per_corpus"].items():
        for name, scores in by_set.items():
            classes = scores["classes"]
            if name == "shared" and str(len(classes)) in by_set:
                continue  # it is one of the conventional sets, which has a row of its own
            chosen = [EMOTIONS.index(each) for each in classes]
            rows = np.flatnonzero(np.isin(emotions, chosen))
            labels = np.array([chosen.index(each) for each in emotions[rows]])
            probabilities = restrict_probabilities(np.array(run["probabilities"])[rows], classes)
            predictions = probabilities.argmax(axis=1)
            interval = bootstrap_interval_over_actors(
                labels, predictions, speakers[rows], unweighted_average_recall
            )
            ece = expected_calibration_error(restrict_probabilities(scaled[rows], classes), labels)
            yield (
                f"| {CORPUS_TITLES[corpus]} | {recipe} | {trained} | {len(classes)} "
                f"| **{100 * scores['uar']:.1f}** | {percent_range(interval)} "
                f"| {100 * scores['accuracy']:.1f} | {f'{ece:.3f}' if temperature else ''} |"
            )


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
        "contained. Here a whole corpus, nEMO in Polish, is left out of the training of a recipe. "
        "Probabilities are restricted to the emotions that a corpus has and renormalised "
        "([corpora.md](corpora.md)). Guessing scores 16.7 on six emotions and 25 on four. The ECE is that at "
        "the temperature of the checkpoint.",
        "",
        *cross_corpus_lines(root),
        "",
        *enrolment_section(read_json(root / "benchmarks" / "results" / "enrolment.json")),
        "## Subgroups",
        "",
        *subgroup_lines(small, "the MFCC-LSTM checkpoint"),
        *subgroup_lines(accurate, "the accurate checkpoint"),
    ]
    if small.out_of_distribution:
        lines += out_of_distribution_section(small.out_of_distribution)
    return "\n".join(lines)


def enrolment_section(measured: dict[str, Any]) -> Iterator[str]:
    """Yield the section about enrolment of speakers."""
    if not measured:
        return
    yield from ("## Enrolment", "")
    yield (
        "`recognizer.enrol(recordings)` adapts a model to a speaker: it subtracts the mean log probabilities "
        "of the speaker's own recordings from those of the others (`ser/recognizer/enrolment.py`); "
        "[conversations.md](conversations.md) shows how to use it. Here the recordings are drawn at random "
        "from each speaker's clips, without their labels, and the speaker's other clips are scored; means "
        "over five draws, with a 95 % interval of the gain over speakers. A speaker with fewer than twenty "
        "clips has half of them enrolled. nEMO was left out of the training, as above. The "
        "weight of few recordings was chosen on EmoDB and nEMO; RAVDESS is scored on actors 21 to 24."
    )
    yield ""
    yield "| corpus | model | emotions | UAR without | with 3 | with 10 | points gained | ECE | with 10 |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in measured["rows"]:
        few, many = row["3"], row["10"]
        gain = 100 * (many["uar_enrolled"] - many["uar"])
        yield (
            f"| {CORPUS_TITLES[row['corpus']]} | {row['model']} | {row['num_emotions']} "
            f"| {100 * many['uar']:.1f} | {100 * few['uar_enrolled']:.1f} "
            f"| **{100 * many['uar_enrolled']:.1f}** | {gain:+.1f} ({percent_range(many['gain_interval'])}) "
            f"| {many['ece']:.3f} | {many['ece_enrolled']:.3f} |"
        )
    yield from ("", "Made by:", "", "```shell", measured["command"], "```", "")


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
