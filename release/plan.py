"""The steps of a release, first to last."""

import ast
import sys
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

from release.collecting import collect, install
from release.step import Step
from release.version import set_version
from ser.splits import LEAVE_ONE_CORPUS_OUT, results_name

CORPUS_FOLDER = "data/ravdess"  # what the commands name, wherever the corpora lie
EMODB_FOLDER = "data/emodb"


class CrossValidation(NamedTuple):
    """A row of the results, made with every seed.

    Attributes:
        protocol: Which folds.
        name: Of the recipe.
        options: What is unlike the shipped recipe.
        corpora: On which speakers, by the folders that the commands name.
    """

    protocol: str
    name: str
    options: tuple[str, ...] = ()
    corpora: tuple[str, ...] = (CORPUS_FOLDER,)


SINGLE = ("--ensemble_size", "1", "--views", "absolute")
BOTH_CORPORA = (CORPUS_FOLDER, EMODB_FOLDER)
CROSS_VALIDATIONS = (
    CrossValidation("dev5", "hybrid"),
    CrossValidation("dev5", "plain", ("--architecture", "plain", *SINGLE)),
    CrossValidation("dev5", "alike", ("--ensemble_size", "2", "--views", "absolute")),
    # What the recipe's parts are worth, on one network each: they take a third of the time of three.
    CrossValidation("dev5", "single", SINGLE),
    CrossValidation("dev5", "single_relative", ("--ensemble_size", "1", "--views", "relative")),
    CrossValidation("dev5", "single_delta", ("--ensemble_size", "1", "--views", "delta")),
    CrossValidation(
        "dev5", "single_no_copies", (*SINGLE, "--num_augmented_copies", "0", "--num_train_epochs", "77")
    ),
    CrossValidation("dev5", "single_no_noise", (*SINGLE, "--noise_prob", "0")),
    CrossValidation("dev5", "single_unbalanced", (*SINGLE, "--balanced_loss", "false")),
    CrossValidation("dev5", "single_wide_range", (*SINGLE, "--dynamic_range_db", "80")),
    CrossValidation("dev5", "single_no_equaliser", (*SINGLE, "--equaliser_std_db", "0")),
    CrossValidation("luna5", "hybrid"),
    CrossValidation("emobox6", "hybrid"),
    CrossValidation("timnet10", "hybrid"),
    CrossValidation("stratified80", "hybrid_14_passes", ("--num_train_epochs", "14")),
    CrossValidation(LEAVE_ONE_CORPUS_OUT, "hybrid", corpora=BOTH_CORPORA),
    CrossValidation("dev5", "hybrid", corpora=BOTH_CORPORA),
)

SEEDS = ("0", "1", "2")
MEASURED = (
    "checkpoint/*",
    "docs/evaluation*/*",
    "benchmarks/results/**/*.json",
    "benchmarks/*.py",
    "ser/**/*.py",
)
TESTED = (
    *("*.py", "*.md", "*.txt", "*.toml", "Makefile", "Dockerfile", "compose.yaml", "LICENSE"),
    *(f"{room}/**/*" for room in ("benchmarks", "checkpoint", "data_scripts", "docs", "examples")),
    *(f"{room}/**/*" for room in ("release", "ser", "tests")),
)
"""Everything that the tests look at and that is published."""


