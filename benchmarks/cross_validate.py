"""Cross-validate a recipe on a protocol, one JSON file a fold and seed, through the code of `train.py`.

    python benchmarks/cross_validate.py --data_dir DIR --protocol dev5 --name baseline --seeds 0

A fold whose file is there is never computed again; options of the recipe and of the Trainer are those of
`train.py`.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from transformers import HfArgumentParser

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ser.corpora import load_ravdess
from ser.metrics import accuracy, unweighted_average_recall
from ser.splits import folds
from ser.training import RecipeArguments, RecipeTrainingArguments, predict_logits, train_classifier


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
    clips = load_ravdess(arguments.data_dir)
    folder = Path(arguments.results_dir) / arguments.protocol / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    all_folds = folds(arguments.protocol, clips["actor"], clips["emotion"])
    for seed in arguments.seeds:
        for number in arguments.folds if arguments.folds is not None else range(len(all_folds)):
            file = folder / f"fold{number}-seed{seed}.json"
            if file.exists():
                continue
            fold = all_folds[number]
            training_args.seed = seed
            train_clips, test_clips = clips.select(fold.train), clips.select(fold.test)
            start = time.monotonic()
            trainer, feature_extractor = train_classifier(train_clips, None, recipe, training_args)
            seconds = time.monotonic() - start
            logits = predict_logits(
                cast(torch.nn.Module, trainer.model), feature_extractor, test_clips, recipe
            )
            labels = np.asarray(test_clips["emotion"])
            predictions = logits.argmax(axis=1)
            result = {
                "fold": fold.name,
                "seed": seed,
                "train_seconds": round(seconds, 1),
                "uar": unweighted_average_recall(labels, predictions),
                "accuracy": accuracy(labels, predictions),
                "recipe": asdict(recipe),
                "training": {
                    name: getattr(training_args, name) for name in ("num_train_epochs", "learning_rate")
                },
                "clips": [Path(audio["path"]).stem for audio in test_clips["audio"]],
                "labels": labels.tolist(),
                "logits": np.round(logits, 4).tolist(),
            }
            temporary = file.with_suffix(".partial")
            temporary.write_text(json.dumps(result))
            temporary.replace(file)
            print(
                f"{fold.name} seed {seed}: UAR {result['uar']:.4f}, accuracy {result['accuracy']:.4f}, "
                f"{seconds:.0f} s"
            )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
