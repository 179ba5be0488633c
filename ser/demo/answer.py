"""The answer in words: the strongest emotion with its confidence, "not sure", silence, or an error."""

from collections.abc import Mapping, Sequence
from html import escape

from ser.audio.recording_quality import QualityHint
from ser.recognizer.confidence import Confidence
from ser.segments.formats import speaker_of
from ser.segments.segment import NOT_SURE, Segment
from ser.segments.summary import by_speaker, shares_of_speech

ADJECTIVES = {"disgust": "disgusted"}  # where the name of an emotion is no adjective
OUT_OF_DISTRIBUTION = "This recording is unlike the speech that the model was trained on."
MOST = 0.5  # of the speech: then a recording is "mostly" that


def by_probability(probabilities: Mapping[str, float]) -> list[str]:
    """Return the emotions, the likeliest first."""
    return sorted(probabilities, key=probabilities.__getitem__, reverse=True)


def answer_html(
    probabilities: Mapping[str, float],
    confidence: Confidence,
    styles: Mapping[str, str],
    *,
    is_out_of_distribution: bool = False,
    spoken: str | None = None,
    role: str = "status",
) -> str:
    """Say the strongest emotion and how often such answers are right, or "not sure" with the two likeliest.

    Args:
        probabilities: Probability of each emotion.
        confidence: The confidence of the answer.
        styles: CSS of each emotion.
        is_out_of_distribution: Whether the recording is unlike the training data.
        spoken: The emotion that the speaker acted, if it is known.
        role: Role of the answer for screen readers.
    """
    ranked = by_probability(probabilities)
    first = ranked[0]
    likeliest = " or ".join(f"{_adjective(each)} ({probabilities[each]:.0%})" for each in ranked[:2])
    meaning = f"{confidence.meaning.capitalize()}." if confidence.meaning else ""
    if is_out_of_distribution:
        sentence = f"{OUT_OF_DISTRIBUTION} If it is speech, perhaps {likeliest}."
    elif not confidence.is_sure:
        sentence = f"Perhaps {likeliest}. {meaning}"
    else:
        sentence = f"The speaker sounds {_adjective(first)} ({probabilities[first]:.0%}). {meaning}"
    if spoken is not None:
        sentence += f" {_comparison(first, spoken)}"
    if not confidence.is_sure:
        return _card("unsure", "Not sure", sentence, role)
    return _card("", escape(first.capitalize()), sentence, role, styles.get(first, ""))


def long_answer_html(segments: Sequence[Segment], styles: Mapping[str, str]) -> str:
    """Say which emotions a recording of several sentences holds, by their shares of the speech.

    Args:
        segments: Those of the recording.
        styles: CSS of each emotion.
    """
    shares = shares_of_speech(segments)
    if not shares:
        return card_html("No speech", "There is sound, but no speech was found in it.")
    spoken = [(own, shares_of_speech(own)) for own in by_speaker(segments)]
    described = [
        f"{escape(speaker_of(own[0]).capitalize()) if len(spoken) > 1 else 'Of the speech'}: "
        + (", ".join(f"{_adjective(label)} {share:.0%}" for label, share in of.items()) or "no speech")
        for own, of in spoken
    ]
    sentence = f"{'. '.join(described)}. What happened when is listed below."
    first = next(iter(shares))
    if first == NOT_SURE:
        return _card("unsure", "Not sure", sentence)
    if shares[first] < MOST:
        return _card("", "Changing", sentence)
    return _card("", f"Mostly {_adjective(first)}", sentence, style=styles.get(first, ""))


def card_html(word: str, sentence: str, role: str = "status") -> str:
    """Show a word and a sentence that are no answer: an invitation, or silence."""
    return _card("empty", escape(word), escape(sentence), role)


def error_html(message: str) -> str:
    """Say why a recording cannot be used; read out at once by screen readers."""
    return _card("error", "That did not work", escape(message), role="alert")


def hints_html(hints: Sequence[QualityHint]) -> str:
    """List what would make the recording better; nothing for a good one."""
    items = "".join(f"<li>{escape(hint.advice)}</li>" for hint in hints)
    return f'<ul class="hints" aria-label="About this recording">{items}</ul>' if items else ""


def _comparison(answered: str, spoken: str) -> str:
    if answered == spoken:
        return f"The actor meant {_adjective(spoken)}: right."
    return f"The actor meant {_adjective(spoken)}: wrong."


def _adjective(emotion: str) -> str:
    return escape(ADJECTIVES.get(emotion, emotion))


def _card(kind: str, word: str, sentence: str, role: str = "status", style: str = "") -> str:
    announced = f' role="{role}"' if role else ""
    return (
        f'<div class="verdict {kind}"{announced} style="{escape(style)}">'
        '<span class="swatch" aria-hidden="true"></span>'
        f'<div><p class="word">{word}</p><p class="sentence">{sentence.strip()}</p></div></div>'
    )
