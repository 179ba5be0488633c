"""What the name of a RAVDESS clip says.

`03-01-05-02-01-02-12.wav` reads modality-channel-emotion-intensity-statement-repetition-actor.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product
from pathlib import Path

from ser.corpora.clips import Clip, check_code
from ser.labels import LABEL_MAPS

ACTORS = tuple(range(1, 25))
NUM_CLIPS_PER_ACTOR = 60  # 7 emotions x 2 intensities x 2 statements x 2 repetitions, and 4 neutral clips
NUM_CLIPS = NUM_CLIPS_PER_ACTOR * len(ACTORS)
AUDIO_SUFFIXES = (".wav", ".flac")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov")

MODALITIES = {"01": "audio and video", "02": "video only", "03": "audio only"}
CHANNELS = {"01": "speech", "02": "song"}
EMOTIONS_BY_CODE = LABEL_MAPS["ravdess"]
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
REPETITIONS = {"01": 1, "02": 2}
ACTORS_BY_CODE = {f"{actor:02d}": actor for actor in ACTORS}
FIELDS: dict[str, Collection[str]] = {
    "modality": MODALITIES,
    "channel": CHANNELS,
    "emotion": EMOTIONS_BY_CODE,
    "intensity": INTENSITIES,
    "statement": STATEMENTS,
    "repetition": REPETITIONS,
    "actor": ACTORS_BY_CODE,
}


def read_clip(path: Path, *, folder_actor: int) -> Clip:
    """Read the labels out of a clip's name.

    Raises:
        ValueError: The name breaks the scheme, is of a song or a video, or of another actor than its folder.
    """
    codes = path.stem.split("-")
    if len(codes) != len(FIELDS):
        raise ValueError(
            f"{path} breaks the RAVDESS naming scheme: expected {len(FIELDS)} two-digit fields "
            f"({'-'.join(FIELDS)}), found {len(codes)}. Rename or remove it."
        )
    for (field, allowed), code in zip(FIELDS.items(), codes, strict=True):
        check_code(code, allowed, field=field, path=path, corpus="RAVDESS")
    modality, channel, emotion, intensity, statement, repetition, actor = codes
    if modality != "03" or path.suffix.lower() in VIDEO_SUFFIXES:
        raise ValueError(
            f"{path} is a video file (modality {modality}, {MODALITIES[modality]}). Only the audio-only "
            "speech clips are read, whose names begin with 03-01: remove the video files."
        )
    if channel != "01":
        raise ValueError(
            f"{path} is a song file (channel {channel}). Only the audio-only speech clips are read, whose "
            "names begin with 03-01: remove the song files."
        )
    if (emotion, intensity) == ("01", "02"):
        raise ValueError(
            f"{path} breaks the RAVDESS naming scheme: neutral (01) has no strong intensity (02)."
        )
    number = ACTORS_BY_CODE[actor]
    if number != folder_actor:
        raise ValueError(f"{path} is of actor {actor} but lies in {path.parent.name}. Move or rename it.")
    return Clip(
        audio=str(path),
        emotion=EMOTIONS_BY_CODE[emotion],
        actor=number,
        gender="male" if number % 2 else "female",
        intensity=INTENSITIES[intensity],
        statement=STATEMENTS[statement],
        repetition=REPETITIONS[repetition],
    )


def expected_names(actors: Sequence[int] = ACTORS) -> list[str]:
    """The stems of the 60 speech clips of each of these actors, sorted by actor and name."""
    return [
        "-".join(("03", "01", emotion, intensity, statement, repetition, f"{actor:02d}"))
        for actor in actors
        for emotion, intensity, statement, repetition in product(
            EMOTIONS_BY_CODE, INTENSITIES, STATEMENTS, REPETITIONS
        )
        if (emotion, intensity) != ("01", "02")  # neutral was spoken at normal intensity only
    ]
