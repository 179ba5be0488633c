"""Cross-validate a recipe on a protocol with the code of `train.py`; write one JSON file a fold and seed.

    python -m benchmarks.accuracy.cross_validate --data_dir data/ravdess --protocol dev5 --name hybrid

With `--corpus ravdess,emodb --data_dir data/ravdess,data/emodb` each fold leaves out speakers of both. With
`--protocol leave-one-corpus-out` a model trained on all corpora but one is tested on that one.

A fold whose file exists is not computed again. Models are kept in `--output_dir`, by recipe, fold and seed.
Options of the recipe and of the Trainer are those of `train.py`.
"""

import json
import shlex
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers.trainer_utils import SaveStrategy

from ser.corpora import CORPORA
from ser.corpora.provenance import environment
from ser.corpora.together import load_together, parse_corpora
from ser.evaluation.metrics import accuracy, unweighted_average_recall
from ser.evaluation.protocols import LEAVE_ONE_CORPUS_OUT, Fold, corpus_folds, folds, results_name
from ser.evaluation.training_record import changed_settings
from ser.labels import CLASS_SETS, EMOTIONS, corpus_classes, restrict_probabilities
from ser.training.arguments import TrainingParser
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments, settings_of
from ser.training.trainer import train_classifier


@dataclass
class ProtocolArguments:
    """What to run and where to keep it."""

    data_dir: str = field(
        metadata={"help": "Folder of the RAVDESS speech clips; of several corpora, separated by commas."}
    )
    protocol: str = field(
        metadata={"help": f"A protocol of ser.evaluation.protocols, or {LEAVE_ONE_CORPUS_OUT}."}
    )
    name: str = field(metadata={"help": "Name of the recipe: the folder of its results."})
    corpus: str = field(
        default="ravdess", metadata={"help": f"Corpora, separated by commas: {', '.join(CORPORA)}."}
    )
    train_only: str = field(
        default="",
        metadata={
            "help": "Those of the corpora, separated by commas, that are trained on and not tested. Who is "
            "tested in another corpus is left out of them, too."
        },
    )
    seeds: list[int] = field(default_factory=lambda: [0], metadata={"help": "Seeds to train with."})
    folds: list[int] | None = field(
        default=None, metadata={"help": "Numbers of the folds to run; all if not given."}
    )
    results_dir: str = field(default="benchmarks/results", metadata={"help": "Where results are kept."})


def main() -> None:
    """Run the folds that are asked for and not there yet."""
    arguments, recipe, training_args = parse_arguments(sys.argv[1:])
    training_args.save_strategy = SaveStrategy.NO
    folders = parse_corpora(arguments.corpus, arguments.data_dir)
    clips = load_together(folders)
    train_only = [corpus.strip() for corpus in arguments.train_only.split(",") if corpus.strip()]
    all_folds = make_folds(arguments.protocol, clips)
    if train_only:
        all_folds = [train_alone(fold, clips, train_only) for fold in all_folds]
    tested = [corpus for corpus in folders if corpus not in train_only]
    folder = Path(arguments.results_dir) / results_name(arguments.protocol, tested) / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seeds:
        for number in arguments.folds if arguments.folds is not None else range(len(all_folds)):
            file = folder / f"fold{number}-seed{seed}.json"
            if file.exists():
                kept = json.loads(file.read_text())
                if changed := changed_settings(kept, settings_of(recipe, training_args)):
                    sys.exit(f"{file} was trained with {changed}. Choose another --name, or delete it.")
                continue
            training_args.seed = seed
            fold = all_folds[number]
            model_dir = Path(str(training_args.output_dir)) / arguments.name / f"{fold.name}-seed{seed}"
            result = run_fold(clips, fold, recipe, training_args, model_dir)
            temporary = file.with_suffix(".partial")
            temporary.write_text(json.dumps(result) + "\n")
            temporary.replace(file)
            scores = f"UAR {result['uar']:.4f}, accuracy {result['accuracy']:.4f}"
            print(f"{result['fold']} seed {seed}: {scores}, {result['train_seconds']:.0f} s", flush=True)


def parse_arguments(
    arguments: list[str],
) -> tuple[ProtocolArguments, RecipeArguments, RecipeTrainingArguments]:
    """Parse the arguments of the program."""
    # Its stub wants a NewType that no dataclass is.
    parser = TrainingParser((ProtocolArguments, RecipeArguments, RecipeTrainingArguments))  # type: ignore[arg-type]
    protocol, recipe, training_args = parser.parse_args_into_dataclasses(arguments)
    return protocol, recipe, training_args


