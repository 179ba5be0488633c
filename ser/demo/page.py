"""The page as a whole, and how it is served."""

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from ser.demo.about import add_about_tab
from ser.demo.analyse import add_analyse_tab
from ser.demo.endpoints import add_endpoints
from ser.demo.files import add_files_tab
from ser.demo.guard import guards
from ser.demo.link_preview import LinkPreview
from ser.demo.live import add_live_tab
from ser.demo.models import Models
from ser.demo.recordings import MAX_AGE_SECONDS, SWEEP_EVERY_SECONDS
from ser.demo.theme import demo_theme, style_sheet

TITLE = "Speech emotion recognition"
DESCRIPTION = "Record a sentence or choose a file, and see which emotions a model finds in it, and when."
MAX_FILE_SIZE = "50mb"  # ten minutes of 16-bit mono at 40 kHz; what is longer or finer is sent compressed
MAX_SESSIONS = 200  # remembered at once, by Gradio at 0.1 MB each: the one that was idle longest is forgotten


def build_demo(models: Models) -> gr.Blocks:
    """Build the page around some models, not yet served."""
    chart_script = Path(__file__).with_name("chart.js").read_text(encoding="utf-8")
    delete_cache = (SWEEP_EVERY_SECONDS, MAX_AGE_SECONDS)
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=delete_cache) as demo:
        gr.HTML(f'<header class="masthead"><h1>{TITLE}</h1><p>{DESCRIPTION}</p></header>')
        choice: gr.State | gr.Radio = gr.State(models.names[0])
        if len(models.names) > 1:
            choice = gr.Radio(
                [(models.title(name), name) for name in models.names], value=models.names[0], label="Model"
            )
        with gr.Tabs():
            add_analyse_tab(models, choice, chart_script)
            add_live_tab(models, choice)
            add_files_tab(models, choice)
            add_about_tab(models)
        add_endpoints(models)
    # Visitors beyond these are told at once that the demo is busy. Programs have to queue like everyone else.
    demo.queue(max_size=64, default_concurrency_limit=2, api_open=False)
    return demo


def launch_options(allowed_hosts: list[str] | None = None) -> dict[str, Any]:
    """Return the arguments of `Blocks.launch` wherever the demo is served: nothing stored beyond need.

    Args:
        allowed_hosts: Names under which browsers may ask for the demo; this machine's own if not given.
    """
    guard = guards(allowed_hosts)
    return {
        "theme": demo_theme(),
        # Given as `css=` it would come after the first paint, with its media queries broken.
        "head": f"<style>{style_sheet()}</style>",
        "max_file_size": MAX_FILE_SIZE,
        "show_error": False,
        "enable_monitoring": False,
        "run_history": False,
        "state_session_capacity": MAX_SESSIONS,
        "ssr_mode": False,
        "app_kwargs": {
            **guard,
            "middleware": [
                *guard["middleware"],
                Middleware(LinkPreview, title=TITLE, description=DESCRIPTION),
            ],
        },
        # Or Gradio asks itself for the page and gives up where a busy machine takes more than three seconds.
        "_frontend": False,
        "footer_links": ["api", "settings"],
    }
