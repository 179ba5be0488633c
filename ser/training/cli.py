"""Train an emotion classifier.

    python -m ser train --data_dir DIR --output_dir OUT

OUT then contains a checkpoint that loads with `from_pretrained`, its feature extractor, model card and ONNX
graphs, `training_metrics.json`, `training_curves.png` and `training_provenance.json`. Actors 21 to 24 are
held out: `python -m ser evaluate` scores them. To train one model on several corpora:

    python -m ser train --corpus ravdess,emodb --data_dir data/ravdess,data/emodb --output_dir OUT

To train on your own recordings, with any labels:

    python -m ser train --data DATA --output_dir OUT --init_from checkpoint

See docs/your-own-recordings.md. `--resume_from_checkpoint auto` resumes an interrupted training.
"""

import json
import os
import shlex
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import Trainer

from ser.corpora import CORPORA, CORPUS_TITLES
from ser.corpora.provenance import corpus_fingerprint, environment
from ser.corpora.speakers import parse_speaker
from ser.corpora.together import load_corpus, load_together, parse_corpora
from ser.evaluation.plots import training_curves_figure
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS, carve_validation_actors
from ser.evaluation.training_record import RECORD_NAME
from ser.onnx.export import export_onnx
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
from ser.recognizer.torch_kind import TorchRecognizer
from ser.training.arguments import check_trackers, parse_training_arguments
from ser.training.checkpoints import RESUME_OPTION
from ser.training.encoder_heads import base_model_of
from ser.training.full_disk import explaining_full_disk
from ser.training.own_training import (
    RECORDINGS_NAME,
    OwnDataArguments,
    own_provenance,
    read_and_split,
    train_on_split,
    write_own_results,
)
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments, settings_of
from ser.training.termination import INTERRUPTED, seconds_before_resume
from ser.training.trainer import train_classifier
from ser.training.warm_start import inherit_license

ENDING = """
The trained model is in {folder}, with its model card and the records of training.

Measure it:  python -m ser evaluate --model {folder} {source} --output_dir {folder}/evaluation
Listen:      python -m ser demo --model {folder}
Score files: python -m ser predict --model {folder} --output scores.csv RECORDINGS"""

RECORDED_NAMES = {"ravdess": "RAVDESS speech"}  # unlike its songs


@dataclass
class DataArguments:
    """Options for the corpora to train on."""

    data_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder of the RAVDESS speech clips, or the published zip; of several corpora, their "
            "folders, separated by commas."
        },
    )
    corpus: str = field(
        default="ravdess",
        metadata={"help": f"Corpora to train on, separated by commas: {', '.join(CORPORA)}."},
    )
    actors: list[int] | None = field(
        default=None,
        metadata={"help": "Actors of RAVDESS to load, if it is the only corpus; all 24 if not given."},
    )
    test_actors: list[str] | None = field(
        default=None,
        metadata={
            "help": "Speakers to hold out of all corpora for the test: 3 or ravdess:03, emodb:03, nemo:WR0. "
            "RAVDESS's 21 22 23 24 if not given."
        },
    )
    num_validation_actors: int = field(
        default=0,
        metadata={
            "help": "Training actors held out to keep the best epoch and stop early. The shipped recipe "
            "holds out none: its number of epochs was chosen on development folds."
        },
    )


