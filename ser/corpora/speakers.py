"""One number for each speaker of all corpora, so that actor 3 of one is not taken for actor 3 of another.

A corpus numbers its own speakers. Where several corpora come together, a speaker is the pair of corpus and
actor, packed into one integer; RAVDESS's numbers stay as they are.
"""

from __future__ import annotations

from ser.corpora import CORPORA

NUMBERS_PER_CORPUS = 10_000  # the highest number a corpus gives is CREMA-D's 1091


def speaker_number(corpus: str, actor: int) -> int:
    """The number of a corpus's actor among the speakers of all corpora.

    >>> speaker_number("ravdess", 3), speaker_number("emodb", 3)
    (3, 40003)
    """
    return list(CORPORA).index(corpus) * NUMBERS_PER_CORPUS + actor


def corpus_of_speaker(number: int) -> str:
    """The corpus that a speaker's number belongs to.

    >>> corpus_of_speaker(40003)
    'emodb'
    """
    return list(CORPORA)[number // NUMBERS_PER_CORPUS]


def speaker_name(number: int) -> int | str:
    """How a speaker is written in records and on the command line: RAVDESS's by the bare number.

    >>> speaker_name(3), speaker_name(40003)
    (3, 'emodb:3')
    """
    corpus, actor = corpus_of_speaker(number), number % NUMBERS_PER_CORPUS
    return actor if corpus == "ravdess" else f"{corpus}:{actor}"


def parse_speaker(name: int | str) -> int:
    """The number of a speaker written as `speaker_name` does.

    Raises:
        ValueError: No number, or an unknown corpus before it.

    >>> parse_speaker("21"), parse_speaker("emodb:3")
    (21, 40003)
    """
    corpus, _, actor = str(name).rpartition(":")
    corpus = corpus or "ravdess"
    if corpus not in CORPORA or not actor.isdecimal() or not 0 < int(actor) < NUMBERS_PER_CORPUS:
        raise ValueError(
            f"{name!r} names no speaker: expected a number of RAVDESS's, such as 21, or CORPUS:NUMBER, "
            f"such as emodb:3, with one of {', '.join(CORPORA)}."
        )
    return speaker_number(corpus, int(actor))
