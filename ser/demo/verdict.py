"""What was heard, in words."""

from collections.abc import Mapping
from html import escape


def verdict_html(probabilities: Mapping[str, float] | None = None, error: str = "") -> str:
    """The strongest emotion in a sentence, or why there is none.

    Args:
        probabilities: Probability of each emotion; none before the first recording.
        error: Why the recording cannot be used; shown in place of the probabilities.
    """
    if error:
        return f'<div class="verdict" role="alert"><p class="error">{escape(error)}</p></div>'
    if probabilities is None:
        text = "Record a sentence, choose a file or click an example, then press Analyse."
        return f'<div class="verdict" role="status"><p>{text}</p></div>'
    emotion = max(probabilities, key=probabilities.__getitem__)
    return (
        f'<div class="verdict" role="status"><p>This voice sounds <strong>{escape(emotion)}</strong> '
        f"({probabilities[emotion]:.0%}).</p></div>"
    )
