"""The look of the page: Gradio's own variables where they reach, a style sheet for the rest."""

from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from ser.labels import label_colors

STYLE_SHEET = Path(__file__).with_name("demo.css")

# Drawn in white over the colour of a label: labels differ without colour too. `{0}` is the distance in px.
_LINE = "rgb(255 255 255/.42)"
PATTERNS = {
    "neutral": "none",
    "calm": f"linear-gradient({_LINE} 2px,transparent 2px) 0 0/100% {{0}}px",
    "happy": f"radial-gradient(circle,{_LINE} 1.6px,transparent 2px) 0 0/{{0}}px {{0}}px",
    "sad": f"repeating-linear-gradient(45deg,{_LINE} 0 2px,transparent 2px {{0}}px)",
    "angry": f"repeating-linear-gradient(90deg,{_LINE} 0 2px,transparent 2px {{0}}px)",
    "fearful": f"repeating-linear-gradient(-45deg,{_LINE} 0 2px,transparent 2px {{0}}px)",
    "disgust": (
        f"linear-gradient({_LINE} 1.5px,transparent 1.5px) 0 0/{{0}}px {{0}}px,"
        f"linear-gradient(90deg,{_LINE} 1.5px,transparent 1.5px) 0 0/{{0}}px {{0}}px"
    ),
    "surprised": (
        f"repeating-linear-gradient(45deg,{_LINE} 0 1.5px,transparent 1.5px {{0}}px),"
        f"repeating-linear-gradient(-45deg,{_LINE} 0 1.5px,transparent 1.5px {{0}}px)"
    ),
}
DISTANCES_PX = (8, 14, 5, 20)  # one after the other, where there are more labels than patterns


def label_patterns(labels: Sequence[str]) -> dict[str, str]:
    """Return a CSS background for each label: an emotion keeps its own, other labels take what is free."""
    free = [
        pattern.format(distance)
        for distance in DISTANCES_PX
        for emotion, pattern in PATTERNS.items()
        if (distance != DISTANCES_PX[0] or emotion not in labels)
        and (distance == DISTANCES_PX[0] or "{0}" in pattern)
    ]
    others = iter(free * (1 + len(labels) // len(free)))
    return {
        label: PATTERNS[label].format(DISTANCES_PX[0]) if label in PATTERNS else next(others)
        for label in labels
    }


def label_styles(labels: Sequence[str]) -> dict[str, str]:
    """Return the CSS of each label of a model: its colour, and its colour with its pattern."""
    colors, patterns = label_colors(labels), label_patterns(labels)
    return {
        label: f"--emotion:{colors[label]};--emotion-fill:{patterns[label]},{colors[label]}"
        for label in labels
    }


def demo_theme() -> gr.themes.Base:
    """Indigo on slate, in a font that comes with Gradio: nothing is fetched from elsewhere."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.indigo,
        secondary_hue=gr.themes.colors.indigo,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        # Gradio 6.31's file for weight 600 holds no Latin letters.
        font=(gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_radius="*radius_lg",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_300",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_large_text_weight="700",
        link_text_color_dark="*primary_300",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited_dark="*primary_300",
    )


def style_sheet() -> str:
    """Return the style sheet of the page."""
    return STYLE_SHEET.read_text(encoding="utf-8")
