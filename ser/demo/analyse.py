"""The Analyse tab: one recording in; the answer, its reasons and its confidence out."""

import secrets
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import soundfile

from ser.audio import AudioError
from ser.demo.answer import answer_html, by_probability, card_html, error_html, hints_html, long_answer_html
from ser.demo.bars import bars_html
from ser.demo.chart import chart_html, empty_chart_html
from ser.demo.examples import Example, example_clips
from ser.demo.judgement import Judgement, judge
from ser.demo.models import Models
from ser.demo.saving import save_json, save_picture, save_segments
from ser.demo.theme import label_styles
from ser.recognizer import SilenceError

INVITATION = "Record a sentence, choose a file, or try an example: the answer comes by itself."
PROBABILITIES = "Probability of each emotion"
SHARES = "Share of the speech"
FILES = ("JSON", "CSV", "TextGrid", "picture")  # that an answer can be saved as


def add_analyse_tab(models: Models, choice: gr.State | gr.Radio, chart_script: str) -> None:
    """Add the tab's parts and events to the page being built.

    Args:
        models: The models that visitors may choose from.
        choice: Holds the name of the chosen one.
        chart_script: JavaScript that makes a player of a drawing.
    """
    emotions = models.default.emotions
    with gr.Tab("Analyse", id="analyse"):
        with gr.Row():
            with gr.Column():
                microphone = gr.Audio(
                    label="Microphone",
                    sources=["microphone"],
                    type="filepath",
                    buttons=[],
                    elem_id="microphone",
                    elem_classes="microphone",
                )
                file = gr.File(
                    label="Sound or video file", type="filepath", height=130, elem_id="recording-file"
                )
                buttons = _example_buttons()
            with gr.Column():
                answer = gr.HTML(card_html("How does it sound?", INVITATION), elem_id="answer")
                bars = gr.HTML(bars_html(PROBABILITIES, emotions, None, label_styles(emotions)))
        chart = gr.HTML(empty_chart_html(), js_on_load=chart_script)
        with gr.Row(elem_classes="downloads"):
            downloads = [gr.DownloadButton(f"Save as {kind}", size="sm", interactive=False) for kind in FILES]
        hints = gr.HTML()
        # Path of the recording, to analyse it again with another model. Outside it would count as a tab.
        last = gr.State()
    outputs = [answer, bars, chart, *downloads, hints]

    def show(
        model: str,
        recording: str | None,
        example: Example | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        if recording is None:
            return (gr.skip(),) * len(outputs)
        try:
            judgement = judge(models[model], recording, lambda share: progress(share, desc="Analysing"))
        except SilenceError as error:
            return _without_answer(card_html("Silence", str(error)), emotions)
        except (AudioError, ImportError, OSError, ValueError) as error:
            return _without_answer(error_html(str(error)), emotions)
        return _with_answer(judgement, example, downloads[0].GRADIO_CACHE)

    def show_new(model: str, recording: str | None) -> tuple[Any, ...]:
        """Show a recording and empty the input that it came from, which is ready for the next one."""
        return *show(model, recording), recording, None

    def show_example(model: str, example: Example) -> tuple[Any, ...]:
        return *show(model, str(example.path), example), str(example.path)

    quietly: dict[str, Any] = {"api_visibility": "private", "show_progress_on": chart}
    microphone.input(show_new, [choice, microphone], [*outputs, last, microphone], **quietly)
    file.upload(show_new, [choice, file], [*outputs, last, file], **quietly)
    for button, example in buttons:
        button.click(partial(show_example, example=example), choice, [*outputs, last], **quietly)
    choice.change(show, [choice, last], outputs, **quietly)


def _example_buttons() -> list[tuple[gr.Button, Example]]:
    gr.HTML('<p class="panel-title">Or an example. The model was not trained on its actor.</p>')
    with gr.Row(elem_classes="examples"):
        return [(gr.Button(example.title, size="sm", min_width=90), example) for example in example_clips()]


def _with_answer(judgement: Judgement, example: Example | None, cache_dir: str) -> tuple[Any, ...]:
    analysis, styles = judgement.analysis, label_styles(judgement.emotions)
    if judgement.is_long:
        answer = long_answer_html(judgement.segments, styles)
        bars = bars_html(SHARES, list(judgement.shares) or judgement.emotions, judgement.shares, styles)
    else:
        answer = answer_html(
            analysis.probabilities,
            judgement.confidence,
            styles,
            is_out_of_distribution=bool(analysis.is_out_of_distribution),
            spoken=example.emotion if example else None,
        )
        bars = bars_html(
            PROBABILITIES, by_probability(analysis.probabilities), analysis.probabilities, styles
        )
    folder = Path(cache_dir) / secrets.token_hex(16)  # Gradio serves it, and deletes it after a while
    folder.mkdir(parents=True)
    sound = folder / "recording.wav"  # what the model got, and what every browser plays
    soundfile.write(sound, analysis.waveform, analysis.sampling_rate)
    chart = chart_html(
        analysis,
        judgement.segments if judgement.is_long else [],
        styles,
        name=example.title if example else judgement.name,
        sound_file=str(sound),
        plays_at_once=example is not None,
    )
    files = [
        save_json(judgement, folder),
        save_segments(judgement, folder, "csv"),
        save_segments(judgement, folder, "textgrid"),
        save_picture(judgement, folder),
    ]
    downloads = [gr.DownloadButton(value=str(each), interactive=True) for each in files]
    return answer, bars, chart, *downloads, hints_html(analysis.hints)


def _without_answer(card: str, emotions: tuple[str, ...]) -> tuple[Any, ...]:
    bars = bars_html(PROBABILITIES, emotions, None, label_styles(emotions))
    no_files = [gr.DownloadButton(interactive=False) for _ in FILES]
    return card, bars, empty_chart_html(), *no_files, ""
