"""The engine without requirements: one process, or several on this machine that share a job's parts."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice

from ser.batch.diary import MAX_DEATHS
from ser.batch.job import Job
from ser.batch.worker import ModelChoice, score_part
from ser.recognizer import EmotionRecognizer

PARTS_AHEAD = 2  # queued for each worker, so that none has to wait
# A clip that kills its process is skipped after MAX_DEATHS; this many in a row have another cause.
MAX_BROKEN_POOLS = 4 * MAX_DEATHS


def run_here(job: Job, recognizer: EmotionRecognizer, report: Callable[[int], object]) -> None:
    """Score the unfinished parts in this process.

    Args:
        job: The job.
        recognizer: The model.
        report: Called with the number of clips of each part that was finished.
    """
    for part in job.unfinished_parts():
        report(score_part(job, part, recognizer))


def run_in_processes(
    job: Job,
    model: ModelChoice,
    num_workers: int,
    report: Callable[[int], object],
) -> None:
    """Score the unfinished parts in several processes of one thread each.

    Args:
        job: The job.
        model: Loaded once by each worker.
        num_workers: How many.
        report: As for `run_here`.

    Raises:
        RuntimeError: If workers keep dying whatever they read.
    """
    num_broken_pools = 0
    while next(job.unfinished_parts(), None) is not None:
        try:
            for num_clips in _pool_results(job, model, num_workers):
                num_broken_pools = 0
                report(num_clips)
        except BrokenProcessPool as error:
            num_broken_pools += 1
            if num_broken_pools == MAX_BROKEN_POOLS:
                raise RuntimeError(
                    f"Workers died {MAX_BROKEN_POOLS} times in a row; a likely reason is too little memory. "
                    "Run again with fewer workers: what is done is kept."
                ) from error


def _pool_results(job: Job, model: ModelChoice, num_workers: int) -> Iterator[int]:
    # Forking from a server process that has imported the libraries but computed nothing is safe and quick,
    # and workers share the memory of the libraries. Without such a server (Windows), workers are spawned.
    forking = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forking else "spawn")
    if forking:
        context.set_forkserver_preload([model.library, __name__])
    pool = ProcessPoolExecutor(
        num_workers,
        mp_context=context,
        initializer=_start_worker,
        initargs=(job, model),
    )
    parts = job.unfinished_parts()
    pending: set[Future[int]] = set()
    try:
        while True:
            # A few at a time, because all parts of a long job would fill the memory.
            room = PARTS_AHEAD * num_workers - len(pending)
            pending |= {pool.submit(_score, part) for part in islice(parts, room)}
            if not pending:
                return
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_state: tuple[Job, EmotionRecognizer] | None = None


def _start_worker(job: Job, model: ModelChoice) -> None:
    global _state
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _state = job, model.load()


def _end_with_parent() -> None:
    """End this process when its parent is gone, even if the parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _score(part: int) -> int:
    if _state is None:
        raise RuntimeError("The worker was not started.")
    job, recognizer = _state
    return score_part(job, part, recognizer)
