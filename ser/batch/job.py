"""A job on disk: the list of clips and the finished parts, so that a killed job can be resumed.

While a job runs, the folder `x.parquet.parts` lies next to its output `x.parquet`. Each file in it appears
complete or not at all, by renaming a finished file, in this order: the list of clips and the offsets of its
parts, then `job.json`, then one table a part. At last the output appears, and the folder is removed,
`job.json` first.
"""

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

CLIPS_PER_PART = 512  # each worker of a killed job loses at most these, a few seconds of work
_LIST, _STARTS, _JOB, _LOCK = "clips.jsonl", "starts.npy", "job.json", ".lock"


@dataclass(frozen=True)
class Job:
    """A list of clips, divided into parts.

    Attributes:
        folder: Folder of the list and the parts.
        settings: What the job was started with; the same settings make the same table.
        num_clips: Clips in the list.
        clips_per_part: Clips in every part but the last.
    """

    folder: Path
    settings: dict[str, Any]
    num_clips: int
    clips_per_part: int

    @property
    def num_parts(self) -> int:
        """The number of parts."""
        return -(-self.num_clips // self.clips_per_part)

    def part_file(self, part: int) -> Path:
        """Return the path of a part's table, which exists once the part is scored."""
        return self.folder / f"part-{part:08d}.parquet"

    def part_size(self, part: int) -> int:
        """Return the number of clips in a part."""
        return min(self.clips_per_part, self.num_clips - part * self.clips_per_part)

    def unfinished_parts(self) -> Iterator[int]:
        """Return the parts that have no table yet."""
        return (part for part in range(self.num_parts) if not self.part_file(part).exists())

    def clips_of(self, part: int) -> list[str]:
        """Return the paths of a part's clips, as they were listed."""
        with (self.folder / _LIST).open("rb") as lines:
            lines.seek(int(self._starts[part]))
            return [json.loads(lines.readline()) for _ in range(self.part_size(part))]

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.load(self.folder / _STARTS, mmap_mode="r")


def has_job(folder: Path) -> bool:
    """Return whether a folder holds an unfinished job."""
    return (folder / _JOB).exists()


def clear(folder: Path) -> None:
    """Delete a job's files from its folder, `job.json` first: without it, there is no job."""
    for pattern in (_JOB, "part-*", "*.tmp", _LIST, _STARTS):
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)


def parts_folder(output: Path) -> Path:
    """Return the folder of an output's parts, which exists until the output is finished."""
    return output.with_name(output.name + ".parts")


def start_or_resume(
    folder: Path, settings: dict[str, Any], clips: Iterable[str], clips_per_part: int = CLIPS_PER_PART
) -> Job:
    """Return the job of a folder if there is one, otherwise a new one.

    Args:
        folder: From `parts_folder`; it exists and is `locked`.
        settings: What distinguishes this job from others, in JSON types.
        clips: Paths to score; only a new job reads them, so that a job's list never changes.
        clips_per_part: Clips in a part of a new job.

    Raises:
        ValueError: If the folder's job was started with other settings, or no clip is listed.
    """
    if not has_job(folder):
        clear(folder)  # remains of a job that was killed while it was being listed or removed
        num_clips = _write_list(folder, clips, clips_per_part)
        values = {"settings": settings, "num_clips": num_clips, "clips_per_part": clips_per_part}
        with replacing(folder / _JOB) as unfinished:
            unfinished.write_text(json.dumps(values, indent=1))
    job = Job(folder, **json.loads((folder / _JOB).read_text()))
    different = sorted(name for name in settings if job.settings.get(name) != settings[name])
    if different:
        raise ValueError(
            f"{folder} holds an unfinished job whose {', '.join(different)} differ from this one's. "
            "Finish it with the command it was started with, choose another output, or pass --overwrite."
        )
    return job


def _write_list(folder: Path, clips: Iterable[str], clips_per_part: int) -> int:
    starts, num_clips = [], 0
    with replacing(folder / _LIST) as unfinished, unfinished.open("wb") as lines:
        for num_clips, clip in enumerate(clips, start=1):
            if (num_clips - 1) % clips_per_part == 0:
                starts.append(lines.tell())
            lines.write(json.dumps(clip).encode() + b"\n")
        if num_clips == 0:
            raise ValueError(
                "There is no sound file among the sources. Name files, or folders that hold some."
            )
    with replacing(folder / _STARTS) as unfinished, unfinished.open("wb") as file:
        np.save(file, np.array(starts, dtype=np.int64))
    return num_clips


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a job's folder against other processes; create it, and remove it again if it holds no job.

    The lock of a killed process is released.

    Raises:
        ValueError: If another process works on it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / _LOCK, timeout=0):
            try:
                yield
            finally:
                if not has_job(folder):
                    clear(folder)
                    with suppress(PermissionError):  # Windows keeps open files, and filelock deletes this one
                        (folder / _LOCK).unlink(missing_ok=True)
    except Timeout as error:
        raise ValueError(f"Another process works on {folder} already. Wait for it, or stop it.") from error
    finally:
        if not has_job(folder):
            with suppress(OSError):  # another process may use it
                folder.rmdir()


@contextmanager
def replacing(file: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yield a temporary name in `folder`; once written to disk, it replaces `file` in one step."""
    # Two machines of a cluster may write the same part, even with the same process number.
    unfinished = (folder or file.parent) / f"{file.name}.{uuid.uuid4().hex}.tmp"
    try:
        yield unfinished
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
