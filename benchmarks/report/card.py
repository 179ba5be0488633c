"""Write the card of the shipped checkpoint, `checkpoint/README.md`, and its copy `model_card.md`.

    python -m benchmarks.report.card

The figures come from result files, the prose from `ser/hub/card_template.md`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult

from benchmarks.report.measurements import (
    ACCURATE_FOLDER,
    ACCURATE_RECIPE,
    ROOT,
    SHIPPED_FOLDER,
    SPREAD_PROTOCOL,
    ShippedResults,
    shipped_results,
)
from benchmarks.report.tables import disturbed_lines, elsewhere_lines, out_of_distribution_sentence
from ser.corpora import CORPUS_TITLES
from ser.demo.examples import example_clips
from ser.evaluation.protocols import PROTOCOLS, ActorProtocol
from ser.evaluation.tables import scores_columns, spread_lines
from ser.hub.card import CARD_FILE, eval_results, fill_card

COPY = "model_card.md"
MODEL_NAME, ACCURATE_NAME = "speech-emotion-mfcc-lstm", "speech-emotion-whisper-lstm"


def shipped_card(results: ShippedResults, name: str = MODEL_NAME) -> str:
    """Return the card of a shipped checkpoint with everything measured about it and its recipe."""
    blocks = {
        "results": _protocol_lines(results),
        "subgroups": _spread_lines(results),
        "robustness": disturbed_lines(results.robustness) if results.robustness else (),
        "other_corpora": _other_corpora_lines(results),
        "out_of_distribution": (
            [out_of_distribution_sentence(results.out_of_distribution["kinds"])]
            if results.out_of_distribution
            else ()
        ),
        "training": _recipe_lines() if name == MODEL_NAME else (),
    }
    return fill_card(results.checkpoint, name, blocks, _protocol_results(results), _examples())


def _protocol_results(results: ShippedResults) -> list[EvalResult]:
    return [
        result
        for name, summary in results.protocols.items()
        for result in eval_results(
            f"RAVDESS speech, protocol {name} ({_speakers(name)} speakers)", "ravdess", name, summary
        )
    ]


def _protocol_lines(results: ShippedResults) -> Iterator[str]:
    if not results.protocols:
        return
    columns = ("the recipe in cross-validation", "speakers", "UAR", "95 % interval over speakers", "accuracy")
    yield ""
    yield f"| {' | '.join(columns)} | recordings |"
    yield "|---|---|---|---|---|---|"
    for name, summary in results.protocols.items():
        folds = f"folds: {summary['num_folds']}, seeds: {summary['num_seeds']}"
        yield f"| RAVDESS, {name} ({folds}) | {_speakers(name)} {scores_columns(summary)}"


def _spread_lines(results: ShippedResults) -> Iterator[str]:
    if results.spread:
        yield from ("", f"The recipe on {SPREAD_PROTOCOL}, every speaker unseen:", "")
        yield from spread_lines(*results.spread)


def _other_corpora_lines(results: ShippedResults) -> Iterator[str]:
    checkpoint = results.checkpoint
    if not checkpoint.elsewhere:
        return
    yield "Other corpora, not used in training, beside unseen speakers of RAVDESS on the same emotions:"
    yield from ("", *elsewhere_lines([*checkpoint.elsewhere, *checkpoint.at_home]))
    for run in results.left_out:
        for corpus, by_set in run["per_corpus"].items():
            uars = [f"{100 * scores['uar']:.1f} on {name} emotions" for name, scores in _named_sets(by_set)]
            yield ""
            yield (
                f"Trained without {CORPUS_TITLES[corpus]}, the recipe reaches a UAR of {' and '.join(uars)} "
                "of that corpus."
            )


def _named_sets(by_set: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield scores by their number of classes, each number once."""
    yield from {str(len(scores["classes"])): scores for scores in by_set.values()}.items()


def _recipe_lines() -> Iterator[str]:
    yield ""
    yield (
        "Copies of each recording are changed in tempo or pitch, some of them in a room; in every epoch each "
        "is cropped, masked and changed in vocal tract length, noise, babble, bandwidth and microphone. "
        "Statistics, epochs and calibration come from training speakers alone."
    )


def _speakers(protocol: str) -> str:
    return "unseen" if isinstance(PROTOCOLS[protocol], ActorProtocol) else "seen"


def _examples() -> dict[str, str]:
    return {each.title: f"{each.path.parent.name}/{each.path.name}" for each in example_clips()}


def main(root: Path = ROOT) -> None:
    """Write the cards of a repository."""
    card = shipped_card(shipped_results(root))
    for file in (root / SHIPPED_FOLDER / CARD_FILE, root / COPY):
        file.write_text(card, encoding="utf-8")
    if (root / ACCURATE_FOLDER).is_dir():
        results = shipped_results(root, ACCURATE_FOLDER, ACCURATE_RECIPE)
        (root / ACCURATE_FOLDER / CARD_FILE).write_text(
            shipped_card(results, ACCURATE_NAME), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
