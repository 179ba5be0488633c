"""The card of a model that was trained on the user's own recordings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.evaluation.tables import percent_range
from ser.hub.graph_card import graph_lines
from ser.hub.measurements import Measurements


def own_card(measured: Measurements, model_name: str) -> str:
    """Return the card of a model, from the files in its folder.

    Args:
        measured: Of a checkpoint whose record says that it was trained on recordings of its own.
        model_name: What the model is called. Code in the card loads "checkpoint", until it is published.
    """
    lines = [f"# {model_name}", *_summary(measured), *_usage(measured)]
    lines += ["", *graph_lines(measured), *_scores(measured), *_training(measured)]
    return f"---\n{_metadata(measured, model_name).to_yaml()}\n---\n\n" + "\n".join(lines) + "\n"


def _metadata(measured: Measurements, model_name: str) -> ModelCardData:
    results = [
        EvalResult(
            task_type="audio-classification",
            dataset_type="own",
            dataset_name=evaluation["title"],
            dataset_split="test",
            metric_type=metric,
            metric_name=name,
            metric_value=round(100 * evaluation[key], 1),
        )
        for evaluation in measured.evaluations
        for key, metric, name in (
            ("uar", "recall", "Unweighted average recall, percent"),
            ("accuracy", "accuracy", "Accuracy, percent"),
        )
    ]
    return ModelCardData(
        license=(measured.record or {}).get("base_license"),
        library_name="transformers",
        pipeline_tag="audio-classification",
        tags=["audio-classification", "speech", measured.model_type],
        metrics=["recall", "accuracy"],
        base_model=measured.base_model,
        model_name=model_name,
        eval_results=results or None,
    )


def _summary(measured: Measurements) -> Iterator[str]:
    record = measured.record or {}
    labels = record.get("labels", [])
    yield from ("", f"Classifies recordings of speech as one of {len(labels)} labels: {', '.join(labels)}.")
    num_recordings, num_speakers = record["num_recordings"]["train"], record["num_speakers"]["train"]
    speakers = f" of {num_speakers} speakers" if num_speakers else ""
    yield f"It was trained on {num_recordings} recordings{speakers}; use it for similar recordings."


def _usage(measured: Measurements) -> Iterator[str]:
    is_ours = measured.model_type == MfccLstmConfig.model_type or "auto_map" in measured.config
    trust = ", trust_remote_code=True" if is_ours else ""
    yield from (
        "", "## Use", "", "```python", "import soundfile", "from transformers import pipeline", "",
        f'classifier = pipeline("audio-classification", "checkpoint"{trust})',
        'waveform, sampling_rate = soundfile.read("recording.wav")  # mono',
        'print(classifier({"raw": waveform, "sampling_rate": sampling_rate}))', "```",
    )  # fmt: skip


def _scores(measured: Measurements) -> Iterator[str]:
    yield from ("", "## Measured", "")
    if not measured.evaluations:
        yield "No recordings were held back, so nothing was measured."
    for evaluation in measured.evaluations:
        if evaluation.get("warning"):
            yield from (f"**{evaluation['warning']}**", "")
        num_speakers = ((measured.record or {}).get("num_speakers") or {}).get("test", 0)
        unit = "speakers" if num_speakers > 1 else "recordings"
        yield (
            f"{evaluation['title']}: UAR {100 * evaluation['uar']:.1f} % (95 % interval over {unit} "
            f"{percent_range(evaluation['uar_interval'])}), accuracy {100 * evaluation['accuracy']:.1f} %, "
            f"guessing {100 * evaluation['chance']:.1f} %."
        )
        yield from ("", "| label | precision | recall | recordings |", "|---|---|---|---|")
        for label, scores in evaluation["per_class"].items():
            precision, recall = (100 * scores[key] for key in ("precision", "recall"))
            yield f"| {_cell(label)} | {precision:.1f} | {recall:.1f} | {scores['num_clips']} |"


def _training(measured: Measurements) -> Iterator[str]:
    record: dict[str, Any] = measured.record or {}
    yield from ("", "## Training", "")
    if record.get("base_model"):
        name = measured.base_model or Path(record["base_model"]).name
        licence = f" ({record['base_license']})" if record.get("base_license") else ""
        yield f"Started from `{name}`, whose licence{licence} and limits hold for this model too."
    else:
        yield "Trained from random weights; the licence of the recordings decides that of the model."
    versions = record["package_versions"]
    yield (
        f"Python {record['python_version']}, torch {versions['torch']}, "
        f"transformers {versions['transformers']}."
    )
    yield ""
    yield "Do not use it to judge people: it recognises how speech sounds, not what a person feels."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
