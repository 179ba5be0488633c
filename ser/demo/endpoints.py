"""What programs call: named endpoints, documented by the page's "Use via API"."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr

from ser.audio import MAX_DURATION_SECONDS, AudioError
from ser.demo.files import predict_files
from ser.demo.files_table import header, table_rows
from ser.demo.judgement import judge
from ser.demo.models import Models
from ser.segments.formats import segments_content


def add_endpoints(models: Models) -> None:
    """Add `/predict`, `/analyse`, `/timeline`, `/segments` and `/predict_files` to the page being built."""

    @_said_in_a_sentence
    def predict(audio: str | None, model: str = "") -> dict[str, float]:
        """Probability of each emotion in a sound file.

        Returns Gradio's label: `label` is the likeliest emotion, `confidences` lists `{label, confidence}`
        for every emotion of the model, the likeliest first. For recordings longer than ten seconds, the mean
        over windows of three seconds. Where the page offers several models, `model` names one of them.
        """
        return models[model].predict(_given(audio))

    @_said_in_a_sentence
    def analyse(audio: str | None, model: str = "") -> dict[str, Any]:
        """Everything that the page says about a sound file.

        Returns what `/segments` returns, and `{duration_seconds, emotion, is_sure,
        share_of_such_answers_right, confidence, is_out_of_distribution, probabilities, shares_of_speech,
        windows, hints}`; the confidence is also in words. A recording of up to ten seconds is one segment.
        Where the page offers several models, `model` names one of them.
        """
        return judge(models[model], _given(audio)).to_dict()

    @_said_in_a_sentence
    def timeline(audio: str | None, model: str = "") -> list[dict[str, Any]]:
        """Emotions along a sound file, in overlapping windows of three seconds, one a second.

        Returns a list of `{start_seconds, end_seconds, probabilities}` in order. `probabilities` holds every
        emotion of the model, or is null where the window is silent. Where the page offers several models,
        `model` names one of them.
        """
        return [vars(window) for window in models[model].timeline(_given(audio))]

    @_said_in_a_sentence
    def segments(audio: str | None, model: str = "") -> dict[str, Any]:
        """Who felt what, when, in a sound file: its stretches of speech, and what lies between them.

        Returns `{recording, segments, speakers}`. A segment has `start_seconds`, `end_seconds`, `channel`,
        `speaker`, `kind` ("speech", "non-speech" or "silence"), and for speech `emotion`, `confidence`,
        `is_sure`, `share_of_such_answers_right`, `is_out_of_distribution` and `probabilities`. Each channel
        is a speaker, unless all hold one signal; `speakers` has a summary of each. Where the page offers
        several models, `model` names one of them.
        """
        recognizer, file = models[model], _given(audio)
        found = recognizer.segments(file, max_duration_seconds=MAX_DURATION_SECONDS)
        return segments_content(list(found), file.name, recognizer.emotions)

    @_said_in_a_sentence
    def several(files: list[str] | None, model: str = "") -> tuple[dict[str, Any], str]:
        """Emotions in several sound files.

        Returns a table and the same table as a CSV file, there with probabilities from 0 to 1. Each file is a
        row: its name, the likeliest emotion, its confidence or why the file cannot be used, and the
        probability of each emotion. Where the page offers several models, `model` names one of them.
        """
        recognizer = models[model]
        results, file = predict_files(recognizer, files, table.GRADIO_CACHE)
        rows = table_rows(results, recognizer.emotions)
        return {"headers": header(recognizer.emotions), "data": rows}, file

    with gr.Group(visible=False):
        audio = gr.File(label="audio", type="filepath")
        model = gr.Textbox(label="model", value="")
        label = gr.Label(label="label")
        answer = gr.JSON(label="answer")
        windows = gr.JSON(label="windows")
        spoken = gr.JSON(label="segments")
        files = gr.File(label="files", file_count="multiple", type="filepath")
        table = gr.Dataframe(label="table", headers=header(models.default.emotions))
        table_file = gr.File(label="csv")
    choice = [model] if len(models.names) > 1 else []
    gr.on([], predict, [audio, *choice], label, api_name="predict")
    gr.on([], analyse, [audio, *choice], answer, api_name="analyse")
    gr.on([], timeline, [audio, *choice], windows, api_name="timeline")
    gr.on([], segments, [audio, *choice], spoken, api_name="segments")
    gr.on([], several, [files, *choice], [table, table_file], api_name="predict_files")


def _said_in_a_sentence(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors about files and models into answers that a program can show."""

    @wraps(function)
    def guarded(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (AudioError, ImportError, OSError, ValueError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    return guarded


def _given(audio: str | None) -> Path:
    if audio is None:
        raise AudioError("No sound was given. Send a sound file.")
    return Path(audio)
