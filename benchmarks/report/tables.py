"""The project's own measurements as Markdown; fractions become percent."""

from collections.abc import Iterator
from typing import Any

from benchmarks.accuracy.strangeness import DEMO_SCORE
from ser.evaluation.tables import percent_range, scores_columns


def elsewhere_lines(evaluations: list[dict[str, Any]]) -> Iterator[str]:
    """A table of evaluations on the conventional sets of emotions that other corpora have."""
    yield "| corpus | emotions | UAR | 95 % interval over speakers | accuracy | clips | guessing |"
    yield "|---|---|---|---|---|---|---|"
    for name in ("6", "4"):
        for evaluation in evaluations:
            if name in evaluation["per_class_set"]:
                scores = evaluation["per_class_set"][name]
                who = evaluation["title"].partition(" (")[0]
                yield f"| {who} | {name} {scores_columns(scores)} {100 / int(name):.1f} |"


def disturbed_lines(robustness: dict[str, Any]) -> Iterator[str]:
    """A table of what `benchmarks/accuracy/robustness.py` found, a row a disturbance."""
    yield (
        f"The shipped checkpoint on the {robustness['num_clips']} clips of actors "
        f"{', '.join(map(str, robustness['actors']))}, each clip disturbed the same way for every model."
    )
    yield from (
        "",
        "| condition | UAR | points lost | 95 % interval of the loss over actors |",
        "|---|---|---|---|",
    )
    for name, scores in robustness["conditions"].items():
        lost = "" if name == "clean" else f"{100 * scores['uar_lost']:.1f}"
        interval = "" if name == "clean" else percent_range(scores["uar_lost_interval"])
        yield f"| {name} | {100 * scores['uar']:.1f} | {lost} | {interval} |"


def unlike_lines(unlike: dict[str, Any]) -> Iterator[str]:
    """A table of AUROC by score of strangeness and kind of sound."""
    kinds = list(next(iter(unlike["auroc"].values())))
    yield f"| score | {' | '.join(kinds)} |"
    yield f"|---|{'---|' * len(kinds)}"
    for name, by_kind in unlike["auroc"].items():
        mark = "**" if name == unlike["best"] else ""
        yield f"| {mark}{name}{mark} | {' | '.join(f'{by_kind[kind]:.2f}' for kind in kinds)} |"


def unlike_sentence(unlike: dict[str, Any]) -> str:
    """Say how well the out-of-distribution score that ships does, beside the best and the confidence."""
    shipped, best, confidence = (
        unlike["auroc"][name] for name in (DEMO_SCORE, unlike["best"], "highest probability")
    )
    return (
        f"The checkpoint brings an out-of-distribution score, the {DEMO_SCORE}. It separates synthetic "
        f"sounds without speech from unseen speakers of RAVDESS with an AUROC of "
        f"{shipped['no speech']:.2f} (guessing gives 0.50), and German speech of EmoDB with "
        f"{shipped['EmoDB']:.2f}. The best score that was tried, {unlike['best']}, reaches "
        f"{best['no speech']:.2f} and {best['EmoDB']:.2f}, and does not ship, since it needs the training "
        f"recordings. The highest probability reaches {confidence['no speech']:.2f} and "
        f"{confidence['EmoDB']:.2f}: **a confident answer does not mean that there was speech**, nor speech "
        "like that of the training."
    )
