"""Bars: one line for each label with its colour, its pattern and its percentage."""

from collections.abc import Mapping, Sequence
from html import escape


def bars_html(
    title: str, labels: Sequence[str], shares: Mapping[str, float] | None, styles: Mapping[str, str]
) -> str:
    """Draw a bar for each label, in the given order.

    Args:
        title: The heading.
        labels: The lines from top to bottom.
        shares: Share of each label, 0 to 1; without them the bars are empty.
        styles: CSS of each label, from `label_styles`.
    """
    rows = []
    for label in labels:
        percent = f"{shares.get(label, 0.0):.0%}" if shares else "–"
        width = 100 * shares.get(label, 0.0) if shares else 0
        style, name = escape(styles.get(label, "")), escape(label.capitalize())
        rows.append(
            f'<li class="bar-row" style="{style}"><span class="name">{name}</span>'
            f'<span class="track"><span class="fill" style="width:{width:.1f}%"></span></span>'
            f'<span class="percent">{percent}</span></li>'
        )
    return (
        f'<div class="panel bars-panel"><p class="panel-title">{escape(title)}</p>'
        f'<ul class="bars">{"".join(rows)}</ul></div>'
    )
