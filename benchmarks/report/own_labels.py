"""The tables of docs/your-own-recordings.md, from the files of `benchmarks.accuracy.own_labels`.

python -m benchmarks.report.own_labels
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.report.blocks import write_block
from ser.evaluation.tables import percent_range

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "your-own-recordings.md"
RESULTS = ROOT / "benchmarks" / "results" / "own-labels"
TITLES = {"emodb": "EmoDB, 7 labels", "nemo": "nEMO, 6 labels"}
STARTS = {
    "scratch": "random weights",
    "small": "`checkpoint`",
    "small-without-nemo": "`checkpoint`'s recipe without nEMO",
    "accurate": "`checkpoint-accurate`",
    "accurate-without-nemo": "`checkpoint-accurate`'s recipe without nEMO",
}
NUMBERS = ("5", "10", "20", "all")


def table_lines(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table with a row for each corpus and start, and a column for each number of clips."""
    found = {
        (each["corpus"], each["name"], str(each["clips_per_label"] or "all")): each
        for each in results
        if "folds" in each and not each["corpus_was_in_training"]
    }
    if not found:
        yield "Nothing has been measured yet."
        return
    header = " | ".join(f"{number} clips a label" for number in NUMBERS)
    yield f"| corpus | tested speakers | start | {header} | steps |"
    yield f"|---|---|---|{'---|' * (len(NUMBERS) + 1)}"
    for corpus, title in TITLES.items():
        for name, start in STARTS.items():
            cells = [found.get((corpus, name, number)) for number in NUMBERS]
            measured = [each for each in cells if each]
            for num_speakers in sorted({each["num_speakers"] for each in measured}):
                steps = [
                    fold["num_steps"]
                    for each in measured
                    for fold in each["folds"]
                    if each["num_speakers"] == num_speakers
                ]
                text = " | ".join(_cell(each, num_speakers) for each in cells)
                span = " to ".join(map(str, sorted({min(steps), max(steps)})))
                yield f"| {title} | {num_speakers} | {start} | {text} | {span} |"


def _cell(result: dict[str, Any] | None, num_speakers: int) -> str:
    if result is None or result["num_speakers"] != num_speakers:
        return ""
    return f"**{100 * result['uar']:.1f}** ({percent_range(result['uar_interval'])})"


def time_lines(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a sentence on how long each measured training took."""
    for each in results:
        if "folds" in each:
            continue
        corpus, start = TITLES[each["corpus"]].partition(",")[0], STARTS[each["name"]]
        yield ""
        yield (
            f"Training on {each['num_train_clips']} clips of {corpus} from {start} took "
            f"{each['train_seconds']:.0f} s on {each['num_cpus']} cores, {each['num_steps']} steps and the "
            "features included."
        )


def main(document: Path = DOCUMENT) -> None:
    """Write the measured part of the document anew."""
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("*.json"))]
    write_block(document, "measured", [*table_lines(results), *time_lines(results)])


if __name__ == "__main__":
    main()