def main() -> None:
    """Parse, train, save."""
    data, own, recipe, training_args = parse_training_arguments((DataArguments, OwnDataArguments), __doc__)
    try:
        check_trackers(training_args)
        with explaining_full_disk(
            str(training_args.output_dir), f"Free some space and resume with {RESUME_OPTION}."
        ):
            train(data, own, recipe, training_args)
    except (ValueError, OSError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:  # outside of the steps, which save first
        print(f"\nStopped. To resume: the same command with {RESUME_OPTION}", file=sys.stderr)
        sys.exit(INTERRUPTED)


def train(
    data: DataArguments,
    own: OwnDataArguments,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
) -> None:
    """Train, and write the checkpoint and its records to the output folder."""
    start = time.monotonic()
    if (own.data is None) == (data.data_dir is None):
        raise ValueError("Name either --data_dir, the folder of a corpus, or --data, recordings of your own.")
    hub_model_id = prepare_publishing(training_args)
    if own.data:
        split = read_and_split(own, training_args.seed)
        trainer, recognizer = train_on_split(
            split, recipe, training_args, training_args.resume_from_checkpoint
        )
        finish(trainer, recognizer, recipe, training_args, {}, own_provenance(own, split), start)
        if trainer.is_world_process_zero():
            write_own_results(split, recognizer, Path(str(training_args.output_dir)))
            recordings = Path(str(training_args.output_dir)) / RECORDINGS_NAME
            write_card_and_publish(hub_model_id, training_args, f"--data {recordings}")
        return

    folders, test_actors, clips = load_clips(data)
    actor_of_clip = np.asarray(clips["actor"])
    actors = sorted(set(actor_of_clip.tolist()) - set(test_actors))
    if not actors:
        raise ValueError(
            f"--test_actors leaves no speaker to train on: all clips are of {', '.join(test_actors)}."
        )
    women = {
        actor for actor, gender in zip(clips["actor"], clips["gender"], strict=True) if gender == "female"
    }
    validation_actors = carve_validation_actors(actors, data.num_validation_actors, training_args.seed, women)
    train_actors = [actor for actor in actors if actor not in validation_actors]
    train_clips = clips.select(np.flatnonzero(np.isin(actor_of_clip, train_actors)))
    validation_clips = None
    if validation_actors:
        validation_clips = clips.select(np.flatnonzero(np.isin(actor_of_clip, validation_actors)))
        training_args.keep_best()

    trainer, recognizer = train_classifier(
        train_clips, validation_clips, recipe, training_args, training_args.resume_from_checkpoint
    )
    # In every process, which evaluates its share of the clips.
    validation_metrics = trainer.evaluate() if validation_clips is not None else {}
    provenance = {
        "corpus": " and ".join(RECORDED_NAMES.get(corpus, CORPUS_TITLES[corpus]) for corpus in folders),
        "corpus_fingerprint": corpus_fingerprint(train_clips),
        "corpora": list(folders),
        "train_actors": train_actors,
        "validation_actors": list(validation_actors),
        "test_actors": test_actors,
    }
    finish(trainer, recognizer, recipe, training_args, validation_metrics, provenance, start)
    if trainer.is_world_process_zero():
        write_card_and_publish(hub_model_id, training_args, "--data_dir DIR")


def finish(
    trainer: Trainer,
    recognizer: TorchRecognizer,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    validation_metrics: dict[str, float],
    provenance: dict[str, Any],
    start: float,
) -> None:
    """Write the checkpoint and its records to the output folder.

    Args:
        trainer: After training.
        recognizer: The trained model.
        recipe: Of the training.
        training_args: Of the training.
        validation_metrics: Scores on the validation clips, if any.
        provenance: Record of the training data.
        start: Start of the program, by `time.monotonic`.
    """
    if not trainer.is_world_process_zero():
        return
    output_dir = str(training_args.output_dir)
    recognizer.save_pretrained(output_dir)
    if isinstance(recognizer, MfccLstmRecognizer):
        # Loaded again, since the trained model may be on a GPU.
        export_onnx(MfccLstmRecognizer.from_pretrained(output_dir), output_dir)
    base_model = recipe.init_from or recipe.model_name_or_path
    save_record(
        trainer,
        validation_metrics,
        costs={
            "total_seconds": round(seconds_before_resume(trainer) + time.monotonic() - start, 1),
            "peak_memory_bytes": peak_memory_bytes(recipe.num_proc or 1),
        },
        provenance={
            **provenance,
            "base_model": recipe.init_from or (base_model and base_model_of(base_model)),
            "teacher": recipe.teacher and base_model_of(recipe.teacher),
            "base_license": inherit_license(base_model, output_dir) if base_model else None,
            **settings_of(recipe, training_args),
            "command": shlex.join(["python", "-m", "ser", "train", *sys.argv[1:]]),
            "num_cpus": os.cpu_count(),
            **environment(),
        },
    )


def load_clips(data: DataArguments) -> tuple[dict[str, str], list[str], Dataset]:
    """Return the folders of the corpora, the held-out speakers, and the clips.

    Raises:
        ValueError: If the arguments do not fit together, or a corpus cannot be read.
    """
    folders = parse_corpora(data.corpus, data.data_dir or "")
    if data.actors is None:
        clips = load_together(folders)
    elif list(folders) == ["ravdess"]:
        clips = load_corpus("ravdess", folders["ravdess"], actors=data.actors)
    else:
        raise ValueError("--actors goes with RAVDESS alone; leave speakers out with --test_actors.")
    there = set(clips.unique("actor"))
    if data.test_actors is None:
        return folders, sorted(there & set(SHIPPED_TEST_ACTORS)), clips
    test_actors = sorted({parse_speaker(name) for name in data.test_actors})
    if missing := [name for name in test_actors if name not in there]:
        raise ValueError(
            f"--test_actors names {', '.join(missing)}, who have no clip; expected some of "
            f"{', '.join(sorted(there))}."
        )
    return folders, test_actors, clips


def prepare_publishing(training_args: RecipeTrainingArguments) -> str | None:
    """Return the name to publish as, if any, and create its repository, so that a wrong token fails now.

    The Trainer itself does not publish: it would upload half-trained weights and a card of its own.

    Raises:
        ValueError: If there is no name to publish as, or the Hub refuses.
    """
    if not training_args.push_to_hub:
        return None
    if not training_args.hub_model_id:
        raise ValueError("--push_to_hub needs --hub_model_id OWNER/NAME, the name to publish as.")
    training_args.push_to_hub = False
    if training_args.process_index == 0:
        from ser.hub.publishing import create_repository

        create_repository(
            training_args.hub_model_id,
            private=training_args.hub_private_repo,
            token=training_args.hub_token,
        )
    return training_args.hub_model_id


def write_card_and_publish(
    hub_model_id: str | None, training_args: RecipeTrainingArguments, source: str
) -> None:
    """Write the card, now that all its figures are there, and publish if asked to.

    Args:
        hub_model_id: Name to publish as, if any.
        training_args: Of the training.
        source: Option of `python -m ser evaluate` that names what to score.
    """
    from ser.hub.card import write_card

    folder = str(training_args.output_dir)
    write_card(folder)
    print(ENDING.format(folder=folder, source=source))
    if hub_model_id:
        publish(hub_model_id, training_args)


def publish(hub_model_id: str, training_args: RecipeTrainingArguments) -> None:
    """Publish the trained model."""
    from ser.hub.publishing import publish_checkpoint

    folder = str(training_args.output_dir)
    try:
        commit = publish_checkpoint(folder, hub_model_id, token=training_args.hub_token)
    except ValueError as error:
        command = shlex.join(["python", "-m", "ser", "push", "model", folder, hub_model_id])
        sys.exit(f"Error: {error}\nThe trained model is in {folder}. To publish it: {command}")
    print(f"Published {hub_model_id} at commit {commit}.")


def peak_memory_bytes(num_workers: int) -> int | None:
    """Return the sum of the peak memory of this process and of its workers, an upper limit of their peak.

    None if the operating system does not report it.
    """
    try:
        import resource  # which Windows lacks
    except ImportError:
        return None
    own, of_a_worker = (
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    unit = 1 if sys.platform == "darwin" else 1024
    return (own + num_workers * of_a_worker) * unit


def save_record(
    trainer: Trainer,
    validation_metrics: dict[str, float],
    costs: dict[str, float | None],
    provenance: dict[str, Any],
) -> None:
    """Write the metrics, curves and provenance of a training to the output folder."""
    output_dir = Path(str(trainer.args.output_dir))
    metrics: dict[str, Any]
    metrics = {k: v for line in trainer.state.log_history for k, v in line.items() if k.startswith("train_")}
    metrics["train_runtime"] += seconds_before_resume(trainer)
    metrics = {**metrics, **validation_metrics, **costs}
    (output_dir / "training_metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    (output_dir / RECORD_NAME).write_text(json.dumps(provenance, indent=2) + "\n")
    training_curves_figure(trainer.state.log_history).savefig(output_dir / "training_curves.png")
