"""RAVDESS: 24 actors, 60 spoken and 44 sung clips each, in a folder or a zip, checked for completeness.

Livingstone SR, Russo FA (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS),
PLoS ONE 13(5): e0196391.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from datasets import Dataset

from ser.corpora.archive import unpack_clips
from ser.corpora.clips import Clip, clips_to_dataset
from ser.corpora.folders import existing_path, shortened, visible_entries
from ser.corpora.ravdess_names import (
    ACTORS,
    ACTORS_BY_CODE,
    AUDIO_SUFFIXES,
    CHANNEL_CODES,
    VIDEO_SUFFIXES,
    expected_names,
    read_clip,
)

ZIP_MAX_TOTAL_BYTES = 10**9  # the published zips unpack to about 0.5 GB each

REMEDY = (
    "Expected the folder of Actor_01 ... Actor_24 with the RAVDESS speech clips, or the published zip; "
    "`python data_scripts/download_ravdess.py --output_dir data/ravdess` fetches it."
)
SONG_REMEDY = (
    "Expected the folder of Actor_01 ... Actor_24 with the RAVDESS songs, or the published zip; "
    "`python data_scripts/download_ravdess_song.py --output_dir data/ravdess-song` fetches it."
)
REMEDIES = {"ravdess": REMEDY, "ravdess-song": SONG_REMEDY}


def load_ravdess(
    data_dir: str | os.PathLike[str],
    *,
    actors: Sequence[int] | None = None,
    allow_incomplete: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read the RAVDESS speech corpus.

    Args:
        data_dir: The folder of `Actor_NN` with audio files, a folder with one such folder in it, the
            published zip, or a folder with nothing but that zip.
        actors: Load only these (1 to 24), who must be complete. All 24 by default.
        allow_incomplete: Accept missing actors and clips.
        cache_dir: Where a zip is unpacked, once; beside the zip by default.

    Returns:
        One row a clip, sorted by actor and file name, with the columns of `ser.corpora.clips.COLUMNS`;
        `audio` is not decoded.

    Raises:
        ValueError: The folder does not exist or has no clips, a name is unexpected, a clip exists twice, the
            zip is damaged or another one, or, unless `allow_incomplete`, an actor or clip is missing.
    """
    return _load("ravdess", data_dir, actors, allow_incomplete, cache_dir)


