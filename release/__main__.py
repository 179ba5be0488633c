"""Make a release: train, measure, test, and leave what would be published in one folder.

    make release VERSION=1.2.0
    make release DRY_RUN=1

Every step leaves a note when it is done. Run again, the release goes on with the first step that has none, or
whose note is void because what it was made from has changed. Nothing is published and nothing committed.
"""

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from release.collecting import collect
from release.plan import CORPUS_FOLDER, EMODB_FOLDER, missing_corpus, release_steps
from release.step import Step, StepError, carry_out, is_done
from release.version import (
    CHANGELOG_FILE,
    PROJECT_FILE,
    check_version,
    next_version,
    project_version,
    set_version,
)

ROOT = Path(__file__).resolve().parent.parent
RELEASES_FOLDER = "output/release"
AFTERWARDS = """
To publish it:
  git commit --all --message "Release {version}" && git tag v{version}
  python -m ser.publishing model checkpoint {hub_model_id}
  python -m ser.publishing space OWNER/NAME"""


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line; `--help` shows it."""
    parser = argparse.ArgumentParser(
        prog="python -m release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", help="what to call it; default: the next minor version")
    parser.add_argument("--data_dir", type=Path, required=True, help="the RAVDESS speech clips")
    parser.add_argument("--emodb_dir", type=Path, required=True, help="the clips of EmoDB")
    parser.add_argument(
        "--hub_model_id", default="someone/speech-emotion", help="owner and name of the model on the Hub"
    )
    parser.add_argument(
        "--dry_run", action="store_true", help="show the plan and rehearse what is quick; change nothing"
    )
    return parser.parse_args(arguments)


def rehearse(root: Path, version: str, corpora: dict[str, Path], hub_model_id: str) -> list[str]:
    """Do in a folder that is thrown away what a release can fail by at its end.

    Returns:
        What would keep the release from succeeding, a sentence each.
    """
    problems = [problem for entry in corpora.items() if (problem := missing_corpus(*entry))]
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        copy.mkdir()
        try:
            check_version(version, committed_version(root))
            for text in (PROJECT_FILE, CHANGELOG_FILE):
                shutil.copy(root / text, copy)
            set_version(copy, version, date.today())
            for folder in ("checkpoint", "docs", "examples", "ser"):
                (copy / folder).symlink_to(root / folder)
            for file in root.iterdir():
                if file.is_file() and not (copy / file.name).exists():
                    (copy / file.name).symlink_to(file)
            collect(copy, version, Path(name) / "publish", hub_model_id)
        except (ValueError, OSError) as error:
            problems.append(str(error))
    return problems


def committed_version(root: Path) -> str:
    """The version before this release: that of the last commit, for a release writes its own."""
    command = ["git", "show", f"HEAD:{PROJECT_FILE}"]
    text = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return project_version(text)


def describe(step: Step, *, done: bool) -> str:
    """A step in two lines: what for, and what is run."""
    state = "done " if done else "to do"
    if isinstance(step.action, tuple):
        program, *arguments = step.action
        command = shlex.join([Path(program).name, *arguments])
    else:
        command = "(in this program)"
    return f"{state}  {step.name:<20} {step.purpose}\n{'':<28}{command}"


def main(arguments: list[str], root: Path = ROOT) -> None:
    """Show the plan, then carry it out."""
    args = parse_arguments(arguments)
    version = args.version or next_version(committed_version(root))
    folder = root / RELEASES_FOLDER / version
    notes = folder / "notes"
    corpora = {CORPUS_FOLDER: root / args.data_dir, EMODB_FOLDER: root / args.emodb_dir}
    steps = release_steps(root, version, corpora, folder, args.hub_model_id)
    print(f"Release {version}\n")
    for step in steps:
        print(describe(step, done=is_done(root, notes, step)))
    if args.dry_run:
        problems = rehearse(root, version, corpora, args.hub_model_id)
        if problems:
            sys.exit("\nIt would fail:\n" + "\n".join(problems))
        print(
            f"\nNothing was done. Version {version}, its changes and what would be published were rehearsed."
        )
        return
    try:
        check_version(version, committed_version(root))
        for number, step in enumerate(steps, 1):
            if is_done(root, notes, step):
                continue
            print(f"\n[{number}/{len(steps)}] {step.name}: {step.purpose}", flush=True)
            carry_out(root, notes, step)
    except (StepError, ValueError) as error:
        sys.exit(f"\nError: {error}\nRun the same command again to go on from here.")
    print(f"\nRelease {version} lies in {folder / 'publish'}.")
    print(AFTERWARDS.format(version=version, hub_model_id=args.hub_model_id))


if __name__ == "__main__":
    main(sys.argv[1:])
