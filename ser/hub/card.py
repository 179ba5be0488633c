"""The model card of a checkpoint: the text of `card_template.md`, and figures from result files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.configuration_whisper_lstm import WhisperLstmConfig
from ser.corpora.own_data import OWN
from ser.evaluation.scoring import GROUPS
from ser.evaluation.tables import scores_columns, spread_lines
from ser.hub import own_card
from ser.hub.graph_card import graph_lines
from ser.hub.measurements import Measurements, measurements_of

CARD_FILE = "README.md"  # where the Hub looks for it
WRITTEN = "<!-- Written by a program, which overwrites it. Delete this line to keep your own changes. -->"
LOCAL_MODEL = '"checkpoint"'  # the model in the card's code, until it is published under a name
TRUST = ", trust_remote_code=True"  # needed to load classes of this project, and none of transformers' own
TEMPLATE_BLOCK = re.compile(r"<!-- (\w+) -->\n\n?")
SHARE_ALIKE = {"ravdess", "ravdess-song", "nemo"}  # whose licence models trained on them keep
LANGUAGES = {"emodb": "de", "nemo": "pl"}  # all others are English


def write_card(folder: str | Path) -> bool:
    """Write the card of a checkpoint into its folder, unless a person has edited the present one.

    Returns:
        Whether it was written.
    """
    file = Path(folder) / CARD_FILE
    if file.exists() and WRITTEN not in file.read_text(encoding="utf-8"):
        return False
    file.write_text(checkpoint_card(Path(folder)), encoding="utf-8")
    return True


def published_card(folder: Path, hub_model_id: str) -> str:
    """Return a checkpoint's own card, or a new one if it has none, whose code loads the published model."""
    file = folder / CARD_FILE
    card = file.read_text(encoding="utf-8") if file.exists() else checkpoint_card(folder)
    return card.replace(LOCAL_MODEL, f'"{hub_model_id}"').replace(f"{WRITTEN}\n", "")


def checkpoint_card(folder: Path) -> str:
    """Return the card of a checkpoint, from the files in its folder."""
    return fill_card(measurements_of(folder), folder.resolve().name)


def fill_card(
    measured: Measurements,
    model_name: str,
    more: Mapping[str, Iterable[str]] | None = None,
    more_results: Iterable[EvalResult] = (),
    examples: Mapping[str, str] | None = None,
) -> str:
    """Fill the template.

    Args:
        measured: What is known about the checkpoint.
        model_name: What the model is called in the metadata.
        more: Lines to add to blocks of the template, by the block's name.
        more_results: Results to add to the metadata.
        examples: Recordings to try the model with on its page of the Hub: titles, and paths in the
            checkpoint's folder or beside it.

    Raises:
        ValueError: If `more` names a block that the template lacks.
    """
    is_own = measured.corpora == [OWN]
    name = "own_card_template.md" if is_own else "card_template.md"
    template = files("ser.hub").joinpath(name).read_text(encoding="utf-8").replace("MODEL_NAME", model_name)
    if unknown := set(more or ()) - set(TEMPLATE_BLOCK.findall(template)):
        raise ValueError(f"The template of the card has no block named {', '.join(sorted(unknown))}.")
    own = {
        "summary": _summary_lines,
        "architecture": _architecture_lines,
        "loading": _loading_lines,
        "graph": graph_lines,
        "results": _results_lines,
        "subgroups": _subgroup_lines,
        "training": _training_lines,
    }
    if is_own:
        own |= {
            "summary": own_card.summary_lines,
            "results": own_card.results_lines,
            "training": own_card.training_lines,
        }

    def block(match: re.Match[str]) -> str:
        name = match[1]
        lines = [*(own[name](measured) if name in own else ()), *(more or {}).get(name, ())]
        return "".join(f"{line}\n" for line in lines) + "\n" if lines else ""

    card = TEMPLATE_BLOCK.sub(block, template)
    if not _is_ours(measured):
        card = card.replace(TRUST, "")
    metadata = _metadata(measured, model_name, more_results, examples or {})
    return f"---\n{metadata.to_yaml()}\n---\n\n{WRITTEN}\n\n{card}"


def eval_results(title: str, corpus: str, config: str, scores: Mapping[str, Any]) -> list[EvalResult]:
    """Return UAR and accuracy in the form of the Hub's metadata, in percent.

    Args:
        title: What was measured, in words.
        corpus: The corpus's name.
        config: Which protocol or part of the corpus.
        scores: Fractions, `uar` and `accuracy`.
    """
    names = {"uar": ("recall", "Unweighted average recall"), "accuracy": ("accuracy", "Accuracy")}
    return [
        EvalResult(
            task_type="audio-classification",
            task_name="Speech emotion recognition",
            dataset_type=corpus,
            dataset_name=title,
            dataset_config=config,
            dataset_split="test",
            metric_type=metric_type,
            metric_name=f"{name}, percent",
            metric_value=round(100 * scores[key], 1),
            metric_args={"average": "macro"} if metric_type == "recall" else None,
        )
        for key, (metric_type, name) in names.items()
    ]


