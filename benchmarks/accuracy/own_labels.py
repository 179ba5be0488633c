"""How few recordings are enough: training on a corpus's own labels with 5, 10, 20 or all clips a label.

    python -m benchmarks.accuracy.own_labels --corpus emodb --data_dir data/emodb --name scratch
    python -m benchmarks.accuracy.own_labels --corpus nemo --data_dir data/nemo --name warm --start checkpoint

Every fold tests speakers whom it does not train on. A file for each corpus, start and number of clips is
left in benchmarks/results/own-labels; what is there is not computed again. The table of
docs/your-own-recordings.md is made of them by `python -m benchmarks.report.own_labels`. EmoDB and nEMO are
given here as strangers would give their own recordings: as a table of paths, labels and speakers. Nothing
that is trained here is shipped.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from ser.__main__ import CommandParser
from ser.corpora.own_data import labels_of, load_own_data
from ser.corpora.provenance import environment
from ser.evaluation.metrics import bootstrap_interval_over_actors, unweighted_average_recall
from ser.evaluation.scoring import BOOTSTRAP_SEED, CONFIDENCE, NUM_RESAMPLES, score_clips
from ser.evaluation.training_record import read_training_record
from ser.training.recipe import WARM_RECIPE, RecipeArguments, RecipeTrainingArguments, settings_of
from ser.training.trainer import train_classifier

RESULTS = Path(__file__).resolve().parents[1] / "results" / "own-labels"
EMODB_LABELS = {
    "W": "angry", "L": "bored", "E": "disgust", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral",
}  # fmt: skip
# A woman and a man of EmoDB a fold; three speakers of nEMO.
FOLDS: dict[str, list[tuple[str, ...]]] = {
    "emodb": [("03", "08"), ("10", "09"), ("11", "13"), ("12", "14"), ("15", "16")],
    "nemo": [("EB0", "KS0", "MP0"), ("IC0", "MK0", "SM0"), ("KD0", "TP0", "WR0")],
}
# From random weights few clips need many passes: as many steps as the shipped recipe's first third.
MIN_STEPS_FROM_SCRATCH = 1000


def table_row(corpus: str, file: Path) -> tuple[str, str]:
    """Return label and speaker of a clip, from its name."""
    if corpus == "emodb":
        return EMODB_LABELS[file.stem[5]], file.stem[:2]
    speaker, label, _ = file.stem.split("_")
    return label, speaker


def read_corpus(corpus: str, data_dir: Path) -> Dataset:
    """Read a corpus through a table, as recordings with labels of their own."""
    files = sorted(file for file in data_dir.rglob("*") if file.suffix in (".wav", ".flac", ".opus"))
    rows = [",".join([str(file.resolve()), *table_row(corpus, file)]) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "recordings.csv"
        table.write_text("\n".join(["path,label,speaker", *rows, ""]), encoding="utf-8")
        return load_own_data(table)


def training_rows(
    clips: Dataset, test_speakers: tuple[str, ...], clips_per_label: int | None, seed: int
) -> np.ndarray:
    """Draw rows of other speakers: so many of each label, or all."""
    rng = np.random.default_rng(seed)
    others = ~np.isin(clips["actor"], test_speakers)
    labels = labels_of(clips)
    rows = [
        rng.permutation(np.flatnonzero(others & (labels == name)))[:clips_per_label]
        for name in np.unique(labels)
    ]
    return np.sort(np.concatenate(rows))


def recipe_of(
    start: str | None, num_clips: int, args: argparse.Namespace
) -> tuple[RecipeArguments, RecipeTrainingArguments]:
    """Return what to train with: the recipe for checkpoints, or the shipped one with enough steps."""
    recipe = RecipeArguments(
        init_from=start,
        num_proc=None,
        feature_cache_dir=args.feature_cache_dir,
        temperature=1.0,
        not_sure_below=0.0,
    )
    output_dir = tempfile.mkdtemp(prefix="own-labels-")
    arguments: dict[str, Any] = {
        "output_dir": output_dir, "save_strategy": "no", "disable_tqdm": True, "seed": args.seed,
        "logging_steps": 500,
    }  # fmt: skip
    if start:
        recipe.num_augmented_copies = WARM_RECIPE["num_augmented_copies"]
        arguments |= {key: value for key, value in WARM_RECIPE.items() if key != "num_augmented_copies"}
    else:
        num_steps_a_epoch = num_clips * (1 + recipe.num_augmented_copies) / 32
        epochs = RecipeTrainingArguments.num_train_epochs
        arguments["num_train_epochs"] = max(epochs, np.ceil(MIN_STEPS_FROM_SCRATCH / num_steps_a_epoch))
    return recipe, RecipeTrainingArguments(**arguments)


def measure(
    clips: Dataset, corpus: str, clips_per_label: int | None, args: argparse.Namespace
) -> dict[str, Any]:
    """Train and test every fold; returns the content of the result file."""
    answers: list[dict[str, Any]] = []
    seconds, settings = [], {}
    for number, test_speakers in enumerate(FOLDS[corpus]):
        train_clips = clips.select(training_rows(clips, test_speakers, clips_per_label, args.seed + number))
        test_clips = clips.select(np.flatnonzero(np.isin(clips["actor"], test_speakers)))
        recipe, training_args = recipe_of(args.start, len(train_clips), args)
        start = time.monotonic()
        _, recognizer = train_classifier(train_clips, None, recipe, training_args)
        seconds.append(round(time.monotonic() - start, 1))
        scored = score_clips(recognizer, test_clips, sorted(recognizer.emotions))
        settings = settings_of(recipe, training_args)
        answers += [
            {"speaker": speaker, "label": int(label), "prediction": int(prediction)}
            for speaker, label, prediction in zip(
                scored.groups["actor"], scored.labels, scored.predictions, strict=True
            )
        ]
        print(f"fold {number}: {len(train_clips)} clips in {seconds[-1]} s", flush=True)
    labels, predictions, speakers = (
        np.array([answer[key] for answer in answers]) for key in ("label", "prediction", "speaker")
    )
    interval = bootstrap_interval_over_actors(
        labels, predictions, speakers, unweighted_average_recall, NUM_RESAMPLES,
        np.random.default_rng(BOOTSTRAP_SEED), CONFIDENCE,
    )  # fmt: skip
    record = (read_training_record(args.start) if args.start else None) or {}
    return {
        "corpus": corpus,
        "name": args.name,
        "clips_per_label": clips_per_label,
        "classes": sorted(clips.features["emotion"].names),
        "uar": unweighted_average_recall(labels, predictions),
        "uar_interval": {
            **interval._asdict(),
            "confidence": CONFIDENCE,
            "num_speakers": len(set(speakers.tolist())),
        },
        "accuracy": float((labels == predictions).mean()),
        "num_clips": len(labels),
        "corpus_was_in_training": corpus in record.get("corpora", []),
        "train_seconds": seconds,
        "seed": args.seed,
        **settings,
        **environment(),
        "predictions": {
            key: [answer[key] for answer in answers] for key in ("speaker", "label", "prediction")
        },
    }


def main() -> None:
    """Parse, measure what is missing, write."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--corpus", choices=list(FOLDS), required=True)
    parser.add_argument("--data_dir", type=Path, required=True, help="folder of the corpus")
    parser.add_argument(
        "--name", required=True, help="what the start is called in the table: scratch, small, accurate"
    )
    parser.add_argument("--start", help="checkpoint to start from; random weights if not given")
    parser.add_argument("--clips", nargs="+", default=["5", "10", "20", "all"], help="clips a label, or all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--feature_cache_dir", help="where spectrograms are kept")
    parser.add_argument("--output_dir", type=Path, default=RESULTS)
    args = parser.parse_args()
    clips = None
    for number in args.clips:
        file = args.output_dir / f"{args.corpus}-{args.name}-{number}.json"
        if file.exists():
            continue
        clips = read_corpus(args.corpus, args.data_dir) if clips is None else clips
        result = measure(clips, args.corpus, None if number == "all" else int(number), args)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result) + "\n", encoding="utf-8")
        print(f"{file.name}: UAR {100 * result['uar']:.1f} %", flush=True)


if __name__ == "__main__":
    main()
