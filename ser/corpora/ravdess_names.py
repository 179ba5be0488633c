"""File names of RAVDESS.

`03-01-05-02-01-02-12.wav` reads modality-channel-emotion-intensity-statement-repetition-actor.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product
from pathlib import Path

from ser.corpora.clips import Clip, check_code
from ser.corpora.speakers import speaker_name
from ser.labels import LABEL_MAPS

AUDIO_SUFFIXES = (".wav", ".flac", ".opus", ".ogg", ".mp3")
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov")

MODALITIES = {"01": "audio and video", "02": "video only", "03": "audio only"}
CHANNELS = {"01": "speech", "02": "song"}
CHANNEL_CODES = {"ravdess": "01", "ravdess-song": "02"}
EMOTIONS_BY_CODE = LABEL_MAPS["ravdess"]
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
REPETITIONS = {"01": 1, "02": 2}
ACTORS = tuple(range(1, 25))
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


def read_clip(path: Path, *, folder_actor: int, corpus: str = "ravdess") -> Clip:
    """Read the labels from the name of a clip.

    Args:
        path: The clip.
        folder_actor: Number of the actor in the name of its folder.
        corpus: A key of `CHANNEL_CODES`: "ravdess" for speech, "ravdess-song" for songs.

    Raises:
        ValueError: The name is unexpected, the clip belongs to the other channel, is a video, or is of
            another actor than its folder.
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
    wanted = CHANNELS[CHANNEL_CODES[corpus]]
    if modality != "03" or path.suffix.lower() in VIDEO_SUFFIXES:
        raise ValueError(
            f"{path} is a video file (modality {modality}, {MODALITIES[modality]}). Only the audio-only "
            f"{wanted} clips are read, whose names begin with 03-{CHANNEL_CODES[corpus]}: remove the video "
            "files."
        )
    if channel != CHANNEL_CODES[corpus]:
        raise ValueError(
            f"{path} is a {CHANNELS[channel]} file (channel {channel}). Only the audio-only {wanted} clips "
            f"are read, whose names begin with 03-{CHANNEL_CODES[corpus]}: remove the "
            f"{CHANNELS[channel]} files."
        )
    check_code(emotion, LABEL_MAPS[corpus], field="emotion", path=path, corpus=f"RAVDESS {wanted}")
    if (emotion, intensity) == ("01", "02"):
        raise ValueError(
            f"{path} breaks the RAVDESS naming scheme: neutral (01) has no strong intensity (02)."
        )
    number = ACTORS_BY_CODE[actor]
    if number != folder_actor:
        raise ValueError(f"{path} is of actor {actor} but in {path.parent.name}. Move or rename it.")
    return Clip(
        audio=str(path),
        emotion=EMOTIONS_BY_CODE[emotion],
        corpus=corpus,
        actor=speaker_name(corpus, number),
        gender="male" if number % 2 else "female",
        intensity=INTENSITIES[intensity],
        statement=STATEMENTS[statement],
        repetition=REPETITIONS[repetition],
    )


def expected_names(actors: Sequence[int] = ACTORS, corpus: str = "ravdess") -> list[str]:
    """Return the stems of the published clips of these actors, sorted by actor and name.

    Each actor speaks 60: 7 emotions, 2 intensities, 2 statements and 2 repetitions, and 4 neutral clips. Each
    but actor 18 sings 44 likewise, without disgust and surprise.
    """
    return [
        "-".join(("03", CHANNEL_CODES[corpus], emotion, intensity, statement, repetition, f"{actor:02d}"))
        for actor in actors
        if corpus == "ravdess" or actor != 18
        for emotion, intensity, statement, repetition in product(
            LABEL_MAPS[corpus], INTENSITIES, STATEMENTS, REPETITIONS
        )
        if (emotion, intensity) != ("01", "02")  # neutral has normal intensity only
    ]