def _metadata(
    measured: Measurements, model_name: str, more: Iterable[EvalResult], examples: Mapping[str, str]
) -> ModelCardData:
    results = [
        result
        for evaluations, config in ((measured.at_home, "held-out speakers"), (measured.elsewhere, "all"))
        for each in evaluations
        for result in eval_results(each["title"], each["corpus"]["name"], config, each)
    ]
    corpora = [corpus for corpus in measured.corpora if corpus != OWN]
    licence = "cc-by-nc-sa-4.0" if SHARE_ALIKE & set(corpora) else (measured.record or {}).get("base_license")
    field = ["speech-emotion-recognition", "emotion"] if corpora else []  # own labels may be any
    return ModelCardData(
        license=licence,
        language=sorted({LANGUAGES.get(corpus, "en") for corpus in corpora}) or None,
        library_name="transformers",
        pipeline_tag="audio-classification",
        tags=[*field, "speech", *corpora, measured.model_type],
        datasets=corpora or None,
        metrics=["recall", "accuracy"],
        base_model=measured.base_model,
        model_name=model_name,
        eval_results=[*more, *results] or None,
        widget=[{"example_title": title, "src": path} for title, path in examples.items()] or None,
    )


def _is_ours(measured: Measurements) -> bool:
    """Tell whether the model's code travels with its weights."""
    return measured.model_type == MfccLstmConfig.model_type or "auto_map" in measured.config


def _summary_lines(measured: Measurements) -> Iterator[str]:
    *labels, last = measured.labels
    yield (
        "A speech emotion classifier: it takes a recording and returns the probabilities of "
        f"{', '.join(labels)} and {last}. Results below are for speakers that it was not trained on."
    )


def _loading_lines(measured: Measurements) -> Iterator[str]:
    if _is_ours(measured):
        yield (
            "`trust_remote_code=True` runs the Python files next to the weights; read them first, and"
            " pin a commit with `revision=`. The scores are calibrated probabilities and sum to one."
        )
    else:
        yield "It runs no code except transformers' own. The scores are probabilities and sum to one."


def _architecture_lines(measured: Measurements) -> Iterator[str]:
    millions = measured.num_parameters / 1e6
    size = f", {millions:.2f} million parameters" if measured.num_parameters else ""
    if measured.model_type != MfccLstmConfig.model_type:
        origin = f", made from `{measured.base_model}`" if measured.base_model else ""
        if measured.model_type == WhisperLstmConfig.model_type:
            settings = WhisperLstmConfig().to_dict() | measured.config
            yield (
                f"The first {settings['encoder_layers']} layers of a Whisper encoder, unchanged{origin}, and"
                f" an ensemble of {settings['ensemble_size']} heads on their output{size}. Each head is a"
                " bidirectional LSTM with attentive pooling. The model learned speech from Whisper, and"
                " emotions from the corpora below. The code comes with the weights and needs torch, numpy"
                " and transformers."
            )
            return
        yield f"A `{measured.model_type}` model of transformers{size}{origin}."
        return
    settings = MfccLstmConfig().to_dict() | measured.config
    num_members = settings["ensemble_size"]
    yield (
        "40 mel-frequency cepstral coefficients every 10 ms, normalised with the statistics of the training"
        f" speakers; an ensemble of {num_members} networks, each of {len(settings['conv_channels'])}"
        " convolutions, a bidirectional LSTM, attentive pooling over time and one linear layer"
        f"{size}. The views of the coefficients that they take in turn: "
        f"{', '.join(settings['views'][:num_members])}. The code comes with the weights and needs torch,"
        " numpy and transformers."
    )
    if teacher := (measured.record or {}).get("teacher"):
        named = "" if Path(teacher).is_dir() else f", `{teacher}`"
        yield (
            f" It also learned from a pretrained speech encoder{named}: from the class scores of heads that"
            " were trained on it (knowledge distillation)."
        )


def _results_lines(measured: Measurements) -> Iterator[str]:
    if not (measured.evaluations or measured.validation):
        yield "No results of this checkpoint are published with it."
        return
    yield "| this checkpoint on | UAR | 95 % interval over speakers | accuracy | recordings |"
    yield "|---|---|---|---|---|"
    for evaluation in [*measured.at_home, *measured.elsewhere]:
        yield f"| {evaluation['title']} {scores_columns(evaluation)}"
    if measured.validation:
        uar, accuracy = (100 * measured.validation[key] for key in ("uar", "accuracy"))
        yield f"| validation speakers, which chose it | {uar:.1f} | | {accuracy:.1f} | |"


def _subgroup_lines(measured: Measurements) -> Iterator[str]:
    for evaluation in measured.at_home:
        yield f"This checkpoint on {evaluation['title']}:"
        per_group = {group: evaluation[f"per_{group}"] for group in GROUPS if f"per_{group}" in evaluation}
        yield from ("", *spread_lines(per_group, evaluation["gaps"]))


def _training_lines(measured: Measurements) -> Iterator[str]:
    record = measured.record
    if record is None:
        yield "Its training is not recorded."
        return
    train, held_out = (", ".join(map(str, record[f"{side}_actors"])) for side in ("train", "test"))
    versions = record["package_versions"]
    left_out = f"; {held_out} took no part" if held_out else ""
    yield (
        f"Trained on {record['corpus']}, speakers {train}{left_out}. Python {record['python_version']}, torch"
        f" {versions['torch']}, transformers {versions['transformers']}."
    )
    yield from ("", "```shell", record["command"], "```")
