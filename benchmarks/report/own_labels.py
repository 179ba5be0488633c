"""The table of docs/your-own-recordings.md, from the files of `benchmarks.accuracy.own_labels`.

python -m benchmarks.report.own_labels            # write it
python -m benchmarks.report.own_labels --check    # fail if the document has other numbers
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ser.__main__ import CommandParser
from ser.evaluation.tables import percent_range

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "your-own-recordings.md"
RESULTS = ROOT / "benchmarks" / "results" / "own-labels"
START, END = (
    "<!-- measured: written by python -m benchmarks.report.own_labels -->\n",
    "<!-- end of measured -->",
)
BLOCK = re.compile(f"(?<={re.escape(START)}).*?(?={re.escape(END)})", re.DOTALL)
TITLES = {"emodb": "EmoDB, 7 labels", "nemo": "nEMO, 6 labels"}
NUMBERS = ("5", "10", "20", "all")


def table_lines(results: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table: a row for each corpus and start, a column for each number of clips."""
    found = {
        (each["corpus"], each["name"], str(each["clips_per_label"] or "all")): each
        for each in results
        if not each["corpus_was_in_training"]
    }
    if not found:
        yield "Nothing has been measured yet."
        return
    yield f"| corpus | start | {' | '.join(f'{number} clips a label' for number in NUMBERS)} |"
    yield f"|---|---|{'---|' * len(NUMBERS)}"
    for corpus, name in dict.fromkeys((corpus, name) for corpus, name, _ in sorted(found)):
        cells = [_cell(found.get((corpus, name, number))) for number in NUMBERS]
        yield f"| {TITLES[corpus]} | {name} | {' | '.join(cells)} |"


def _cell(result: dict[str, Any] | None) -> str:
    return (
        "" if result is None else f"**{100 * result['uar']:.1f}** ({percent_range(result['uar_interval'])})"
    )


def main() -> None:
    """Parse, then write or compare."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the numbers differ")
    args = parser.parse_args()
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob("*.json"))]
    text = DOCUMENT.read_text(encoding="utf-8")
    filled = BLOCK.sub(lambda _: "".join(f"{line}\n" for line in table_lines(results)), text)
    if not args.check:
        DOCUMENT.write_text(filled, encoding="utf-8")
    elif filled != text:
        sys.exit(f"{DOCUMENT.name} does not hold the numbers of the result files: run this without --check.")


if __name__ == "__main__":
    main()