def release_steps(
    root: Path, version: str, corpora: dict[str, Path], folder: Path, hub_model_id: str
) -> list[Step]:
    """The steps that make a release.

    Args:
        root: The repository.
        version: What it will be called.
        corpora: Where RAVDESS and EmoDB lie, by the folders that the commands name.
        folder: Where the release is made, inside the repository.
        hub_model_id: What the model is called on the Hub; its card shows how to load it.

    Returns:
        The steps in order.
    """
    recipe = (*sources(root, "ser/training.py", "ser/corpora/__init__.py"), "requirements.txt")
    model = folder / "model"
    model_name = model.relative_to(root).as_posix()
    on_corpus = ("--data_dir", CORPUS_FOLDER)
    return [
        Step("corpora", "let data/ lead to the corpora", partial(link_corpora, root, corpora), ()),
        Step(
            "train",
            "train the recipe anew",
            (
                *(sys.executable, "train.py", *on_corpus, "--output_dir", model_name),
                *("--resume_from_checkpoint", "auto"),
            ),
            (*recipe, "train.py"),
        ),
        Step(
            "install",
            "put the new weights into checkpoint/",
            partial(install, root, model),
            (f"{model_name}/*",),
        ),
        Step(
            "evaluate",
            "score them on the actors who took no part",
            (
                *(sys.executable, "evaluation.py", "--model", "checkpoint", *on_corpus),
                *("--output_dir", "docs/evaluation"),
            ),
            ("checkpoint/*", "evaluation.py", "ser/**/*.py"),
        ),
        Step(
            "robustness",
            "score them under noise, codecs and rooms",
            (sys.executable, "benchmarks/robustness.py", "--model", "checkpoint", *on_corpus),
            ("checkpoint/*", "benchmarks/robustness.py", "ser/**/*.py"),
        ),
        Step(
            "generalisation",
            "score them on EmoDB and on sounds that are no speech",
            (
                *(sys.executable, "benchmarks/generalisation.py"),
                *("--ravdess_dir", CORPUS_FOLDER, "--emodb_dir", EMODB_FOLDER),
            ),
            ("checkpoint/*", "benchmarks/*.py", "evaluation.py", "ser/**/*.py"),
        ),
        *_cross_validations(recipe),
        Step(
            "calibrate",
            "fit temperature and doubt on voices held out",
            (sys.executable, "benchmarks/calibrate.py", "--recipe", "hybrid"),
            (
                *(f"benchmarks/results/{protocol}/hybrid/*" for protocol in ("dev5", "luna5")),
                *("benchmarks/calibrate.py", "ser/calibration.py"),
            ),
        ),
        *_rates(on_corpus),
        Step("report", "fill tables, pictures and the model card", ("make", "report"), MEASURED),
        Step("version", f"call it {version}", partial(set_version, root, version, date.today()), ()),
        Step("lint", "check style and types", ("make", "lint"), TESTED),
        Step("test", "run every test", ("make", "test"), TESTED),
        Step("conformance", "run transformers' own tests", ("make", "conformance"), TESTED),
        Step(
            "collect",
            "leave what would be published in one folder",
            partial(collect, root, version, folder / "publish", hub_model_id),
            TESTED,
        ),
    ]


def _cross_validations(recipe: tuple[str, ...]) -> Iterator[Step]:
    for each in CROSS_VALIDATIONS:
        corpora = [Path(folder).name for folder in each.corpora]
        results = results_name(each.protocol, corpora)
        yield Step(
            f"{results}-{each.name}",
            f"cross-validate {each.name} on {results}, {len(SEEDS)} seeds",
            (
                *(sys.executable, "benchmarks/cross_validate.py", "--corpus", ",".join(corpora)),
                *("--data_dir", ",".join(each.corpora), "--protocol", each.protocol),
                *("--name", each.name, "--seeds", *SEEDS, *each.options),
            ),
            (*recipe, "benchmarks/cross_validate.py"),
            clears=(f"benchmarks/results/{results}/{each.name}/*.json",),
        )


def _rates(on_corpus: tuple[str, str]) -> Iterator[Step]:
    yield Step(
        "speed",
        "measure how fast it is",
        (sys.executable, "benchmarks/speed.py", "--model", "checkpoint", *on_corpus),
        ("checkpoint/*", "benchmarks/speed*.py", "predict.py", "ser/**/*.py", "requirements.txt"),
    )
    yield Step(
        "load",
        "measure the demo under many users",
        (
            *(sys.executable, "benchmarks/load.py", "--output", "docs/load.json"),
            *("--report", "docs/reliability.md"),
        ),
        ("checkpoint/*", "app.py", "benchmarks/load.py", "ser/**/*.py", "requirements.txt"),
    )


def link_corpora(root: Path, corpora: dict[str, Path]) -> None:
    """Let the folders that the commands name lead to the corpora, unless they do.

    Raises:
        ValueError: If there is no corpus, or another one in that place.
    """
    for name, corpus in corpora.items():
        if problem := missing_corpus(name, corpus):
            raise ValueError(problem)
        place = root / name
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            place.symlink_to(corpus.resolve())
        elif not place.samefile(corpus):
            raise ValueError(f"{place} is not {corpus}. Take it away, or name it as the corpus.")


def missing_corpus(name: str, corpus: Path) -> str | None:
    """What to say where a corpus is not there."""
    if corpus.exists():
        return None
    return (
        f"There is no corpus for {name} at {corpus}. Name it with DATA=... or EMODB=..., or fetch it "
        "(docs/corpora.md)."
    )


def sources(root: Path, *modules: str) -> tuple[str, ...]:
    """Some modules of this project and all others of it that they import, directly or not."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _imported(root, module)
    return tuple(sorted(found))


def _imported(root: Path, module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((root / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            start = (root / module).parents[node.level - 1] if node.level else root
            stem = start.joinpath(*(node.module or "").split("."))
            names = [stem, *(stem / alias.name for alias in node.names)]
            for file in (stem / "__init__.py", *(name.with_suffix(".py") for name in names)):
                if file.is_file() and file.is_relative_to(root):
                    yield file.relative_to(root).as_posix()
