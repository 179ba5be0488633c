"""What many clips cost by what was measured: the part of `docs/scale.md` between its two marks."""

import re
from pathlib import Path

from benchmarks.speed.rows import Found

BLOCK = re.compile(r"(<!-- costs: written by make bench -->\n).*(<!-- end of costs -->)", re.DOTALL)
NUMBERS = {"a million": 10**6, "a hundred million": 10**8}
CORES_OF_A_MACHINE = 16


def costs(small: Found, large: Found) -> str:
    """The text: what was measured, and what follows from it for more clips.

    Args:
        small: Of `measure_scoring` over few clips.
        large: Likewise over many, from which costs are derived.
    """
    rate = large["clips_per_cpu_second"]
    lines = [
        f"Measured: **{rate:.0f} clips a second a core** over {large['num_clips']:,} clips "
        f"({large['clips_per_second']:.0f} a second by the clock with {large['num_workers']} workers), "
        f"{large['seconds_a_clip']:.1f} seconds and {large['kilobytes_a_clip']:.0f} KB each; "
        f"{small['megabytes']:.0f} MB of memory in all processes at {small['num_clips']:,} clips, "
        f"{large['megabytes']:.0f} MB at {large['num_clips']:,}.",
        "",
        f"| clips | core hours | hours on {CORES_OF_A_MACHINE} cores | read |",
        "|---|---|---|---|",
    ]
    for name, number in NUMBERS.items():
        core_hours = number / rate / 3600
        lines.append(
            f"| {name} | {core_hours:,.1f} | {core_hours / CORES_OF_A_MACHINE:,.1f} "
            f"| {number * large['kilobytes_a_clip'] / 1e9:,.1f} TB |"
        )
    read = CORES_OF_A_MACHINE * rate * large["kilobytes_a_clip"] / 1000
    lines += [
        "",
        f"{CORES_OF_A_MACHINE} cores at that rate read {read:,.0f} MB a second: {next_limit(read)}",
    ]
    return "\n".join(lines) + "\n"


def next_limit(megabytes_per_second: float) -> str:
    """What a rate of reading asks of the storage, in words: a gigabit of network carries 125 MB a second."""
    gigabits = megabytes_per_second / 125
    if gigabits <= 1:
        return "one disk or a gigabit of network carries that; more cores are the next thing to add."
    return (
        f"{gigabits:.1f} gigabits of network, or a fast disk. Storage and network are the next limit, and "
        "machines beyond that need storage that grows with them."
    )


def write_costs(document: Path, small: Found, large: Found) -> None:
    """Put the text between the marks of a document.

    Raises:
        ValueError: If the marks are not there.
    """
    text, count = BLOCK.subn(
        lambda found: found[1] + costs(small, large) + found[2], document.read_text(encoding="utf-8")
    )
    if count != 1:
        raise ValueError(f"{document} needs one pair of marks for its costs, found {count}. Restore them.")
    document.write_text(text, encoding="utf-8")
