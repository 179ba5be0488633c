"""The About tab: what this is, how well it works on voices it never heard, what it must not be used for."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

MATRIX_HERE = "<!-- beside this the confusion matrix -->"
TEXT = Path(__file__).with_name("about.md")
RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
CROSS_VALIDATION = RESULTS / "results.json"
SHIPPED_RECIPE, SPREAD_PROTOCOL = "hybrid", "luna5"
EVALUATION = RESULTS / "evaluation" / "metrics.json"
CONFUSION_MATRIX = RESULTS / "evaluation" / "confusion_matrix.png"
GUIDE = (
    "UAR, unweighted average recall, is the share of each emotion that was recognised, averaged over the "
    "eight emotions. Guessing gives 12.5%. People who heard the same recordings reach 62.4%, with neutral "
    "and calm counted as one."
)


def add_about_tab() -> None:
    """Add the tab to the page being built, with the figures of the result files that are there."""
    text = TEXT.read_text(encoding="utf-8").format(accuracy="\n\n".join(accuracy_paragraphs()))
    measured, advice = text.split(MATRIX_HERE)
    with gr.Tab("About", id="about"):
        with gr.Row():
            with gr.Column(scale=3):
                gr.Markdown(measured)
            if CONFUSION_MATRIX.exists():
                with gr.Column(scale=2, min_width=320):
                    gr.Image(
                        str(CONFUSION_MATRIX),
                        label="Confusion matrix",
                        show_label=False,  # it would lie over the title
                        alt_text=f"Confusion matrix. {recall_sentence(EVALUATION)}",
                        interactive=False,
                        buttons=[],
                    )
        gr.Markdown(advice)


def accuracy_paragraphs(
    cross_validation: Path = CROSS_VALIDATION, evaluation: Path = EVALUATION
) -> list[str]:
    """What was measured on unseen voices, in sentences; says so where nothing was.

    Args:
        cross_validation: `benchmarks/results/results.json`, written by `benchmarks/report/results.py`.
        evaluation: `metrics.json`, written by `evaluation.py` for the shipped checkpoint.
    """
    paragraphs = []
    if scores := _read(cross_validation).get(SPREAD_PROTOCOL, {}).get(SHIPPED_RECIPE):
        paragraphs.append(
            f"The recipe of this model, cross-validated over {scores['num_clips']} clips of all 24 actors, "
            f"each heard by a model that did not know the voice: {_scores(scores)}"
        )
    if metrics := _read(evaluation):
        actors = ", ".join(map(str, metrics["actors"]))
        paragraphs.append(
            f"The shipped model on {metrics['num_clips']} clips of actors {actors}, who took no part in "
            f"making it: {_scores(metrics)} So few voices make a wide interval."
        )
    return [*paragraphs, GUIDE] if paragraphs else ["It has not been measured yet."]


def recall_sentence(evaluation: Path) -> str:
    """The diagonal of the confusion matrix in words, or nothing where there is no evaluation."""
    per_class = _read(evaluation).get("per_class", {})
    recalls = ", ".join(f"{emotion} {scores['recall']:.0%}" for emotion, scores in per_class.items())
    return f"Recognised: {recalls}." if recalls else ""


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _scores(scores: dict[str, Any]) -> str:
    low, high = scores["uar_interval"]["low"], scores["uar_interval"]["high"]
    return (
        f"**UAR {scores['uar']:.1%}** (95% interval over actors {low:.1%} to {high:.1%}), accuracy "
        f"{scores['accuracy']:.1%}."
    )