def settings_changed_since(kept: dict[str, Any]) -> str:
    """Return the settings with which the command of a kept fold would train differently today, in words."""
    _, recipe, training_args = parse_arguments(shlex.split(kept["command"])[3:])
    return changed_settings(kept, settings_of(recipe, training_args))


def make_folds(protocol: str, clips: Dataset) -> list[Fold]:
    """Return the folds of a protocol over clips of one corpus or several."""
    if protocol == LEAVE_ONE_CORPUS_OUT:
        return corpus_folds(clips["actor"])
    return folds(protocol, clips["actor"], clips["emotion"])


def train_alone(fold: Fold, clips: Dataset, corpora: Collection[str]) -> Fold:
    """Return a fold without the test clips of some corpora; those of speakers whom it tests are dropped."""
    speakers = np.asarray(clips["actor"])
    is_spared = np.isin(np.asarray(clips["corpus"])[fold.test], list(corpora))
    test, spared = fold.test[~is_spared], fold.test[is_spared]
    spared = spared[~np.isin(speakers[spared], speakers[test])]
    train = np.sort(np.concatenate([fold.train, spared]))
    return replace(
        fold,
        train=train,
        test=test,
        train_actors=tuple(np.unique(speakers[train]).tolist()),
        test_actors=tuple(np.unique(speakers[test]).tolist()),
    )


def run_fold(
    clips: Dataset,
    fold: Fold,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    model_dir: Path,
) -> dict[str, Any]:
    """Train on the training clips of a fold, keep the final weights, and score its test clips once."""
    test_clips = clips.select(fold.test)
    start = time.monotonic()
    _, recognizer = train_classifier(clips.select(fold.train), None, recipe, training_args)
    seconds = time.monotonic() - start
    recognizer.save_pretrained(model_dir)
    files = [audio["path"] for audio in test_clips["audio"]]
    scores = recognizer.predict(files)
    probabilities = np.array([list(score.values()) for score in scores])
    labels = np.asarray(test_clips["emotion"])
    trained = {EMOTIONS[label] for label in clips.select(fold.train).unique("emotion")}
    per_corpus = scores_by_corpus(labels, probabilities, test_clips["corpus"], trained)
    return {
        "fold": fold.name,
        "seed": training_args.seed,
        "train_seconds": round(seconds, 1),
        **{
            metric: float(np.mean([scores["shared"][metric] for scores in per_corpus.values()]))
            for metric in ("uar", "accuracy")
        },
        "per_corpus": per_corpus,
        "train_corpora": sorted(clips.select(fold.train).unique("corpus")),
        **settings_of(recipe, training_args),
        "command": shlex.join(["python", "-m", "benchmarks.accuracy.cross_validate", *sys.argv[1:]]),
        **environment(),
        "clips": [Path(file).stem for file in files],
        "speakers": list(test_clips["actor"]),
        "labels": labels.tolist(),
        "probabilities": probabilities.round(5).tolist(),
    }


def scores_by_corpus(
    labels: np.ndarray, probabilities: np.ndarray, corpora: Sequence[str], trained: Collection[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Score each tested corpus on the emotions that it shares with the training, and on fewer.

    Args:
        labels: Index of each clip's emotion in `EMOTIONS`, (num_clips,).
        probabilities: Of all `EMOTIONS`, (num_clips, 8).
        corpora: The corpus of each clip, (num_clips,).
        trained: The emotions of the training clips.

    Returns:
        By corpus and by "shared" or a name in `CLASS_SETS`: `classes`, `num_clips`, `uar` and `accuracy`.
        Clips of other emotions are left out, and probabilities restricted as `restrict_probabilities` says.
    """
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    for corpus in dict.fromkeys(corpora):
        shared = tuple(emotion for emotion in corpus_classes(corpus) if emotion in trained)
        sets = {"shared": shared} | {n: each for n, each in CLASS_SETS.items() if set(each) <= set(shared)}
        scores[corpus] = {}
        for name, classes in sets.items():
            rows = np.flatnonzero(
                (np.asarray(corpora) == corpus)
                & np.isin(labels, [EMOTIONS.index(emotion) for emotion in classes])
            )
            truth = np.array([classes.index(EMOTIONS[label]) for label in labels[rows]])
            predictions = restrict_probabilities(probabilities[rows], classes).argmax(axis=1)
            scores[corpus][name] = {
                "classes": list(classes),
                "num_clips": len(rows),
                "uar": unweighted_average_recall(truth, predictions),
                "accuracy": accuracy(truth, predictions),
            }
    return scores


if __name__ == "__main__":
    torch.set_num_threads(1)  # run two folds at once rather than one on two cores
    main()
