"""What is said of scores on recordings with labels of their own."""

from typing import Any

from ser.corpora.own_data import OWN
from ser.corpora.provenance import environment
from ser.evaluation.scoring import ScoredClips, evaluation_report

SOUND_DIGITS = 16  # of the fingerprint of a recording that a training's record keeps


def own_report(scored: ScoredClips, warning: str | None) -> dict[str, Any]:
    """Score recordings of one's own, with what the scores do not show."""
    return {
        "title": f"Held-out recordings ({len(scored.labels)})",
        **evaluation_report(scored),
        "warning": warning,
        "corpus": {"name": OWN},
        **environment(),
    }
