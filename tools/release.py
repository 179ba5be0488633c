"""Train, measure and check everything that a release consists of, one command after another.

    python -m tools.release --dry_run     # print the commands
    python -m tools.release --start_at luna5/teacher

The corpora are read from `data/ravdess`, `data/ravdess-song`, `data/nemo` and `data/emodb`, and Whisper base
from `data/whisper-base` (`data_scripts/`). A training or cross-validation that was interrupted resumes where
it stopped; `--start_at` skips the steps that are done. Nothing is committed or published.
"""

import subprocess
import sys

from ser.__main__ import CommandParser

PYTHON = sys.executable
RAVDESS = ("--data_dir", "data/ravdess")
CORPORA = (
    *("--corpus", "ravdess,ravdess-song,nemo"),
    *("--data_dir", "data/ravdess,data/ravdess-song,data/nemo"),
)
TRAIN_ONLY = (*CORPORA, "--train_only", "ravdess-song,nemo")
TEACHER = ("--teacher", "data/whisper-base")
HEADS = (
    *("--model_name_or_path", "data/whisper-base", "--num_augmented_copies", "3"),
    *("--learning_rate", "1e-3", "--warmup_steps", "0.2", "--temperature", "1"),
)
ACCURATE = (*HEADS, "--num_train_epochs", "2", "--min_ravdess_share", "0.5")
SEEDS = ("--seeds", "0", "1", "2")
CROSS_VALIDATIONS = {
    "luna5/teacher": (*TRAIN_ONLY, *TEACHER, *SEEDS),
    "emobox6/teacher": (*TRAIN_ONLY, *TEACHER, *SEEDS),
    "leave-one-corpus-out/teacher": (*CORPORA, *TEACHER, "--folds", "1"),
    "leave-one-corpus-out/corpora": (*CORPORA, "--folds", "1"),
    "luna5/hybrid": (*RAVDESS, *SEEDS),
    "stratified80/hybrid_14_passes": (*RAVDESS, "--num_train_epochs", "14", *SEEDS),
    "timnet10/hybrid": RAVDESS,
    "luna5/whisper-lstm": (*TRAIN_ONLY, *ACCURATE),
    "emobox6/whisper-lstm": (*TRAIN_ONLY, *ACCURATE),
    "leave-one-corpus-out/whisper-lstm": (*CORPORA, *ACCURATE, "--folds", "1"),
    "luna5/whisper-ravdess": (*RAVDESS, *HEADS, "--num_train_epochs", "6"),
}
"""Options of the recipe by protocol and name of the recipe."""


def release_steps() -> dict[str, list[str]]:
    """Return the commands of a release by name, in order."""
    steps = {
        "train": [PYTHON, "train.py", *CORPORA, *TEACHER, "--resume_from_checkpoint", "auto"],
        "train the accurate model": [PYTHON, "train.py", *CORPORA, *ACCURATE],
    }
    for command, folder in zip(steps.values(), ("checkpoint", "checkpoint-accurate"), strict=True):
        command += ["--output_dir", folder]
    for row, options in CROSS_VALIDATIONS.items():
        protocol, _, name = row.partition("/")
        command = [PYTHON, "-m", "benchmarks.accuracy.cross_validate", *options]
        steps[row] = [*command, "--protocol", protocol, "--name", name]
    for suffix, recipe in (("", "teacher"), ("-accurate", "whisper-lstm")):
        steps |= measurements(suffix, recipe)
    steps["out of distribution"] = [
        *(PYTHON, "-m", "benchmarks.accuracy.out_of_distribution"),
        *("--ravdess_dir", "data/ravdess", "--emodb_dir", "data/emodb"),
    ]
    targets = ("bench", "load", "report", "lint", "test", "conformance")
    return steps | {target: ["make", target] for target in targets}


def measurements(suffix: str, recipe: str) -> dict[str, list[str]]:
    """Return the commands that calibrate a checkpoint, export its graph with the new settings, and score it.

    Args:
        suffix: Of the checkpoint's folder and of its result files.
        recipe: Name of its recipe in the results.
    """
    checkpoint, results = f"checkpoint{suffix}", "benchmarks/results"
    calibrate = [PYTHON, "-m", "benchmarks.accuracy.calibrate"]
    evaluate = [PYTHON, "-m", "ser", "evaluate", "--model", checkpoint]
    robustness = [PYTHON, "-m", "benchmarks.accuracy.robustness", "--model", checkpoint]
    return {
        f"calibrate {checkpoint}": [
            *(*calibrate, "--recipe", recipe, "--checkpoint", checkpoint),
            *("--output", f"calibration{suffix}"),
        ],
        f"export {checkpoint}": [PYTHON, "-m", "ser", "export", "--model", checkpoint],
        f"evaluate {checkpoint}": [*evaluate, *RAVDESS, "--output_dir", f"{results}/evaluation{suffix}"],
        f"evaluate {checkpoint} on EmoDB": [
            *(*evaluate, "--corpus", "emodb", "--data_dir", "data/emodb"),
            *("--output_dir", f"{results}/evaluation{suffix}-emodb"),
        ],
        f"robustness of {checkpoint}": [
            *robustness,
            *RAVDESS,
            "--output",
            f"{results}/robustness{suffix}.json",
        ],
    }


def main(arguments: list[str] | None = None) -> None:
    """Parse, then run or print the commands."""
    steps = release_steps()
    parser = CommandParser(description=__doc__)
    parser.add_argument("--dry_run", action="store_true", help="print the commands, run none")
    parser.add_argument("--start_at", choices=steps, metavar="STEP", help="skip the steps before this one")
    args = parser.parse_args(arguments)
    names = list(steps)
    for name in names[names.index(args.start_at or names[0]) :]:
        print(f"{name}: {subprocess.list2cmdline(steps[name])}", flush=True)
        if not args.dry_run and subprocess.run(steps[name], check=False).returncode:
            sys.exit(f"Error: the step {name} failed. Repair it, then run with --start_at {name}.")


if __name__ == "__main__":
    main()
