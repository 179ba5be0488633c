"""What was heard, in words: the strongest emotion, or that nobody can be sure, or what is wrong."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from ser.recording_quality import QualityHint

INVITATION = "Record a sentence or choose a file, then press Analyse. Or try an example."
ADJECTIVES = {"disgust": "disgusted"}  # where the name of an emotion is none
UNLIKE_SPEECH = "This sounds unlike the speech that the model learned from."


def by_probability(probabilities: Mapping[str, float]) -> list[str]:
    """The emotions, the likeliest first."""
    return sorted(probabilities, key=probabilities.__getitem__, reverse=True)


def verdict_html(
    probabilities: Mapping[str, float], threshold: float, is_strange: bool = False, role: str = "status"
) -> str:
    """The strongest emotion in a sentence, or "not sure" with the two likeliest.

    Args:
        probabilities: Probability of each emotion.
        threshold: Below this highest probability the answer is "not sure".
        is_strange: Whether the sound is unlike those of the training; the answer then is "not sure" too.
        role: What the sentence is to screen readers.
    """
    first, second = by_probability(probabilities)[:2]
    first_prob = probabilities[first]
    likeliest = " or ".join(
        f"{_adjective(emotion)} ({_percent_below(threshold, probabilities[emotion])})"
        for emotion in (first, second)
    )
    if is_strange:
        return _card("unsure", "Not sure", f"{UNLIKE_SPEECH} If it is a voice, perhaps {likeliest}.", role)
    if first_prob < threshold:
        sentence = f"Perhaps {likeliest}, but no emotion reaches {threshold:.0%}."
        return _card("unsure", "Not sure", sentence, role)
    return _card(
        f"emotion-{escape(first)}",
        escape(first.capitalize()),
        f"This voice sounds {_adjective(first)}, with a probability of {first_prob:.0%}.",
        role,
    )


def live_html(probabilities: Mapping[str, float] | None, threshold: float) -> str:
    """What is heard at this moment; not announced, for it changes three times a second.

    Args:
        probabilities: Probability of each emotion; `None` in silence.
        threshold: Below this highest probability the answer is "not sure".
    """
    if probabilities is None:
        return _card("empty", "Silence", "Listening. Say something.", role="")
    return verdict_html(probabilities, threshold, role="")


def waiting_html() -> str:
    """How to start the microphone."""
    return _card("empty", "Ready", "Press Record and speak. Press Stop whenever you like.", role="")


def invitation_html() -> str:
    """What to do first."""
    return _card("empty", "How does it sound?", INVITATION)


def silence_html(message: str) -> str:
    """There was no voice to judge."""
    return _card("empty", "Silence", escape(message))


def error_html(message: str) -> str:
    """Why a recording cannot be used; read out at once by screen readers."""
    return _card("error", "That did not work", escape(message), role="alert")


def hints_html(hints: Sequence[QualityHint]) -> str:
    """What would make the recording better; nothing for a good one."""
    items = "".join(f"<li>{escape(hint.advice)}</li>" for hint in hints)
    return f'<ul class="hints" aria-label="About this recording">{items}</ul>' if items else ""


def _percent_below(threshold: float, probability: float) -> str:
    """In whole percents; in tenths, rounded down, where whole ones would read like the threshold."""
    if probability < threshold and f"{probability:.0%}" == f"{threshold:.0%}":
        return f"{math.floor(1000 * probability) / 10:.1f}%"
    return f"{probability:.0%}"


def _adjective(emotion: str) -> str:
    return escape(ADJECTIVES.get(emotion, emotion))


def _card(kind: str, word: str, sentence: str, role: str = "status") -> str:
    announced = f' role="{role}"' if role else ""
    return (
        f'<div class="verdict {kind}"{announced}><span class="swatch" aria-hidden="true"></span>'
        f'<div><p class="word">{word}</p><p class="sentence">{sentence}</p></div></div>'
    )
