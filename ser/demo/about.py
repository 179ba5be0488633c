"""The About tab: what this is, what was measured on unseen speakers, and what it must not be used for."""

import os
from pathlib import Path

import gradio as gr
from huggingface_hub import ModelCard

from ser.demo.models import Models

FIGURES_HERE = "<!-- here the models with their figures -->"
TEXT = Path(__file__).with_name("about.md")
HUB = "https://huggingface.co"
NOT_MEASURED = "No measurements come with this checkpoint."


def add_about_tab(models: Models) -> None:
    """Add the tab to the page being built, with the figures of the models' own cards."""
    before, after = TEXT.read_text(encoding="utf-8").split(FIGURES_HERE)
    with gr.Tab("About", id="about"):
        gr.Markdown(before)
        for name in models.names:
            card = models.card(name)
            gr.Markdown(f"### {models.title(name)}\n\n{figures_text(card)}", elem_classes="figures")
            if card is not None and card.text.strip():
                with gr.Accordion(f"The whole card of {models.title(name)}", open=False):
                    gr.Markdown(card.text, header_links=False, elem_classes="figures")
        gr.Markdown(after + _links_text(models))


def figures_text(card: ModelCard | None) -> str:
    """Return the results in the metadata of a card as a table in Markdown; says so where there are none.

    Args:
        card: The card; its metrics are in percent.
    """
    rows: dict[str, dict[str, str]] = {}
    for result in getattr(card.data, "eval_results", None) or [] if card is not None else []:
        metric = (result.metric_name or result.metric_type).removesuffix(", percent")
        rows.setdefault(result.dataset_name, {})[metric] = f"{result.metric_value} %"
    if not rows:
        return NOT_MEASURED
    metrics = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    lines = [f"| measured on | {' | '.join(metrics)} |", "|---" * (1 + len(metrics)) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {' | '.join(row.get(metric, '') for metric in metrics)} |")
    return "\n".join(lines)


def _links_text(models: Models) -> str:
    """Link the code and the cards, where they are published."""
    links = [f"[{name}]({HUB}/{models.source(name)})" for name in models.names if models.is_on_hub(name)]
    if space := os.environ.get("SPACE_ID"):
        links.insert(0, f"[the code of this demo]({HUB}/spaces/{space}/tree/main)")
    return f"\n\nPublished: {', '.join(links)}." if links else ""
