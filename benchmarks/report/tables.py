"""The project's own measurements as Markdown; fractions become percent."""

from collections.abc import Iterator
from typing import Any

from ser.evaluation.tables import percent_range, scores_columns


def elsewhere_lines(evaluations: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table of evaluations on the conventional sets of emotions that other corpora have."""
    yield "| corpus | emotions | UAR | 95 % interval over speakers | accuracy | clips | guessing |"
    yield "|---|---|---|---|---|---|---|"
    for name in ("6", "4"):
        for evaluation in evaluations:
            if name in evaluation["per_class_set"]:
                scores = evaluation["per_class_set"][name]
                who = evaluation["title"].partition(" (")[0]
                yield f"| {who} | {name} {scores_columns(scores)} {100 / int(name):.1f} |"


def disturbed_lines(robustness: dict[str, Any]) -> Iterator[str]:
    """Yield a table of what `benchmarks/accuracy/robustness.py` found, a row a disturbance."""
    yield (
        f"The checkpoint on the {robustness['num_clips']} clips of actors "
        f"{', '.join(map(str, robustness['actors']))}, each clip disturbed the same way for every model."
    )
    yield from ("", "| condition | UAR | points lost | 95 % interval of the loss over actors |")
    yield "|---|---|---|---|"
    for name, scores in robustness["conditions"].items():
        lost = "" if name == "clean" else f"{100 * scores['uar_lost']:.1f}"
        interval = "" if name == "clean" else percent_range(scores["uar_lost_interval"])
        yield f"| {name} | {100 * scores['uar']:.1f} | {lost} | {interval} |"


def out_of_distribution_lines(kinds: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield a table of what `benchmarks/accuracy/out_of_distribution.py` found, a row a kind of sound."""
    yield "| sound | clips | AUROC | called out of distribution |"
    yield "|---|---|---|---|"
    for number, (kind, found) in enumerate(kinds.items()):
        auroc = f"{found['auroc']:.2f}" if number else ""  # the others are compared with the first kind
        yield f"| {kind} | {found['num_clips']} | {auroc} | {100 * found['flagged']:.0f} % |"


def out_of_distribution_sentence(kinds: dict[str, dict[str, Any]]) -> str:
    """Summarise these measurements for the model card."""
    speech = ("unseen speakers", "EmoDB")
    flagged = {kind: f"{100 * kinds[kind]['flagged']:.0f} %" for kind in speech}
    lowest = min(found["flagged"] for kind, found in kinds.items() if not kind.startswith(speech))
    return (
        "The checkpoint brings an out-of-distribution detector, the Mahalanobis distance of MFCC statistics "
        f"from the training clips. It rejects at least {100 * lowest:.0f} % of each kind of synthetic sound "
        f"without speech, {flagged['unseen speakers']} of the clips of unseen speakers of RAVDESS and "
        f"{flagged['EmoDB']} of German speech of EmoDB. It does not detect an unfamiliar language, "
        "microphone or speaker."
    )
