"""What programs call: named endpoints, documented by the page's "Use via API"."""

from pathlib import Path
from typing import Any

import gradio as gr

from ser.audio import AudioError
from ser.demo.files import predict_files
from ser.demo.files_table import header
from ser.recognizer import EmotionRecognizer


def add_endpoints(recognizer: EmotionRecognizer) -> None:
    """Add `/predict`, `/timeline` and `/predict_files` to the page being built."""

    def predict(audio: str | None) -> dict[str, float]:
        """Probability of each emotion in a sound file.

        Returns Gradio's label: `label` is the likeliest emotion, `confidences` lists `{label, confidence}`
        for all eight, the likeliest first. Of recordings longer than ten seconds, the mean over windows of
        three seconds.
        """
        try:
            return recognizer.predict(_given(audio))
        except AudioError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def timeline(audio: str | None) -> list[dict[str, Any]]:
        """Emotions along a sound file, in overlapping windows of three seconds, one a second.

        Returns a list of `{start_seconds, end_seconds, probabilities}` in order. `probabilities` holds all
        eight emotions, or is null where the window is silent.
        """
        try:
            return [vars(window) for window in recognizer.timeline(_given(audio))]
        except AudioError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def several(files: list[str] | None) -> tuple[list[list[str]], str]:
        """Emotions in several sound files.

        Returns a table and the same table as a CSV file, there with probabilities from 0 to 1. Each file is a
        row: its name, the likeliest emotion, "sure" or "not sure" or why the file cannot be used, and the
        probability of each emotion.
        """
        try:
            return predict_files(recognizer, files, table.GRADIO_CACHE)
        except AudioError as error:
            raise gr.Error(str(error), print_exception=False) from error

    with gr.Group(visible=False):
        audio = gr.Audio(label="audio", type="filepath")
        label = gr.Label(label="label")
        windows = gr.JSON(label="windows")
        files = gr.File(label="files", file_count="multiple", type="filepath")
        table = gr.Dataframe(label="table", headers=header(recognizer.emotions))
        table_file = gr.File(label="csv")
    gr.on([], predict, audio, label, api_name="predict")
    gr.on([], timeline, audio, windows, api_name="timeline")
    gr.on([], several, files, [table, table_file], api_name="predict_files")


def _given(audio: str | None) -> Path:
    if audio is None:
        raise AudioError("No sound was given. Send a sound file.")
    return Path(audio)
