"""The engine for many machines: each part of a job is a task of Ray, whose workers load the model once.

Ray is an optional install, `requirements-ray.txt`, imported when this engine runs and not before. Recovery is
its own: the part of a worker or a machine that died is given to another. Parts are files that appear whole,
so that one which was scored twice still has its rows once.
"""

import logging
import os
import platform
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from ser.batch.diary import MAX_DEATHS
from ser.batch.job import Job
from ser.batch.worker import ModelChoice, score_part
from ser.recognizer import EmotionRecognizer

HERE = "local"  # instead of an address: a cluster on this machine, for this job alone
MAX_RETRIES = 4 * MAX_DEATHS  # of a part; a clip that kills its process is skipped after MAX_DEATHS
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
    parts = job.unfinished_parts()
    with _cluster(address, num_workers) as num_cores:
        import ray
        from ray.exceptions import RayError

        score = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(score_on_worker)
        pending: list[Any] = []
        try:
            while True:
                room = (num_workers or num_cores) - len(pending)
                pending += [score.remote(job, model, part) for part in islice(parts, room)]
                if not pending:
                    return
                done, pending = ray.wait(pending)
                report(ray.get(done[0]))
        except RayError as error:
            raise RuntimeError(f"Ray gave up; what is done is kept. {error}") from error


def score_on_worker(job: Job, model: ModelChoice, part: int) -> int:
    """Score a part and return the number of its clips.

    Raises:
        ValueError: If this machine has another model.
    """
    recognizer, fingerprint = _loaded(model)
    if fingerprint != job.settings["model"]:
        raise ValueError(f"{model.name} is another model on {platform.node()}. Copy this machine's.")
    return score_part(job, part, recognizer)


@cache
def _loaded(model: ModelChoice) -> tuple[EmotionRecognizer, str]:
    recognizer = model.load()
    return recognizer, recognizer.fingerprint()


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
