"""RAVDESS: 24 actors, 60 spoken and 44 sung clips each, in a folder or a zip, checked for completeness.

Livingstone SR, Russo FA (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS),
PLoS ONE 13(5): e0196391. `03-01-05-02-01-02-12.wav` reads modality-channel-emotion-intensity-statement-
repetition-actor.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from itertools import product
from pathlib import Path

from datasets import Dataset

from ser.corpora.archive import unpack_clips
from ser.corpora.folders import existing_path, shortened, visible_entries
from ser.corpora.named_corpus import NamedCorpus, in_order
from ser.corpora.speakers import parse_speaker
from ser.labels import LABEL_MAPS

ZIP_MAX_TOTAL_BYTES = 10**9  # the published zips unpack to about 0.5 GB each
ACTORS = tuple(range(1, 25))
PATTERN = (  # neutral (01) has no strong intensity (02)
    r"(?P<modality>\d\d)-(?P<channel>\d\d)-(?!01-02)(?P<emotion>\d\d)-(?P<intensity>\d\d)-"
    r"(?P<statement>\d\d)-(?P<repetition>\d\d)-(?P<speaker>\d\d)"
)
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
REPETITIONS = {"01": 1, "02": 2}


def _ravdess(name: str, title: str, prefix: str, num_clips: int) -> NamedCorpus:
    return NamedCorpus(
        name=name,
        title=title,
        num_published_clips=num_clips,
        pattern=PATTERN,
        example=f"{prefix}-05-02-01-02-12",
        codes={
            "modality": [prefix[:2]],
            "channel": [prefix[3:]],
            "intensity": INTENSITIES,
            "statement": STATEMENTS,
            "repetition": REPETITIONS,
            "speaker": [f"{actor:02d}" for actor in ACTORS],
        },
        columns=lambda fields: {
            "gender": "male" if int(fields["speaker"]) % 2 else "female",
            "intensity": INTENSITIES[fields["intensity"]],
            "statement": STATEMENTS[fields["statement"]],
            "repetition": REPETITIONS[fields["repetition"]],
        },
    )


RAVDESS = _ravdess("ravdess", "RAVDESS", "03-01", 1440)
RAVDESS_SONG = _ravdess("ravdess-song", "RAVDESS song", "03-02", 1012)


def load_ravdess(
    data_dir: str | os.PathLike[str],
    *,
    actors: Iterable[int | str] | None = None,
    allow_incomplete: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read the RAVDESS speech corpus.

    Args:
        data_dir: A folder with the clips at any depth, the published zip, or a folder with nothing but that
            zip.
        actors: Read only these (1 to 24), who must be complete. All 24 by default.
        allow_incomplete: Accept missing actors and clips.
        cache_dir: Where a zip is unpacked, once; beside the zip by default.

    Returns:
        What `NamedCorpus.load` returns. Files are opened when they are decoded, not before.

    Raises:
        ValueError: As `NamedCorpus.load`; also if the zip is damaged or another one, or, unless
            `allow_incomplete`, an actor or clip is missing.
    """
    return _load(RAVDESS, data_dir, actors, allow_incomplete, cache_dir)


def load_ravdess_song(
    data_dir: str | os.PathLike[str],
    *,
    actors: Iterable[int | str] | None = None,
    allow_incomplete: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read the RAVDESS songs: the same actors without 18, and the same arguments as `load_ravdess`.

    Their speakers have the names of the speech corpus, so that a held-out actor is held out of both.
    """
    return _load(RAVDESS_SONG, data_dir, actors, allow_incomplete, cache_dir)


def zip_name_pattern(corpus: NamedCorpus) -> str:
    """Return the pattern of the clips' paths in the published zip, as `unpack_clips` wants it."""
    return rf"(?:[^/]+/)?(?P<path>Actor_\d\d/{corpus.example[:5]}(?:-\d\d){{5}}\.(?:wav|flac))"


def expected_names(actors: Iterable[int] = ACTORS, corpus: str = "ravdess") -> list[str]:
    """Return the stems of the published clips of these actors, sorted by actor and name.

    Each actor speaks 60: 7 emotions, 2 intensities, 2 statements and 2 repetitions, and 4 neutral clips. Each
    but actor 18 sings 44 likewise, without disgust and surprise.
    """
    prefix = {"ravdess": RAVDESS, "ravdess-song": RAVDESS_SONG}[corpus].example[:5]
    return [
        "-".join((prefix, emotion, intensity, statement, repetition, f"{actor:02d}"))
        for actor in actors
        if corpus == "ravdess" or actor != 18
        for emotion, intensity, statement, repetition in product(
            LABEL_MAPS[corpus], INTENSITIES, STATEMENTS, REPETITIONS
        )
        if (emotion, intensity) != ("01", "02")  # neutral has normal intensity only
    ]


def _load(
    corpus: NamedCorpus,
    data_dir: str | os.PathLike[str],
    actors: Iterable[int | str] | None,
    allow_incomplete: bool,
    cache_dir: str | os.PathLike[str] | None,
) -> Dataset:
    path = existing_path(data_dir, corpus.remedy)
    if archive := _find_archive(path, corpus.remedy):
        path = _unpack(corpus, archive, Path(cache_dir) if cache_dir else archive.parent, allow_incomplete)
    names = None if actors is None else sorted({parse_speaker(actor, corpus.name) for actor in actors})
    clips = corpus.find(path, names)
    if not allow_incomplete:
        numbers = ACTORS if names is None else tuple(int(name.partition(":")[2]) for name in names)
        _check_complete(corpus, {Path(clip.audio).stem for clip in clips}, numbers, path)
    return in_order(clips)


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


def _unpack(corpus: NamedCorpus, archive: Path, cache_dir: Path, allow_incomplete: bool) -> Path:
    try:
        return unpack_clips(
            archive,
            cache_dir / archive.stem,
            name_pattern=zip_name_pattern(corpus),
            num_clips=None if allow_incomplete else corpus.num_published_clips,
            max_total_bytes=ZIP_MAX_TOTAL_BYTES,
        )
    except OSError as error:
        raise ValueError(
            f"{archive.name} cannot be unpacked into {cache_dir} ({error.strerror}). "
            "Unpack it by hand where there is room for 0.6 GB, and name that folder."
        ) from error


def _check_complete(
    corpus: NamedCorpus, found: Collection[str], actors: Collection[int], folder: Path
) -> None:
    expected = expected_names(actors, corpus.name)
    missing = [name for name in expected if name not in found]
    if missing:
        raise ValueError(
            f"{folder} is incomplete: {len(found)} of the {len(expected)} clips of {len(actors)} actors "
            f"found. Missing: {shortened(missing)}. Fetch the corpus again."
        )
