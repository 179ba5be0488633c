"""The model card: `model_card.md`, whose numbers come from result files and from nowhere else.

    python -m ser.hub.card            # write the numbers into model_card.md
    python -m ser.hub.card --check    # fail if they are not those of the files

The prose is written by hand. The metadata on top and what stands between `<!-- NAME: ... -->` and
`<!-- end of NAME -->` is written by this command; a protocol without result files is left out.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.corpora import CORPUS_TITLES
from ser.evaluation.protocols import PROTOCOLS, ActorProtocol
from ser.evaluation.scoring import GROUPS
from ser.hub.measurements import (
    REPOSITORY,
    SHIPPED_FOLDER,
    Measurements,
    measurements_of,
    shipped_measurements,
)
from ser.hub.shipped import SPREAD_PROTOCOL
from ser.hub.tables import (
    disturbed_lines,
    elsewhere_lines,
    scores_columns,
    spread_lines,
    unlike_sentence,
)

CARD_FILE = "model_card.md"
LOCAL_MODEL = '"checkpoint"'  # what the card's code loads in this repository, and a Hub id once published
TRUST = ", trust_remote_code=True"  # what the card's code needs to load our classes, and no encoder's
OWN_TEXT = "written by python -m ser.hub.card"
BLOCK = re.compile(rf"<!-- (?P<name>\w+): {OWN_TEXT} -->\n(?P<text>.*?)<!-- end of (?P=name) -->", re.DOTALL)
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def fill_card(card: str, measured: Measurements, model_name: str = "speech-emotion-mfcc-lstm") -> str:
    """Write the metadata and every block of a card anew.

    Args:
        card: The card, whatever numbers are in it.
        measured: The numbers.
        model_name: What the model is called in the metadata.

    Returns:
        The card with these numbers and no others.

    Raises:
        ValueError: If the card lacks the metadata, or names a block that nothing is written into.
    """
    blocks = {
        "summary": _summary_text,
        "architecture": _architecture_text,
        "loading": _loading_text,
        "protocols": _protocols_text,
        "spread": _spread_text,
        "disturbed": _disturbed_text,
        "elsewhere": _elsewhere_text,
        "unlike": _unlike_text,
        "training": _training_text,
    }

    def written(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in blocks:
            raise ValueError(f"The card has a block {name!r}, expected one of {', '.join(blocks)}.")
        text = "".join(f"{line}\n" for line in blocks[name](measured))
        return f"<!-- {name}: {OWN_TEXT} -->\n{text}<!-- end of {name} -->"

    front_matter = f"---\n{card_metadata(measured, model_name).to_yaml()}\n---\n"
    card, num_replaced = FRONT_MATTER.subn(lambda _: front_matter, card)
    if num_replaced != 1:
        raise ValueError("The card has to begin with its metadata, between two lines of `---`.")
    return BLOCK.sub(written, card)


def published_card(folder: Path, hub_model_id: str, root: Path = REPOSITORY) -> str:
    """The card that a checkpoint is published with, its code loading the published model.

    The checkpoint of this repository has the measurements of this repository; any other one those that its
    folder holds.
    """
    is_shipped = folder.resolve() == (root / SHIPPED_FOLDER).resolve()
    measured = shipped_measurements(root) if is_shipped else measurements_of(folder)
    card = (root / CARD_FILE).read_text(encoding="utf-8")
    filled = fill_card(card, measured, model_name=hub_model_id.rpartition("/")[2])
    if not measured.is_mfcc_lstm:
        filled = filled.replace(TRUST, "")
    return filled.replace(LOCAL_MODEL, f'"{hub_model_id}"')


def card_metadata(measured: Measurements, model_name: str) -> ModelCardData:
    """What the Hub reads: licence, task, and every measurement as a result of its own, in percent."""
    results = []
    for name, summary in measured.protocols.items():
        text = f"RAVDESS speech, protocol {name} ({_voices(name)} voices)"
        results += _results(text, "ravdess", name, summary)
    for evaluation in measured.at_home:
        results += _results(evaluation["title"], "ravdess", "held-out actors", evaluation)
    for evaluation in measured.elsewhere:
        results += _results(evaluation["title"], evaluation["corpus"]["name"], "another corpus", evaluation)
    return ModelCardData(
        license="cc-by-nc-sa-4.0",
        language="en",
        library_name="transformers",
        pipeline_tag="audio-classification",
        tags=["speech-emotion-recognition", "emotion", "speech", *measured.corpora, measured.model_type],
        datasets=measured.corpora,
        metrics=["recall", "accuracy"],
        base_model=measured.base_model,
        model_name=model_name,
        eval_results=results or None,
    )


def _results(title: str, corpus: str, config: str, scores: dict[str, Any]) -> list[EvalResult]:
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


def _summary_text(measured: Measurements) -> Iterator[str]:
    kind = "A small speech" if measured.is_mfcc_lstm else "A speech"
    yield (
        f"{kind} emotion classifier for English: a recording goes in, the probabilities of neutral, calm,"
        " happy, sad, angry, fearful, disgust and surprised come out. It was trained on professional actors"
        " who speak two sentences in a studio, and it is judged on voices that it never heard."
    )


def _loading_text(measured: Measurements) -> Iterator[str]:
    if measured.is_mfcc_lstm:
        yield (
            "`trust_remote_code=True` runs the three Python files that lie beside the weights; read them"
            " first, and pin a commit with `revision=`. The scores are calibrated probabilities and sum to"
            " one."
        )
    else:
        yield "It runs no code but that of transformers. The scores are probabilities and sum to one."


def _architecture_text(measured: Measurements) -> Iterator[str]:
    millions = measured.num_parameters / 1e6
    size = f", {millions:.2f} million parameters" if measured.num_parameters else ""
    if measured.is_mfcc_lstm:
        num_convolutions = len(measured.config.get("conv_channels", MfccLstmConfig().conv_channels))
        num_members = measured.config.get("ensemble_size", MfccLstmConfig().ensemble_size)
        views = measured.config.get("views", MfccLstmConfig().views)[:num_members]
        yield (
            "40 mel-frequency cepstral coefficients every 10 ms, normalised with the statistics of the"
            f" training voices; {num_members} networks side by side, each of {num_convolutions} convolutions,"
            f" a bidirectional LSTM, attentive pooling over time and one linear layer{size}. They"
            f" hear the coefficients in turn in these views: {', '.join(views)}. The code comes with the"
            " weights and needs torch, numpy and transformers."
        )
    else:
        origin = f", made from `{measured.base_model}`" if measured.base_model else ""
        yield f"A `{measured.model_type}` of transformers{size}{origin}, fine-tuned on RAVDESS."


def _protocols_text(measured: Measurements) -> Iterator[str]:
    if not (measured.protocols or measured.at_home or measured.validation):
        yield "No measurements are published with this checkpoint."
        return
    yield "| measured on | voices | UAR | 95 % interval over actors | accuracy | clips |"
    yield "|---|---|---|---|---|---|"
    for evaluation in measured.at_home:
        yield f"| this checkpoint: {evaluation['title']} | new {scores_columns(evaluation)}"
    for name, summary in measured.protocols.items():
        folds = f"folds: {summary['num_folds']}, seeds: {summary['num_seeds']}"
        yield f"| the recipe: {name} ({folds}) | {_voices(name)} {scores_columns(summary)}"
    if measured.validation:
        uar, accuracy = (100 * measured.validation[key] for key in ("uar", "accuracy"))
        yield f"| this checkpoint: the actors it was chosen by | new | {uar:.1f} | | {accuracy:.1f} | |"


def _spread_text(measured: Measurements) -> Iterator[str]:
    if measured.spread:
        yield f"The recipe on {SPREAD_PROTOCOL}, each voice new to the model that hears it:"
        yield from ("", *spread_lines(*measured.spread), "")
    for evaluation in measured.at_home:
        yield f"This checkpoint on {evaluation['title']}:"
        per_group = {group: evaluation[f"per_{group}"] for group in GROUPS}
        yield from ("", *spread_lines(per_group, evaluation["gaps"]), "")


def _elsewhere_text(measured: Measurements) -> Iterator[str]:
    if not measured.elsewhere:
        return
    yield "Other corpora, to which nothing was adapted, beside RAVDESS's unseen actors on the same emotions:"
    yield from ("", *elsewhere_lines([*measured.elsewhere, *measured.at_home]))
    for by_corpus in measured.trained_anew:
        for corpus, by_set in by_corpus.items():
            uars = [f"{100 * by_set[name]['uar']:.1f} on {name}" for name in ("6", "4") if name in by_set]
            yield ""
            yield (
                f"Trained once more, on all of RAVDESS's actors, the recipe reaches {' and '.join(uars)} "
                f"emotions of {CORPUS_TITLES[corpus]}: so far may two trainings lie apart on strangers."
            )


def _disturbed_text(measured: Measurements) -> Iterator[str]:
    if measured.robustness:
        yield from disturbed_lines(measured.robustness)


def _unlike_text(measured: Measurements) -> Iterator[str]:
    if measured.unlike:
        yield unlike_sentence(measured.unlike)


def _training_text(measured: Measurements) -> Iterator[str]:
    record = measured.record
    if record is None:
        yield "How it was trained is not recorded."
        return
    train, held_out = (", ".join(map(str, record[f"{side}_actors"])) for side in ("train", "test"))
    versions = record["package_versions"]
    yield (
        f"Trained on {record['corpus']}, actors {train}; actors {held_out} were left alone. Python "
        f"{record['python_version']}, torch {versions['torch']}, transformers {versions['transformers']}."
    )
    yield from ("", "```shell", record["command"], "```", "")
    if measured.is_mfcc_lstm:
        yield (
            "Copies of each clip are changed in tempo or pitch, some in room; in every epoch each is heard"
            " cropped, masked and with another vocal tract, noise, babble, band and microphone. Statistics,"
            " epochs and calibration come from training voices alone."
        )
    else:
        yield (
            "Copies of each clip are changed in tempo, pitch, vocal tract, room, band, noise and level. The"
            " encoder's own feature extractor reads them."
        )


def _voices(protocol: str) -> str:
    return "new" if isinstance(PROTOCOLS[protocol], ActorProtocol) else "known"


def main(arguments: list[str]) -> None:
    """Parse, then write or compare."""
    parser = argparse.ArgumentParser(
        prog="python -m ser.hub.card",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the numbers differ")
    args = parser.parse_args(arguments)
    file = REPOSITORY / CARD_FILE
    card = file.read_text(encoding="utf-8")
    filled = fill_card(card, shipped_measurements())
    if not args.check:
        file.write_text(filled, encoding="utf-8")
    elif filled != card:
        sys.exit(f"{CARD_FILE} does not hold the numbers of the result files: run python -m ser.hub.card.")


if __name__ == "__main__":
    main(sys.argv[1:])
