"""A row of the table of speeds, and the clock that the measurements share."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Row(NamedTuple):
    """A measurement beside its goal; `is_met` is `None` where no goal is set."""

    what: str
    goal: str
    measured: str
    is_met: bool | None = None


def milliseconds(paths: dict[str, Callable[[], Any]], num_repeats: int) -> dict[str, float]:
    """Return the median processor time of each path.

    The paths take turns, so that a busy moment of the machine slows all of them, and the first call of each
    does not count. Processor time of this process, not the clock's: on an idle machine the two agree.
    """
    spent: dict[str, list[float]] = {name: [] for name in paths}
    for repeat in range(num_repeats + 1):
        for name, path in paths.items():
            start = time.process_time()
            path()
            if repeat:
                spent[name].append(1000 * (time.process_time() - start))
    return {name: float(np.median(values)) for name, values in spent.items()}
