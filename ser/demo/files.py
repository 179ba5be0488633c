"""The Many files tab: several recordings in, one table out, also as CSV."""

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ser.audio import AudioError
from ser.demo.files_table import csv_text, header, hear_files, table_rows
from ser.demo.verdict import error_html
from ser.recognizer import EmotionRecognizer

MAX_NUM_FILES = 200
NO_FILES = "Choose some sound files first."


def predict_files(
    recognizer: EmotionRecognizer,
    files: Sequence[str] | None,
    cache_dir: str,
    on_progress: Callable[[float], None] = lambda _: None,
) -> tuple[list[list[str]], str]:
    """Hear several files.

    Args:
        recognizer: The model.
        files: Their paths.
        cache_dir: Folder that Gradio serves files from, and deletes them from after a while.
        on_progress: Told the share that is done, 0 to 1.

    Returns:
        The rows of the table, and the path of the same table as CSV.

    Raises:
        AudioError: If there are no files or too many; a broken file is a row.
    """
    if not files:
        raise AudioError(NO_FILES)
    if len(files) > MAX_NUM_FILES:
        raise AudioError(f"{len(files)} files are too many; at most {MAX_NUM_FILES} at once.")
    threshold = recognizer.not_sure_below
    heard = hear_files(recognizer, files, on_progress)
    folder = Path(cache_dir) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    file = folder / "emotions.csv"
    file.write_text(csv_text(heard, recognizer.emotions, threshold), encoding="utf-8")
    return table_rows(heard, recognizer.emotions, threshold), str(file)


def add_files_tab(recognizer: EmotionRecognizer) -> None:
    """Add the tab's parts and events to the page being built."""

    def show(files: list[str] | None, progress: gr.Progress = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
        try:
            rows, file = predict_files(
                recognizer,
                files,
                download.GRADIO_CACHE,
                lambda share: progress(share, desc="Listening"),
            )
        except AudioError as error:
            return error_html(str(error)), None, gr.DownloadButton(interactive=False)
        return "", rows, gr.DownloadButton(value=file, interactive=True)

    columns = header(recognizer.emotions)
    with gr.Tab("Many files", id="files"):
        files = gr.File(
            label=f"Sound files, up to {MAX_NUM_FILES}", file_count="multiple", type="filepath", height=180
        )
        with gr.Row():
            button = gr.Button("Analyse all", variant="primary", size="lg")
            download = gr.DownloadButton("Download as CSV", size="lg", interactive=False)
        problem = gr.HTML()
        table = gr.Dataframe(
            headers=columns,
            column_count=len(columns),
            interactive=False,
            label="What was heard",
            show_label=True,
            buttons=[],
            wrap=True,
            column_widths=[196, 96, 160, *(28 + 6 * len(emotion) for emotion in recognizer.emotions)],
            elem_classes="files-table",
        )
    button.click(show, files, [problem, table, download], show_progress_on=table, api_visibility="private")
