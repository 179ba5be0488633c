"""Reading corpora whose file names carry the labels, from any folders."""

from __future__ import annotations

import filecmp
import logging
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import soundfile
from datasets import Dataset

from ser.corpora.clips import Clip, clips_to_dataset
from ser.corpora.folders import existing_path, shortened, visible_entries
from ser.corpora.speakers import parse_speaker, speaker_name
from ser.labels import LABEL_MAPS

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
    """A corpus whose file names carry the labels.

    Attributes:
        name: Its key in `ser.labels.LABEL_MAPS`.
        title: How it is written.
        num_published_clips: Clips of the whole corpus.
        pattern: Regular expression of a file name without its ending, and of folders before it where they
            matter; its named groups are the fields, `speaker` and `emotion` among them.
        example: Such a name.
        codes: The allowed codes of fields besides `emotion`; other fields may be anything.
        columns: Further columns of `Clip`, from the fields.
        unusable: Published clips with faults, which are left out.
    """

    name: str
    title: str
    num_published_clips: int
    pattern: str
    example: str
    codes: Mapping[str, Collection[str]] = field(default_factory=dict)
    columns: Callable[[Mapping[str, str]], dict[str, Any]] = lambda _: {}
    unusable: Collection[str] = ()

    @property
    def remedy(self) -> str:
        """How to get the corpus, for messages."""
        return (
            f"Expected files such as {self.example}.wav; `python data_scripts/download.py {self.name} "
            f"--output_dir data/{self.name}` gets them."
        )

    def load(
        self,
        data_dir: str | os.PathLike[str],
        *,
        actors: Iterable[int | str] | None = None,
        skip_unreadable: bool = False,
    ) -> Dataset:
        """Read the clips below a folder, however deep, that have a class among `EMOTIONS`.

        Args:
            data_dir: The folder.
            actors: Read these speakers alone, as `parse_speaker` takes them.
            skip_unreadable: Log and skip files that cannot be read, instead of raising.

        Returns:
            One row a clip, sorted by actor and file name, with the columns of `ser.corpora.clips.COLUMNS`;
            `audio` is not decoded.

        Raises:
            ValueError: The folder does not exist or has no clips, a name is unexpected, two different files
                have the same name and format, a speaker is missing, or, unless `skip_unreadable`, a file
                cannot be read.
        """
        clips = self.find(data_dir, actors)
        if actors is None and len(clips) != self.num_published_clips:
            LOGGER.warning(
                "%s: %d of the %d published clips found in %s.",
                self.title,
                len(clips),
                self.num_published_clips,
                data_dir,
            )
        return in_order(self._readable(clips, skip_unreadable=skip_unreadable))

    def find(self, data_dir: str | os.PathLike[str], actors: Iterable[int | str] | None = None) -> list[Clip]:
        """Return the clips of a folder, of all speakers or some, without opening them; raises as `load`."""
        folder = existing_path(data_dir, self.remedy)
        if not folder.is_dir():
            raise ValueError(f"{folder} is a file, expected a folder of {self.title}. {self.remedy}")
        clips = self._without_copies(self.read_name(file) for file in _audio_files(folder, set()))
        if not clips:
            raise ValueError(f"No {self.title} clip ({', '.join(SUFFIXES)}) in {folder}. {self.remedy}")
        if actors is None:
            return clips
        wanted, there = {parse_speaker(actor, self.name) for actor in actors}, {clip.actor for clip in clips}
        if missing := sorted(wanted - there):
            raise ValueError(
                f"{self.title} in {folder} has no speaker {', '.join(missing)}; expected some of "
                f"{', '.join(sorted(there))}."
            )
        return [clip for clip in clips if clip.actor in wanted]

    def read_name(self, path: Path) -> Clip:
        """Read the labels from the name of a clip.

        Raises:
            ValueError: The name does not follow the scheme.
        """
        match = re.fullmatch(f"(?:.*/)?{self.pattern}", path.with_suffix("").as_posix())
        if match is None:
            raise ValueError(
                f"{path} breaks the {self.title} naming scheme, which is as in {self.example}. Rename or "
                "remove it."
            )
        fields = match.groupdict()
        emotions = LABEL_MAPS[self.name]
        for name, allowed in {**self.codes, "emotion": emotions}.items():
            if fields[name] not in allowed:
                raise ValueError(
                    f"{path} breaks the {self.title} naming scheme: {name} is {fields[name]!r}, expected one "
                    f"of {', '.join(allowed)}. Rename or remove it."
                )
        known = {
            "emotion": None if path.stem in self.unusable else emotions[fields["emotion"]],
            "actor": speaker_name(self.name, fields["speaker"]),
        }
        return Clip(audio=str(path), corpus=self.name, **(known | self.columns(fields)))

    def _readable(self, clips: Sequence[Clip], *, skip_unreadable: bool) -> list[Clip]:
        labelled = [clip for clip in clips if clip.emotion is not None]
        unreadable = [clip.audio for clip in labelled if not _is_sound(clip.audio)]
        if unreadable and not skip_unreadable:
            raise UnreadableClipsError(
                f"{len(unreadable)} of the {len(labelled)} files of {self.title} cannot be read: "
                f"{shortened(unreadable)}.{_hint(unreadable[0])} Replace or remove them.",
                unreadable,
            )
        if unreadable:
            LOGGER.warning("%s: %d unreadable files skipped: %s", self.title, len(unreadable), unreadable)
        left_out = set(unreadable)
        kept = [clip for clip in labelled if clip.audio not in left_out]
        if not kept:
            raise ValueError(f"None of the {len(clips)} clips of {self.title} can be used.")
        return kept

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
                    f"Two different files of {self.title} have the same name: {other.audio} and "
                    f"{clip.audio}. Remove one, or load the folder of one of them."
                )
        return list(chosen.values())


def in_order(clips: Iterable[Clip]) -> Dataset:
    """Put clips into a data set, by actor and file name."""
    return clips_to_dataset(sorted(clips, key=lambda clip: (clip.actor, Path(clip.audio).stem)))


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