def load_ravdess_song(
    data_dir: str | os.PathLike[str],
    *,
    actors: Sequence[int] | None = None,
    allow_incomplete: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read the RAVDESS songs: the same actors without 18, and the same arguments as `load_ravdess`.

    Their speakers have the names of the speech corpus, so that a held-out actor is held out of both.
    """
    return _load("ravdess-song", data_dir, actors, allow_incomplete, cache_dir)


def zip_name_pattern(corpus: str) -> str:
    """Return the pattern of the clips' paths in the published zip, as `unpack_clips` wants it."""
    return rf"(?:[^/]+/)?(?P<path>Actor_\d\d/03-{CHANNEL_CODES[corpus]}(?:-\d\d){{5}}\.(?:wav|flac))"


def _load(
    corpus: str,
    data_dir: str | os.PathLike[str],
    actors: Sequence[int] | None,
    allow_incomplete: bool,
    cache_dir: str | os.PathLike[str] | None,
) -> Dataset:
    remedy = REMEDIES[corpus]
    wanted = _checked_actors(actors)
    path = existing_path(data_dir, remedy)
    if archive := _find_archive(path, remedy):
        path = _unpack(corpus, archive, Path(cache_dir) if cache_dir else archive.parent, allow_incomplete)
    root = _find_actor_folders(path, remedy)
    clips: dict[str, Clip] = {}
    for folder in visible_entries(root):
        actor = _actor_of_folder(folder)
        if actor is None or actor not in wanted:
            continue
        for file in visible_entries(folder):
            if file.suffix.lower() not in AUDIO_SUFFIXES + VIDEO_SUFFIXES:
                continue
            clip = read_clip(file, folder_actor=actor, corpus=corpus)
            if clips.setdefault(file.stem, clip) is not clip:
                raise ValueError(f"A clip is there twice: {clips[file.stem].audio} and {file}. Remove one.")
    if not clips:
        suffixes = ", ".join(AUDIO_SUFFIXES)
        raise ValueError(f"No RAVDESS clip ({suffixes}) of {_describe(wanted)} in {root}. {remedy}")
    if not allow_incomplete:
        _check_complete(corpus, clips, wanted, root)
    return clips_to_dataset([clips[name] for name in sorted(clips, key=lambda name: (name[-2:], name))])


def _checked_actors(actors: Sequence[int] | None) -> tuple[int, ...]:
    if actors is None:
        return ACTORS
    chosen = tuple(sorted(set(actors)))
    if not chosen or not set(chosen) <= set(ACTORS):
        raise ValueError(f"actors must be numbers from 1 to 24, at least one; got {list(actors)}.")
    return chosen


def _find_archive(path: Path, remedy: str) -> Path | None:
    """Return `path` if it is a zip, or the zip that is the only entry of the folder."""
    if path.is_file():
        if path.suffix.lower() != ".zip":
            raise ValueError(f"{path} is neither a folder nor a .zip. {remedy}")
        return path
    entries = visible_entries(path)
    if len(entries) == 1 and entries[0].is_file() and entries[0].suffix.lower() == ".zip":
        return entries[0]
    return None


def _unpack(corpus: str, archive: Path, cache_dir: Path, allow_incomplete: bool) -> Path:
    try:
        return unpack_clips(
            archive,
            cache_dir / archive.stem,
            name_pattern=zip_name_pattern(corpus),
            num_clips=None if allow_incomplete else len(expected_names(corpus=corpus)),
            max_total_bytes=ZIP_MAX_TOTAL_BYTES,
        )
    except OSError as error:
        raise ValueError(
            f"{archive.name} cannot be unpacked into {cache_dir} ({error.strerror}). "
            "Unpack it by hand where there is room for 0.6 GB, and name that folder."
        ) from error


def _find_actor_folders(folder: Path, remedy: str) -> Path:
    """Return the folder itself where it holds `Actor_NN`, else the one folder in it that does."""
    if _holds_actors(folder):
        return folder
    candidates = [entry for entry in visible_entries(folder) if entry.is_dir() and _holds_actors(entry)]
    if len(candidates) > 1:
        names = shortened([candidate.name for candidate in candidates])
        raise ValueError(f"Several folders in {folder} hold Actor_NN folders: {names}. Name one of them.")
    if not candidates:
        found = shortened([entry.name for entry in visible_entries(folder)]) or "nothing"
        raise ValueError(f"No Actor_NN folder in {folder}; found {found}. {remedy}")
    return candidates[0]


def _holds_actors(folder: Path) -> bool:
    return any(_actor_of_folder(entry) is not None for entry in visible_entries(folder))


def _actor_of_folder(folder: Path) -> int | None:
    """Return the number in `Actor_NN`, or `None` for any other name."""
    prefix, _, code = folder.name.partition("_")
    return ACTORS_BY_CODE.get(code) if prefix.lower() == "actor" and folder.is_dir() else None


def _check_complete(corpus: str, found: Collection[str], actors: Sequence[int], root: Path) -> None:
    expected = expected_names(actors, corpus)
    missing = [name for name in expected if name not in found]
    if not missing:
        return
    gaps = []
    for actor in actors:
        count, wanted = (sum(name.endswith(f"-{actor:02d}") for name in each) for each in (found, expected))
        if count < wanted:
            gaps.append(f"Actor_{actor:02d} has {count} of {wanted}")
    raise ValueError(
        f"{root} is incomplete: {len(found)} of the {len(expected)} clips of "
        f"{_describe(actors)} found. {shortened(gaps)}. Missing: {shortened(missing)}. "
        "Fetch the corpus again."
    )


def _describe(actors: Sequence[int]) -> str:
    return "24 actors" if tuple(actors) == ACTORS else f"actors {', '.join(map(str, actors))}"
