"""`train.py` in processes that can be killed. A fork server imports everything once: each starts at once."""

import ctypes
import json
import multiprocessing
import os
import sys
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from ser.training import cli as train
from ser.training.checkpoints import damage, newest_whole

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["ser.training.cli"])  # found from the repository's root, where tests run
# 60 clips in batches of 8: two epochs of 8 steps, a checkpoint after each second step.
OPTIONS = "--actors 1 2 --test_actors 2 --num_augmented_copies 0 --num_proc 0 --per_device_train_batch_size 8"
OPTIONS += " --num_train_epochs 2 --save_steps 2 --disable_tqdm true --logging_steps 4"
NUM_STEPS = 16
MS_REMOUNT, MS_PRIVATE_ALL = 0x20, 0x44000
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000


def start_server() -> None:
    """Import everything now, so that who measures a training does not measure that."""
    process = CONTEXT.Process(target=os.getpid)
    process.start()
    process.join()


def start(corpus: Path, folder: Path, *options: str) -> BaseProcess:
    """Start a training that leaves everything in `folder`, and goes on with what it finds there."""
    process = CONTEXT.Process(target=_train, args=(corpus, folder, options), daemon=True)
    process.start()
    return process


def finish(corpus: Path, folder: Path, *options: str) -> bytes:
    """Train to the end and return the file of weights."""
    process = start(corpus, folder, *options)
    process.join(240)
    assert process.exitcode == 0, (folder / "log").read_text()[-3000:]
    return weights(folder)


def weights(folder: Path) -> bytes:
    return (folder / "out" / "model.safetensors").read_bytes()


def checkpoints(folder: Path) -> list[Path]:
    """The whole ones, the oldest first."""
    found = sorted((folder / "out").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    return [path for path in found if damage(path) is None]


def wait_for_checkpoint(folder: Path, process: BaseProcess) -> None:
    while process.is_alive() and not checkpoints(folder):
        time.sleep(0.02)
    assert process.is_alive(), (folder / "log").read_text()[-3000:]


def start_on_small_disk(corpus: Path, folder: Path, num_megabytes: int) -> BaseProcess:
    """Train onto a disk that is full before the end; then make it larger and go on. `report.json` tells."""
    process = CONTEXT.Process(target=_train_on_small_disk, args=(corpus, folder, num_megabytes), daemon=True)
    process.start()
    return process


def _train(corpus: Path, folder: Path, options: tuple[str, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, sys.stdout.fileno())
    os.dup2(log, sys.stderr.fileno())
    sys.argv = ["train.py", "--data_dir", str(corpus), "--output_dir", str(folder / "out"), *OPTIONS.split()]
    sys.argv += [
        "--feature_cache_dir",
        str(folder / "features"),
        "--resume_from_checkpoint",
        "auto",
        *options,
    ]
    train.main()


def _train_on_small_disk(corpus: Path, folder: Path, num_megabytes: int) -> None:
    (folder / "out").mkdir(parents=True)
    libc = ctypes.CDLL(None, use_errno=True)
    if not _have_mounts_of_ones_own(libc) or _mount(libc, folder, num_megabytes):
        return  # not allowed here: no report
    report = {}
    try:
        _train(corpus, folder, ())
    except SystemExit as error:
        report["message"] = str(error)
    whole = newest_whole(folder / "out")
    report["whole"] = whole and whole.name
    _mount(libc, folder, 10 * num_megabytes, MS_REMOUNT)
    _train(corpus, folder, ())
    (folder / "weights").write_bytes(weights(folder))
    (folder / "report.json").write_text(json.dumps(report))


def _have_mounts_of_ones_own(libc: ctypes.CDLL) -> bool:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNS):  # only root may; others may where they are root of a namespace
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS):
            return False
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    return libc.mount(None, b"/", None, MS_PRIVATE_ALL, None) == 0


def _mount(libc: ctypes.CDLL, folder: Path, num_megabytes: int, flags: int = 0) -> int:
    size = f"size={num_megabytes}m".encode()
    return libc.mount(b"tmpfs", bytes(folder / "out"), b"tmpfs", flags, size)
