"""Cross-validate a recipe on a protocol, one JSON file a fold and seed, through the code of `train.py`.

    python benchmarks/cross_validate.py --data_dir data/ravdess --protocol dev5 --name hybrid --seeds 0

A fold whose file is there is never computed again; options of the recipe and of the Trainer are those of
`train.py`.
"""

import json
import shlex
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import HfArgumentParser
from transformers.trainer_utils import SaveStrategy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ser.corpora import load_ravdess
from ser.metrics import accuracy, unweighted_average_recall
from ser.provenance import environment
from ser.recipe import RecipeArguments, RecipeTrainingArguments
from ser.splits import Fold, folds
from ser.training import train_classifier


@dataclass
class ProtocolArguments:
    """What to run and where to keep it."""

    data_dir: str = field(metadata={"help": "Folder of the RAVDESS speech clips."})
    protocol: str = field(metadata={"help": "A protocol of ser.splits."})
    name: str = field(metadata={"help": "Name of the recipe: the folder of its results."})
    seeds: list[int] = field(default_factory=lambda: [0], metadata={"help": "Seeds to train with."})
    folds: list[int] | None = field(
        default=None, metadata={"help": "Numbers of the folds to run; all if not given."}
    )
    results_dir: str = field(default="benchmarks/results", metadata={"help": "Where results are kept."})


def main() -> None:
    """Run the folds that are asked for and not there yet."""
    # Its stub wants a NewType that no dataclass is.
    parser = HfArgumentParser((ProtocolArguments, RecipeArguments, RecipeTrainingArguments))  # type: ignore[arg-type]
    arguments, recipe, training_args = parser.parse_args_into_dataclasses()
    training_args.save_strategy = SaveStrategy.NO
    clips = load_ravdess(arguments.data_dir)
    folder = Path(arguments.results_dir) / arguments.protocol / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    all_folds = folds(arguments.protocol, clips["actor"], clips["emotion"])
    for seed in arguments.seeds:
        for number in arguments.folds if arguments.folds is not None else range(len(all_folds)):
            file = folder / f"fold{number}-seed{seed}.json"
            if file.exists():
                continue
            training_args.seed = seed
            result = run_fold(clips, all_folds[number], recipe, training_args)
            temporary = file.with_suffix(".partial")
            temporary.write_text(json.dumps(result) + "\n")
            temporary.replace(file)
            scores = f"UAR {result['uar']:.4f}, accuracy {result['accuracy']:.4f}"
            print(f"{result['fold']} seed {seed}: {scores}, {result['train_seconds']:.0f} s", flush=True)


def run_fold(
    clips: Dataset, fold: Fold, recipe: RecipeArguments, training_args: RecipeTrainingArguments
) -> dict[str, Any]:
    """Train on a fold's training clips, score its test clips once with the final weights."""
    test_clips = clips.select(fold.test)
    start = time.monotonic()
    _, recognizer = train_classifier(clips.select(fold.train), None, recipe, training_args)
    seconds = time.monotonic() - start
    files = [audio["path"] for audio in test_clips["audio"]]
    scores = recognizer.predict(files)
    probabilities = np.array([list(score.values()) for score in scores])
    labels, predictions = np.asarray(test_clips["emotion"]), probabilities.argmax(axis=1)
    return {
        "fold": fold.name,
        "seed": training_args.seed,
        "train_seconds": round(seconds, 1),
        "uar": unweighted_average_recall(labels, predictions),
        "accuracy": accuracy(labels, predictions),
        "recipe": asdict(recipe),
        "training_arguments": training_args.summary(),
        "command": shlex.join(["python", "benchmarks/cross_validate.py", *sys.argv[1:]]),
        **environment(),
        "clips": [Path(file).stem for file in files],
        "labels": labels.tolist(),
        "probabilities": probabilities.round(5).tolist(),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)  # run two folds at once rather than one on two cores
    main()
