"""One readable name for each speaker of all corpora, such as `ravdess:03` or `nemo:WR0`.

Actor 3 of one corpus differs from actor 3 of another, but RAVDESS's songs have the actors of its speech.
"""

from __future__ import annotations

from ser.labels import LABEL_MAPS

PEOPLE = {"ravdess-song": "ravdess"}
"""Corpus -> the corpus whose actors it shares."""


def speaker_name(corpus: str, own_name: str | int) -> str:
    """Name a speaker.

    Args:
        corpus: Where the speaker is recorded.
        own_name: The corpus's own name of the speaker; numbers get at least two digits.

    >>> speaker_name("ravdess", 3), speaker_name("ravdess-song", 3), speaker_name("nemo", "WR0")
    ('ravdess:03', 'ravdess:03', 'nemo:WR0')
    """
    own_name = str(own_name)
    return f"{PEOPLE.get(corpus, corpus)}:{own_name.zfill(2) if own_name.isdecimal() else own_name}"


def parse_speaker(name: str | int, corpus: str = "ravdess") -> str:
    """Return the full name of a speaker, given without the corpus or without leading zeros.

    Args:
        name: Such as 21, "21", "emodb:3" or "nemo:WR0".
        corpus: The corpus, if `name` does not give it.

    Raises:
        ValueError: An unknown corpus, or nothing after it.

    >>> parse_speaker(21), parse_speaker("emodb:3"), parse_speaker("WR0", "nemo")
    ('ravdess:21', 'emodb:03', 'nemo:WR0')
    """
    named, _, own_name = str(name).rpartition(":")
    if (named or corpus) not in LABEL_MAPS or not own_name:
        raise ValueError(
            f"{name!r} does not name a speaker: expected a number of RAVDESS's, such as 21, or "
            f"CORPUS:SPEAKER, such as emodb:03, with one of {', '.join(LABEL_MAPS)}."
        )
    return speaker_name(named or corpus, own_name)


def people_of(speaker: str) -> str:
    """Return the corpus that a speaker's name begins with.

    >>> people_of("emodb:03")
    'emodb'
    """
    return speaker.partition(":")[0]
