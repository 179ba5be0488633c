"""How few recordings are enough: training on a corpus's own labels with 5, 10, 20 or all clips a label.

    python -m benchmarks.accuracy.own_labels --corpus emodb --data_dir data/emodb --name scratch
    python -m benchmarks.accuracy.own_labels --corpus emodb --data_dir data/emodb --name small --start MODEL

EmoDB and nEMO are read as their owners would read their own recordings, from a table of paths, labels and
speakers. Each fold tests speakers whom it does not train on. With `--start`, a checkpoint, training follows
the recipe of `--init_from`, for MAX_STEPS at most. Without it, training starts from random weights with the
shipped recipe and takes STEPS_FROM_SCRATCH steps, whatever the number of clips. Both limits save hours.

Each fold is added to a file in benchmarks/results/own-labels when it is done, and not computed again.
`python -m benchmarks.report.own_labels` writes the tables of docs/your-own-recordings.md from these files.
`--time 200` measures instead how long training on 200 clips takes, on all cores. Nothing trained here ships.
"""

import argparse
import json
import os
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
from ser.evaluation.scoring import score_clips
from ser.evaluation.training_record import read_training_record
from ser.recognizer import EmotionRecognizer
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
STEPS_FROM_SCRATCH = 600
MAX_STEPS = 400


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


def train(
    clips: Dataset, start: str | None, seed: int, cache_dir: str | None, num_proc: int | None = None
) -> tuple[EmotionRecognizer, dict[str, Any]]:
    """Train on clips, and return the recogniser with the time and settings of the training."""
    recipe = RecipeArguments(
        init_from=start, num_proc=num_proc, feature_cache_dir=cache_dir, temperature=1.0, not_sure_below=0.0
    )
    arguments: dict[str, Any] = {"save_strategy": "no", "disable_tqdm": True, "logging_steps": 500}
    if start:
        recipe.num_augmented_copies = WARM_RECIPE["num_augmented_copies"]
        arguments |= {name: value for name, value in WARM_RECIPE.items() if not hasattr(recipe, name)}
    num_rows = len(clips) * (1 + recipe.num_augmented_copies)
    batch_size = RecipeTrainingArguments.per_device_train_batch_size
    num_steps = round(arguments.get("num_train_epochs", 0) * max(1, num_rows / batch_size))
    arguments["max_steps"] = min(num_steps, MAX_STEPS) if start else STEPS_FROM_SCRATCH
    with tempfile.TemporaryDirectory() as folder:
        training_args = RecipeTrainingArguments(output_dir=folder, seed=seed, **arguments)
        begin = time.monotonic()
        trainer, recognizer = train_classifier(clips, None, recipe, training_args)
    return recognizer, {
        "num_train_clips": len(clips),
        "num_steps": trainer.state.global_step,
        "train_seconds": round(time.monotonic() - begin, 1),
        **settings_of(recipe, training_args),
    }


def measure_fold(
    clips: Dataset, test_speakers: tuple[str, ...], clips_per_label: int | None, args: argparse.Namespace
) -> dict[str, Any]:
    """Train on the other speakers of a fold, and return the predictions for its speakers."""
    seed = args.seed + FOLDS[args.corpus].index(test_speakers)
    train_clips = clips.select(training_rows(clips, test_speakers, clips_per_label, seed))
    test_clips = clips.select(np.flatnonzero(np.isin(clips["actor"], test_speakers)))
    recognizer, training = train(train_clips, args.start, args.seed, args.feature_cache_dir)
    scored = score_clips(recognizer, test_clips, sorted(recognizer.emotions))
    return {
        **training,
        "speaker": list(scored.groups["actor"]),
        "label": scored.labels.tolist(),
        "prediction": scored.predictions.tolist(),
    }


def summary(folds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the scores over all folds, with an interval over their speakers."""
    labels, predictions, speakers = (
        np.array([answer for fold in folds for answer in fold[key]])
        for key in ("label", "prediction", "speaker")
    )
    return {
        "uar": unweighted_average_recall(labels, predictions),
        "uar_interval": bootstrap_interval_over_actors(
            labels, predictions, speakers, unweighted_average_recall
        ),
        "accuracy": float((labels == predictions).mean()),
        "num_clips": len(labels),
        "num_speakers": len(set(speakers.tolist())),
    }


def measure(clips: Dataset, file: Path, clips_per_label: int | None, args: argparse.Namespace) -> None:
    """Measure the folds that a result file lacks, and write it after each."""
    record = (read_training_record(args.start) if args.start else None) or {}
    result = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"folds": []}
    for test_speakers in FOLDS[args.corpus][len(result["folds"]) : args.folds]:
        fold = measure_fold(clips, test_speakers, clips_per_label, args)
        folds = [*result["folds"], fold]
        result = {
            "corpus": args.corpus,
            "name": args.name,
            "clips_per_label": clips_per_label,
            "classes": sorted(clips.features["emotion"].names),
            **summary(folds),
            "corpus_was_in_training": args.corpus in record.get("corpora", []),
            "seed": args.seed,
            **environment(),
            "folds": folds,
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(result) + "\n", encoding="utf-8")
        print(
            f"{file.name}: {fold['num_train_clips']} clips, {fold['num_steps']} steps, "
            f"{fold['train_seconds']} s; UAR of {len(folds)} folds {100 * result['uar']:.1f} %",
            flush=True,
        )


def measure_time(clips: Dataset, file: Path, args: argparse.Namespace) -> None:
    """Measure how long training takes on `args.time` clips, with an empty cache."""
    chosen = clips.select(range(0, len(clips), max(1, len(clips) // args.time))).select(range(args.time))
    with tempfile.TemporaryDirectory() as cache_dir:
        _, training = train(chosen, args.start, args.seed, cache_dir, os.cpu_count())
    training["recipe"]["feature_cache_dir"] = None  # the folder is gone
    result = {
        "corpus": args.corpus,
        "name": args.name,
        "num_cpus": os.cpu_count(),
        **training,
        **environment(),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result) + "\n", encoding="utf-8")
    print(f"{file.name}: {args.time} clips, {training['num_steps']} steps, {training['train_seconds']} s")


def main() -> None:
    """Parse, measure what is missing, write."""
    parser = CommandParser(description=__doc__)
    parser.add_argument("--corpus", choices=list(FOLDS), required=True)
    parser.add_argument("--data_dir", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--name", required=True, help="name of the start in the table, such as small")
    parser.add_argument("--start", help="checkpoint to start from; random weights if not given")
    parser.add_argument("--clips", nargs="+", default=["5", "10", "20", "all"], help="clips a label, or all")
    parser.add_argument("--folds", type=int, help="number of folds to measure; all if not given")
    parser.add_argument("--time", type=int, help="measure how long training takes on so many clips")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--feature_cache_dir", help="where features are kept")
    parser.add_argument("--output_dir", type=Path, default=RESULTS)
    args = parser.parse_args()
    clips = read_corpus(args.corpus, args.data_dir)
    if args.time:
        measure_time(clips, args.output_dir / f"time-{args.corpus}-{args.name}.json", args)
        return
    for number in args.clips:
        file = args.output_dir / f"{args.corpus}-{args.name}-{number}.json"
        measure(clips, file, None if number == "all" else int(number), args)


if __name__ == "__main__":
    main()
