"""Reading corpora whose file names carry the labels, from any folders."""

from __future__ import annotations

import filecmp
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile
from datasets import Dataset

from ser.corpora.clips import Clip, clips_to_dataset
from ser.corpora.folders import existing_path, shortened, visible_entries

LOGGER = logging.getLogger(__name__)


class UnreadableClipsError(ValueError):
    """Files of a corpus cannot be read; the message names some, `files` all."""

    def __init__(self, message: str, files: list[str]):
        super().__init__(message)
        self.files = files


# By preference: of a clip in several formats, the first of these is read.
SUFFIXES = (".wav", ".flac", ".opus", ".ogg", ".mp3")


@dataclass(frozen=True)
class NamedCorpus:
    """A corpus whose file names carry the labels."""

    name: str
    num_published_clips: int
    read_clip: Callable[[Path], Clip]  # raises ValueError for an unexpected name
    remedy: str  # how to get the corpus

    def load(self, data_dir: str | os.PathLike[str], *, skip_unreadable: bool) -> Dataset:
        """Read all clips below a folder, however deep, that have a class among `EMOTIONS`.

        Args:
            data_dir: The folder.
            skip_unreadable: Log and skip files that cannot be read, instead of raising.

        Raises:
            ValueError: The folder does not exist or has no clips, a name is unexpected, two different files
                have the same name and format, or, unless `skip_unreadable`, a file cannot be read.
        """
        folder = existing_path(data_dir, self.remedy)
        if not folder.is_dir():
            raise ValueError(f"{folder} is a file, expected a folder of {self.name}. {self.remedy}")
        found = self._without_copies(self.read_clip(file) for file in _audio_files(folder, set()))
        if not found:
            raise ValueError(f"No {self.name} clip ({', '.join(SUFFIXES)}) in {folder}. {self.remedy}")
        if len(found) != self.num_published_clips:
            LOGGER.warning(
                "%s: %d of the %d published clips found in %s.",
                self.name,
                len(found),
                self.num_published_clips,
                folder,
            )
        labelled = [clip for clip in found if clip.emotion is not None]
        clips = self._readable(labelled, skip_unreadable=skip_unreadable)
        if not clips:
            raise ValueError(f"None of the {len(found)} clips of {self.name} in {folder} can be used.")
        return clips_to_dataset(sorted(clips, key=lambda clip: (clip.actor, Path(clip.audio).stem)))

    def _without_copies(self, clips: Iterator[Clip]) -> list[Clip]:
        """Return one file for each recording: corpora often have a folder twice, or two formats."""
        chosen: dict[Clip, Clip] = {}
        for clip in clips:
            recording = replace(clip, audio="")
            other = chosen.setdefault(recording, clip)
            if other is clip:
                continue
            if _rank(clip) < _rank(other):
                chosen[recording] = clip
            elif _rank(clip) == _rank(other) and not filecmp.cmp(clip.audio, other.audio, shallow=False):
                raise ValueError(
                    f"Two different files of {self.name} have the same name: {other.audio} and {clip.audio}. "
                    "Remove one, or load the folder of one of them."
                )
        return list(chosen.values())

    def _readable(self, clips: list[Clip], *, skip_unreadable: bool) -> list[Clip]:
        unreadable = [clip.audio for clip in clips if not _is_sound(clip.audio)]
        if unreadable and not skip_unreadable:
            raise UnreadableClipsError(
                f"{len(unreadable)} of the {len(clips)} files of {self.name} cannot be read: "
                f"{shortened(unreadable)}.{_hint(unreadable[0])} Replace or remove them.",
                unreadable,
            )
        if unreadable:
            LOGGER.warning("%s: %d unreadable files skipped: %s", self.name, len(unreadable), unreadable)
        left_out = set(unreadable)
        return [clip for clip in clips if clip.audio not in left_out]


def _audio_files(folder: Path, seen: set[Path]) -> Iterator[Path]:
    if folder.resolve() in seen:  # links may lead in a circle
        return
    seen.add(folder.resolve())
    for entry in visible_entries(folder):
        if entry.is_dir():
            yield from _audio_files(entry, seen)
        elif entry.suffix.lower() in SUFFIXES:
            yield entry


def _rank(clip: Clip) -> int:
    return SUFFIXES.index(Path(clip.audio).suffix.lower())


def _is_sound(path: str) -> bool:
    """Return whether the header is valid and the file not empty; decoding may still find damage."""
    try:
        return soundfile.info(path).frames > 0
    except soundfile.LibsndfileError:
        return False


def _hint(path: str) -> str:
    with Path(path).open("rb") as file:
        is_pointer = file.read(20).startswith(b"version https://git-")
    return " They are Git LFS pointers: run `git lfs pull` where they were cloned." if is_pointer else ""
