"""The Analyse tab: one recording in; the answer, its reasons and its doubts out."""

import json
from typing import Any

import gradio as gr

from ser.audio import AudioError
from ser.demo.chart import chart_html, empty_chart_html
from ser.demo.examples import example_clips
from ser.demo.verdict import (
    error_html,
    hints_html,
    invitation_html,
    silence_html,
    verdict_html,
)
from ser.recognizer import EmotionRecognizer, SilenceError

NO_CLIP = "Record something or choose a sound file first."


def add_analyse_tab(recognizer: EmotionRecognizer, chart_script: str) -> None:
    """Add the tab's parts and events to the page being built.

    Args:
        recognizer: The model.
        chart_script: JavaScript that gives a drawing its cursor.
    """
    threshold = recognizer.not_sure_below

    def analyse(audio: str | None, progress: gr.Progress = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
        if audio is None:
            return error_html(NO_CLIP), None, "", empty_chart_html()
        try:
            analysis = recognizer.analyse(audio, lambda share: progress(share, desc="Listening"))
        except SilenceError as error:
            return silence_html(str(error)), None, "", empty_chart_html()
        except AudioError as error:
            return error_html(str(error)), None, "", empty_chart_html()
        verdict = verdict_html(analysis.probabilities, threshold, bool(analysis.is_out_of_distribution))
        chart = chart_html(analysis, recognizer.emotions)
        return verdict, analysis.probabilities, hints_html(analysis.hints), chart

    clips = example_clips()
    with gr.Tab("Analyse", id="analyse"):
        with gr.Row():
            with gr.Column():
                audio = gr.Audio(
                    label="Your recording",
                    sources=["upload", "microphone"],
                    type="filepath",
                    buttons=[],
                    elem_id="recording",
                )
                button = gr.Button("Analyse", variant="primary", size="lg")
                examples = gr.Examples(
                    [[str(path)] for path, _ in clips],
                    audio,
                    label="Or hear an example, from a voice the model has never heard",
                    example_labels=[label for _, label in clips],
                    api_visibility="private",
                )
            with gr.Column():
                verdict = gr.HTML(invitation_html())
                label = gr.Label(
                    label="Probability of each emotion", show_heading=False, elem_classes="probabilities"
                )
                hints = gr.HTML()
        chart = gr.HTML(empty_chart_html(), js_on_load=chart_script)
    outputs = [verdict, label, hints, chart]
    quietly: dict[str, Any] = {"api_visibility": "private", "show_progress_on": chart}
    button.click(analyse, audio, outputs, **quietly)
    examples.load_input_event.then(analyse, audio, outputs, **quietly)
    # An answer never stands beside a recording it is not about. Cleared by the page itself: the server's
    # reply could come after the one to a click on Analyse.
    gr.on(
        [audio.upload, audio.clear, audio.start_recording],
        None,
        None,
        outputs,
        js=f"() => {json.dumps([invitation_html(), {}, '', empty_chart_html()])}",
        show_progress="hidden",
        api_visibility="private",
    )
    # After Stop the page still has to send the recording: before that there is nothing to analyse.
    on_its_way = {audio.start_recording: False, audio.stop_recording: True, audio.clear: True}
    for event, is_ready in on_its_way.items():
        update = json.dumps({"__type__": "update", "interactive": is_ready})
        event(
            None,
            None,
            button,
            js=f"() => ({update})",
            show_progress="hidden",
            api_visibility="private",
        )
