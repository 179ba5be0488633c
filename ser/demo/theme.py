"""How the page looks: Gradio's own variables where they reach, a style sheet for the rest."""

from pathlib import Path

import gradio as gr

from ser.labels import EMOTION_COLORS

STYLE_SHEET = Path(__file__).with_name("demo.css")

# A pattern of its own for each emotion, in white over its colour, so that colour is never the only carrier.
_LINE = "rgb(255 255 255/.42)"
PATTERNS = {
    "neutral": "none",
    "calm": f"linear-gradient({_LINE} 2px,transparent 2px) 0 0/100% 8px",
    "happy": f"radial-gradient(circle,{_LINE} 1.6px,transparent 2px) 0 0/8px 8px",
    "sad": f"repeating-linear-gradient(45deg,{_LINE} 0 2px,transparent 2px 8px)",
    "angry": f"repeating-linear-gradient(90deg,{_LINE} 0 2px,transparent 2px 6px)",
    "fearful": f"repeating-linear-gradient(-45deg,{_LINE} 0 2px,transparent 2px 8px)",
    "disgust": (
        f"linear-gradient({_LINE} 1.5px,transparent 1.5px) 0 0/8px 8px,"
        f"linear-gradient(90deg,{_LINE} 1.5px,transparent 1.5px) 0 0/8px 8px"
    ),
    "surprised": (
        f"repeating-linear-gradient(45deg,{_LINE} 0 1.5px,transparent 1.5px 8px),"
        f"repeating-linear-gradient(-45deg,{_LINE} 0 1.5px,transparent 1.5px 8px)"
    ),
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
    """The style sheet, with each emotion's colour and pattern in front."""
    rules = [
        f".emotion-{emotion},[data-testid='{emotion}-confidence-set']"
        f"{{--emotion:{color};--emotion-fill:{PATTERNS[emotion]},{color}}}"
        for emotion, color in EMOTION_COLORS.items()
    ]
    return "\n".join([*rules, STYLE_SHEET.read_text(encoding="utf-8")])
