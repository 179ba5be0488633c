"""The page as a whole, and how it is served."""

from typing import Any

import gradio as gr

from ser.demo.analyse import add_analyse_tab
from ser.inference import EmotionRecognizer

TITLE = "Speech emotion recogniser"
MAX_FILE_SIZE = "50mb"  # ten minutes of 16-bit mono at 40 kHz; what is longer or finer is sent compressed
DELETE_CACHE = (600, 3600)  # recordings lie in a temporary folder for an hour, looked at every ten minutes


def build_demo(recognizer: EmotionRecognizer) -> gr.Blocks:
    """The page around a recogniser, not yet served."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=DELETE_CACHE) as demo:
        gr.Markdown(f"# {TITLE}")
        add_analyse_tab(recognizer)
    # Visitors beyond these are told at once that the demo is busy. Programs have to queue like everyone else.
    demo.queue(max_size=64, default_concurrency_limit=2, api_open=False)
    return demo


def launch_options() -> dict[str, Any]:
    """Arguments of `Blocks.launch` wherever the demo is served: nothing stored or opened beyond need."""
    return {
        "max_file_size": MAX_FILE_SIZE,
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
        "footer_links": ["api", "settings"],
    }
