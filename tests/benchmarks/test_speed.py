"""The benchmark of speed: a run that goes on where it was broken off, rows for all, costs that follow."""

from pathlib import Path

import pytest

from benchmarks.speed import run as speed
from benchmarks.speed.rows import all_rows
from benchmarks.speed.scale import costs, next_limit, write_costs

SMALL = {"num_clips": 1000, "megabytes": 300.0}
LARGE = {
    "num_clips": 20_000,
    "num_workers": 2,
    "megabytes": 310.0,
    "clips_per_second": 190.0,
    "clips_per_cpu_second": 100.0,
    "seconds_a_clip": 3.7,
    "kilobytes_a_clip": 200.0,
}


def test_a_run_that_was_broken_off_measures_nothing_twice(tmp_path: Path):
    kept, called = tmp_path / "output" / "speed.json", []

    def step(name: str):
        def measure() -> dict[str, float]:
            called.append(name)
            if called == ["first", "second"]:
                raise KeyboardInterrupt
            return {"value": len(name)}

        return measure

    steps = {name: step(name) for name in ("first", "second")}
    with pytest.raises(KeyboardInterrupt):
        list(speed._all_found(steps, ["settings"], kept))
    *_, found = speed._all_found(steps, ["settings"], kept)
    assert found == {"first": {"value": 5}, "second": {"value": 6}}
    assert called == ["first", "second", "second"]
    list(speed._all_found(steps, ["other settings"], kept))
    assert called == ["first", "second", "second", "first", "second"]


def test_what_is_not_measured_yet_has_a_row_that_says_so():
    rows = all_rows({"training": {"ours": 400.0, "usual": 100.0}})
    assert [row.is_met for row in rows] == [None, None, None, True, None, None]
    assert sum("not measured yet" in row.measured for row in rows) == 5


def test_costs_follow_from_the_rate_a_core():
    table = [line for line in costs(SMALL, LARGE).splitlines() if line.startswith("|")]
    assert table[2] == "| a million | 2.8 | 0.2 | 0.2 TB |"
    assert table[3] == "| a hundred million | 277.8 | 17.4 | 20.0 TB |"
    assert "16 cores at that rate read 320 MB a second: 2.6 gigabits" in costs(SMALL, LARGE)
    assert "more cores" in next_limit(100)


def test_costs_are_written_between_their_marks_and_nowhere_else(tmp_path: Path):
    document = tmp_path / "scale.md"
    document.write_text("a\n<!-- costs: written by make bench -->\nold\n<!-- end of costs -->\nz\n")
    for _ in range(2):
        write_costs(document, SMALL, LARGE)
    text = document.read_text()
    assert text.startswith("a\n<!-- costs")
    assert text.endswith("<!-- end of costs -->\nz\n")
    assert costs(SMALL, LARGE) in text
    assert "old" not in text
    document.write_text("no marks")
    with pytest.raises(ValueError, match="needs one pair of marks"):
        write_costs(document, SMALL, LARGE)
    shipped = Path(speed.ROOT / "docs" / "scale.md").read_text()
    assert (
        shipped.count("<!-- costs: written by make bench -->") == shipped.count("<!-- end of costs -->") == 1
    )
