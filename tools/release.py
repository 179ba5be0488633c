"""Train, measure and check everything that a release consists of, one command after another.

    python -m tools.release --dry_run     # print the commands
    python -m tools.release --start_at dev5/hybrid

The corpora are read from `data/ravdess` and `data/emodb`: link them there. A training or cross-validation
that was interrupted resumes where it stopped; `--start_at` skips the steps that are done. Nothing is
committed or published.
"""

import subprocess
import sys

from ser.__main__ import CommandParser

SINGLE = ("--ensemble_size", "1", "--views", "absolute")
SEEDS = ("--seeds", "0", "1", "2")
CROSS_VALIDATIONS = {
    "dev5/hybrid": (),
    "dev5/plain": ("--architecture", "plain", *SINGLE),
    "dev5/alike": ("--ensemble_size", "2", "--views", "absolute"),
    "dev5/single": SINGLE,
    "dev5/single_relative": ("--ensemble_size", "1", "--views", "relative"),
    "dev5/single_delta": ("--ensemble_size", "1", "--views", "delta"),
    "dev5/single_no_copies": (*SINGLE, "--num_augmented_copies", "0", "--num_train_epochs", "77"),
    "dev5/single_no_noise": (*SINGLE, "--noise_prob", "0"),
    "dev5/single_unbalanced": (*SINGLE, "--balanced_loss", "false"),
    "dev5/single_wide_range": (*SINGLE, "--dynamic_range_db", "80"),
    "dev5/single_no_equaliser": (*SINGLE, "--equaliser_std_db", "0"),
    "luna5/hybrid": SEEDS,
    "emobox6/hybrid": SEEDS,
    "timnet10/hybrid": (),
    "stratified80/hybrid_14_passes": ("--num_train_epochs", "14", *SEEDS),
}
"""By protocol and name of the recipe, the options that differ from the shipped recipe."""


def release_steps() -> dict[str, list[str]]:
    """Return the commands of a release by name, in order."""
    python, data = sys.executable, ("--data_dir", "data/ravdess")
    cross_validate = [python, "-m", "benchmarks.accuracy.cross_validate", *data]
    return {
        "train": [
            *(python, "train.py", *data, "--output_dir", "checkpoint"),
            *("--resume_from_checkpoint", "auto"),
        ],
        "evaluate": [
            *(python, "evaluation.py", "--model", "checkpoint", *data),
            *("--output_dir", "benchmarks/results/evaluation"),
        ],
        "robustness": [python, "-m", "benchmarks.accuracy.robustness", "--model", "checkpoint", *data],
        "evaluate EmoDB": [
            *(python, "evaluation.py", "--model", "checkpoint", "--corpus", "emodb"),
            *("--data_dir", "data/emodb", "--output_dir", "benchmarks/results/evaluation-emodb"),
        ],
        "out of distribution": [
            *(python, "-m", "benchmarks.accuracy.out_of_distribution"),
            *("--ravdess_dir", "data/ravdess", "--emodb_dir", "data/emodb"),
        ],
        **{
            row: [*cross_validate, "--protocol", row.split("/")[0], "--name", row.split("/")[1], *options]
            for row, options in CROSS_VALIDATIONS.items()
        },
        "calibrate": [python, "-m", "benchmarks.accuracy.calibrate"],
        **{target: ["make", target] for target in ("bench", "load", "report", "lint", "test", "conformance")},
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
