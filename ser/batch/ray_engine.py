"""The engine for many machines: Ray Data hands a job's parts to actors, each of which loads the model once.

Ray is an optional install, `requirements-ray.txt`, imported when this engine runs and not before. Recovery is
its own: the parts of a worker or a machine that died are given to others. Parts are files that appear whole,
so that one which was scored twice still has its rows once.
"""

import logging
import os
import platform
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ser.batch.job import Job
from ser.batch.worker import ModelChoice, score_part

HERE = "local"  # instead of an address: a cluster on this machine, for this job alone
BLOCKS_PER_WORKER = 64  # many, because the job waits for the last block of the slowest worker
_STORE_BYTES = 2**28  # only numbers of parts and clips pass through Ray's store
_SER = Path(__file__).resolve().parents[1]


def run_on_ray(
    job: Job,
    model: ModelChoice,
    num_workers: int | None,
    report: Callable[[int], object],
    address: str = HERE,
) -> None:
    """Score what is unfinished on a Ray cluster, one core a worker.

    Args:
        job: The job. Its folder and its clips are seen under the same paths by every machine of the cluster.
        model: Loaded once by each worker; a folder is seen by every machine, too.
        num_workers: The most workers to use; one a core of the cluster if `None`. One is enough to continue.
        report: Called with the number of clips of each part that was finished.
        address: Of a running cluster, or `HERE`.

    Raises:
        ValueError: If Ray is not installed.
        RuntimeError: If the cluster cannot be reached, or a worker cannot start.
    """
    job = replace(job, folder=job.folder.resolve())
    if Path(model.name).exists():
        model = replace(model, name=str(Path(model.name).resolve()))
    parts = list(job.unfinished_parts())
    if not parts:
        return
    with _cluster(address, num_workers) as num_cores:
        import ray.data
        from ray.exceptions import RayError

        num_workers = min(num_workers or num_cores, len(parts))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.target_max_block_size = 2**20  # Ray asks for this much room for the results of each block
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        scored = ray.data.from_items(
            parts, override_num_blocks=min(len(parts), BLOCKS_PER_WORKER * num_workers)
        ).map_batches(
            PartScorer,
            fn_constructor_args=(job, model),
            batch_size=1,
            num_cpus=1,
            # A fixed number would wait forever for a lost machine.
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=num_workers, initial_size=num_workers),
        )
        try:
            for rows in scored.iter_batches(batch_size=None, prefetch_batches=0):
                for num_clips in rows["num_clips"].tolist():
                    report(num_clips)
        except RayError as error:
            raise RuntimeError(f"Ray gave up; what is done is kept. {error}") from error


class PartScorer:
    """An actor: loads the model once, then scores one part a call."""

    def __init__(self, job: Job, model: ModelChoice):
        self.job = job
        self.recognizer = model.load()
        if self.recognizer.fingerprint() != job.settings["model"]:
            raise ValueError(f"{model.name} is another model on {platform.node()}. Copy this machine's.")

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[int]]:
        """Score the parts in `item` and return their `num_clips`; skip parts that have a table."""
        return {"num_clips": [self._score(part) for part in batch["item"].tolist()]}

    def _score(self, part: int) -> int:
        # Ray repeats a whole block when its worker dies.
        if self.job.part_file(part).exists():
            return self.job.part_size(part)
        return score_part(self.job, part, self.recognizer)


@contextmanager
def _cluster(address: str, num_workers: int | None) -> Iterator[int]:
    """Connect to a cluster, or start one; yield its number of cores."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # otherwise it warns about its own actions
    if address == HERE:
        # Ray reads these when it is imported. The first keeps it on the loopback address on every system;
        # without the last, its workers yield to everything else on the machine.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        import ray
    except ImportError as error:
        raise ValueError(
            "--engine ray needs Ray, which is not installed: pip install -r requirements-ray.txt"
        ) from error
    options: dict[str, Any] = {
        "include_dashboard": False,
        "num_cpus": num_workers,
        "object_store_memory": _STORE_BYTES,
    }
    if address != HERE:  # its machines have the requirements installed and get our code from here
        options = {"runtime_env": {"py_modules": [str(_SER)], "excludes": ["__pycache__"]}}
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise RuntimeError(f"There is no Ray cluster at {address}: {error}") from error
    try:
        yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()
