"""RAVDESS speech: 24 actors, 60 clips each, labelled by their file names.

Livingstone SR, Russo FA (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS),
PLoS ONE 13(5): e0196391. A name such as `03-01-05-02-01-02-12.wav` reads
modality-channel-emotion-intensity-statement-repetition-actor.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from datasets import Dataset

from ser.corpora.clips import Clip, clips_to_dataset, existing_folder, shortened, visible_entries
from ser.labels import EMOTIONS

ACTORS = tuple(range(1, 25))
NUM_CLIPS_PER_ACTOR = 60  # 7 emotions x 2 intensities x 2 statements x 2 repetitions, and 4 neutral clips
AUDIO_SUFFIXES = (".wav", ".flac")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov")

MODALITIES = {"01": "audio and video", "02": "video only", "03": "audio only"}
CHANNELS = {"01": "speech", "02": "song"}
EMOTION_CODES = {f"{code:02d}": emotion for code, emotion in enumerate(EMOTIONS, start=1)}
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
REPETITIONS = {"01": 1, "02": 2}
ACTOR_CODES = {f"{actor:02d}": actor for actor in ACTORS}
FIELDS = {
    "modality": MODALITIES,
    "channel": CHANNELS,
    "emotion": EMOTION_CODES,
    "intensity": INTENSITIES,
    "statement": STATEMENTS,
    "repetition": REPETITIONS,
    "actor": ACTOR_CODES,
}

REMEDY = (
    "Expected the folder of Actor_01 ... Actor_24 with the RAVDESS speech clips; "
    "`python data_scripts/download_ravdess.py --output_dir data/ravdess` makes it."
)


def load_ravdess(
    data_dir: str | os.PathLike[str],
    *,
    actors: Sequence[int] | None = None,
    allow_incomplete: bool = False,
) -> Dataset:
    """Reads the RAVDESS speech corpus.

    Args:
        data_dir: the folder of `Actor_NN` with WAV or FLAC files, or a folder with one such folder in it.
        actors: load only these (1 to 24); each of them must still be complete. All 24 by default.
        allow_incomplete: accept missing actors and clips.

    Returns:
        One row a clip, sorted by actor and file name, with the columns of `ser.corpora.clips.COLUMNS`;
        `audio` is not decoded.

    Raises:
        ValueError: no such folder, no clips in it, a name that breaks the scheme, the same clip twice, or,
            unless `allow_incomplete`, an actor or clip missing.
    """
    wanted = _checked_actors(actors)
    root = _find_actor_folders(existing_folder(data_dir, REMEDY))
    clips: dict[str, Clip] = {}
    for folder in visible_entries(root):
        actor = _actor_of_folder(folder)
        if actor not in wanted:
            continue
        for path in visible_entries(folder):
            if path.suffix.lower() not in AUDIO_SUFFIXES + VIDEO_SUFFIXES:
                continue
            clip = _read_name(path, actor)
            if path.stem in clips:
                raise ValueError(
                    f"The clip {path.stem} is there twice: {clips[path.stem].audio} and {path}. Remove one."
                )
            clips[path.stem] = clip
    if not clips:
        raise ValueError(f"No RAVDESS clip (.wav or .flac) in {root}. {REMEDY}")
    if not allow_incomplete:
        _check_complete(set(clips), wanted, root)
    return clips_to_dataset(sorted(clips.values(), key=lambda clip: (clip.actor, Path(clip.audio).stem)))


def expected_names(actors: Sequence[int] = ACTORS) -> list[str]:
    """The stems of the 60 speech clips of each of these actors, sorted by actor and name."""
    return [
        "-".join(("03", "01", emotion, intensity, statement, repetition, f"{actor:02d}"))
        for actor in actors
        for emotion, intensity, statement, repetition in product(
            EMOTION_CODES, INTENSITIES, STATEMENTS, REPETITIONS
        )
        if (emotion, intensity) != ("01", "02")  # neutral was spoken at normal intensity only
    ]


def _checked_actors(actors: Sequence[int] | None) -> tuple[int, ...]:
    if actors is None:
        return ACTORS
    unknown = sorted(set(actors) - set(ACTORS))
    if unknown or not actors:
        raise ValueError(f"actors must be numbers from 1 to 24, at least one; got {list(actors)}.")
    return tuple(sorted(set(actors)))


def _find_actor_folders(folder: Path) -> Path:
    """The folder itself where it holds `Actor_NN`, else the one folder in it that does."""
    if _holds_actors(folder):
        return folder
    candidates = [entry for entry in visible_entries(folder) if entry.is_dir() and _holds_actors(entry)]
    if len(candidates) > 1:
        names = shortened([candidate.name for candidate in candidates])
        raise ValueError(f"Several folders in {folder} hold Actor_NN folders: {names}. Name one of them.")
    if not candidates:
        found = shortened([entry.name for entry in visible_entries(folder)]) or "nothing"
        raise ValueError(f"No Actor_NN folder in {folder}; found {found}. {REMEDY}")
    return candidates[0]


def _holds_actors(folder: Path) -> bool:
    return any(_actor_of_folder(entry) is not None for entry in visible_entries(folder))


def _actor_of_folder(folder: Path) -> int | None:
    """The number in `Actor_NN`, or `None` for anything else."""
    prefix, _, code = folder.name.partition("_")
    return ACTOR_CODES.get(code) if prefix.lower() == "actor" and folder.is_dir() else None


def _read_name(path: Path, folder_actor: int) -> Clip:
    """Reads the labels out of a clip's name; a `ValueError` names the field that breaks the scheme."""
    codes = path.stem.split("-")
    if len(codes) != len(FIELDS):
        raise ValueError(
            f"{path} breaks the RAVDESS naming scheme: expected {len(FIELDS)} two-digit fields "
            f"({'-'.join(FIELDS)}), found {len(codes)}. Rename or remove it."
        )
    for (field, allowed), code in zip(FIELDS.items(), codes, strict=True):
        if code not in allowed:
            raise ValueError(
                f"{path} breaks the RAVDESS naming scheme: {field} is {code!r}, expected one of "
                f"{', '.join(allowed)}. Rename or remove it."
            )
    modality, channel, emotion, intensity, statement, repetition, actor = codes
    if modality != "03" or path.suffix.lower() in VIDEO_SUFFIXES:
        raise ValueError(
            f"{path} is a video file (modality {modality}: {MODALITIES[modality]}); only the audio-only speech "
            "clips (names beginning 03-01) are read. Remove the video files."
        )
    if channel != "01":
        raise ValueError(
            f"{path} is a song file (channel {channel}: {CHANNELS[channel]}); only the audio-only speech "
            "clips (names beginning 03-01) are read. Remove the song files."
        )
    if (emotion, intensity) == ("01", "02"):
        raise ValueError(f"{path} breaks the RAVDESS naming scheme: neutral has no strong intensity (02).")
    if ACTOR_CODES[actor] != folder_actor:
        raise ValueError(f"{path} is of actor {actor} but lies in {path.parent.name}. Move or rename it.")
    return Clip(
        audio=str(path),
        emotion=EMOTION_CODES[emotion],
        actor=ACTOR_CODES[actor],
        gender="male" if ACTOR_CODES[actor] % 2 else "female",
        intensity=INTENSITIES[intensity],
        statement=STATEMENTS[statement],
        repetition=REPETITIONS[repetition],
    )


def _check_complete(found: set[str], actors: Sequence[int], root: Path) -> None:
    missing = [name for name in expected_names(actors) if name not in found]
    if not missing:
        return
    counts = {actor: sum(name.endswith(f"-{actor:02d}") for name in found) for actor in actors}
    absent = [f"Actor_{actor:02d}" for actor, count in counts.items() if count == 0]
    partial = [
        f"Actor_{actor:02d} has {count} of {NUM_CLIPS_PER_ACTOR} clips"
        for actor, count in counts.items()
        if 0 < count < NUM_CLIPS_PER_ACTOR
    ]
    details = [f"without any clip: {shortened(absent)}"] if absent else []
    details += [shortened(partial)] if partial else []
    raise ValueError(
        f"{root} is incomplete: {len(found)} of {NUM_CLIPS_PER_ACTOR * len(actors)} clips found; "
        f"{'; '.join(details)}; missing {shortened(missing)}. "
        "Fetch the corpus again, or pass allow_incomplete=True to read what is there."
    )
