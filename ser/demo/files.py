"""The Many files tab: several recordings in, one table out, also as CSV."""

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ser.audio import AudioError
from ser.demo.answer import error_html
from ser.demo.files_table import FileResult, analyse_files, csv_text, table_html
from ser.demo.models import Models
from ser.demo.theme import label_styles
from ser.recognizer import EmotionRecognizer

MAX_NUM_FILES = 200
NO_FILES = "Choose some sound or video files first."


def predict_files(
    recognizer: EmotionRecognizer,
    files: Sequence[str] | None,
    cache_dir: str,
    on_progress: Callable[[float], object] = lambda _: None,
    *,
    one_speaker: bool = False,
) -> tuple[list[FileResult], str]:
    """Analyse several files.

    Args:
        recognizer: The model.
        files: Their paths.
        cache_dir: Folder that Gradio serves files from, and deletes them from after a while.
        on_progress: Called with the share that is done, 0 to 1.
        one_speaker: As for `analyse_files`.

    Returns:
        A result for each file, and the path of the table as CSV.

    Raises:
        AudioError: If there are no files or too many; a broken file is a result.
    """
    if not files:
        raise AudioError(NO_FILES)
    if len(files) > MAX_NUM_FILES:
        raise AudioError(f"{len(files)} files were given; expected at most {MAX_NUM_FILES} at once.")
    results = analyse_files(recognizer, files, on_progress, one_speaker=one_speaker)
    folder = Path(cache_dir) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    file = folder / "emotions.csv"
    file.write_text(csv_text(results, recognizer.emotions), encoding="utf-8")
    return results, str(file)


def add_files_tab(models: Models, choice: gr.State | gr.Radio) -> None:
    """Add the tab's parts and events to the page being built.

    Args:
        models: The models that visitors may choose from.
        choice: Holds the name of the chosen one.
    """

    def show(
        model: str,
        files: list[str] | None,
        one_speaker: bool,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> tuple[Any, ...]:
        try:
            recognizer = models[model]
            results, file = predict_files(
                recognizer,
                files,
                download.GRADIO_CACHE,
                lambda share: progress(share, desc="Analysing"),
                one_speaker=one_speaker,
            )
        except (AudioError, ImportError, OSError, ValueError) as error:
            return error_html(str(error)), empty, gr.DownloadButton(interactive=False)
        drawn = table_html(results, recognizer.emotions, label_styles(recognizer.emotions))
        return "", drawn, gr.DownloadButton(value=file, interactive=True)

    empty = table_html([], models.default.emotions, {})
    with gr.Tab("Many files", id="files"):
        files = gr.File(
            label=f"Sound or video files, up to {MAX_NUM_FILES}",
            file_count="multiple",
            type="filepath",
            height=180,
        )
        speaker = gr.Checkbox(
            label="All files are of one speaker: compare them with each other",
            info="Helps with unfamiliar voices and languages if the files hold several emotions.",
        )
        with gr.Row():
            button = gr.Button("Analyse all", variant="primary", size="lg")
            download = gr.DownloadButton("Save as CSV", size="lg", interactive=False)
        problem = gr.HTML()
        table = gr.HTML(empty)
    button.click(
        show,
        [choice, files, speaker],
        [problem, table, download],
        show_progress_on=table,
        api_visibility="private",
    )
