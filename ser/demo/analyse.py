"""The Analyse tab: one recording in, the probability of each emotion out."""

import gradio as gr

from ser.audio import AudioError
from ser.demo.examples import example_clips
from ser.demo.verdict import verdict_html
from ser.inference import EmotionRecognizer

NO_CLIP = "Record something or choose a sound file first."


def add_analyse_tab(recognizer: EmotionRecognizer) -> None:
    """Add the tab's parts and events, and the API endpoint `/predict`, to the page being built."""

    def analyse(audio: str | None) -> tuple[str, dict[str, float] | None]:
        if audio is None:
            return verdict_html(error=NO_CLIP), None
        try:
            probabilities = recognizer.predict(audio)
        except AudioError as error:
            return verdict_html(error=str(error)), None
        return verdict_html(probabilities), probabilities

    def predict(audio: str | None) -> dict[str, float]:
        """Probability of each emotion in a sound file."""
        if audio is None:
            raise gr.Error(NO_CLIP, print_exception=False)
        try:
            return recognizer.predict(audio)
        except AudioError as error:
            raise gr.Error(str(error), print_exception=False) from error

    with gr.Tab("Analyse"), gr.Row():
        with gr.Column():
            audio = gr.Audio(label="Speech", sources=["upload", "microphone"], type="filepath")
            button = gr.Button("Analyse", variant="primary")
            clips = example_clips()
            gr.Examples(
                [[str(path)] for path, _ in clips],
                audio,
                label="Examples",
                example_labels=[label for _, label in clips],
                api_visibility="private",
            )
        with gr.Column():
            verdict = gr.HTML(verdict_html())
            label = gr.Label(label="Probability of each emotion", show_heading=False)
    button.click(analyse, audio, [verdict, label], api_visibility="private")
    # No part of the page calls this one: it is there for programs, with one input and one output.
    gr.on([], predict, audio, label, api_name="predict")
