"""What tests share: a clean environment, the real corpora where they are at hand, and a tiny made-up one.

`SER_DATA` says where `ravdess-speech/` and `emodb/` lie; without it `../shared/data` beside the repository is
looked at. `SER_REQUIRE=browser,ffmpeg,ravdess,emodb` (any of them) turns "skipped, for it is missing" into a
failure: a machine that is meant to have everything must not pass by skipping.
"""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import numpy as np
import pytest
import soundfile
from hostile_audio import write_hostile_corpus

from ser.corpora.ravdess import expected_names

REPO = Path(__file__).resolve().parent.parent
REQUIRABLE = {"browser", "ffmpeg", "ravdess", "emodb"}
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# The libraries read these once, when they are first imported, so they are set before any test module is.
_CACHES = tempfile.TemporaryDirectory(prefix="ser-tests-", ignore_cleanup_errors=True)
for _name in list(os.environ):
    if _name.startswith(("HF_", "HUGGING", "TRANSFORMERS_", "SER_MODEL")):
        del os.environ[_name]  # neither a user's caches nor their token, endpoint or model
os.environ |= {
    "HF_HOME": f"{_CACHES.name}/huggingface",
    "HF_HUB_OFFLINE": "1",  # a test of the Hub sets its own in a subprocess
    "GRADIO_TEMP_DIR": f"{_CACHES.name}/gradio",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "MPLBACKEND": "Agg",
    # The order of a sum, hence its last bits, changes with the number of threads. One thread gives the same
    # numbers on every machine, is fastest for models this small, and leaves the other cores to others.
    "OMP_NUM_THREADS": "1",
}

# The same examples in every run, and no time limit of their own on a busy machine.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("repeatable")


def _required() -> set[str]:
    return {name.strip() for name in os.environ.get("SER_REQUIRE", "").split(",") if name.strip()}


def pytest_configure() -> None:
    """Refuse a misspelt SER_REQUIRE, which would require nothing."""
    if unknown := _required() - REQUIRABLE:
        raise pytest.UsageError(f"SER_REQUIRE names {sorted(unknown)}; it may name {sorted(REQUIRABLE)}.")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was skipped, and why."""
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
    )
    if reasons:
        counted = "; ".join(f"{number} tests: {reason}" for reason, number in reasons.most_common())
        terminalreporter.write_line(f"Skipped {reasons.total()}: {counted}.")


def _skip_or_fail(name: str, reason: str) -> NoReturn:
    if name in _required():
        pytest.fail(f"{reason} (SER_REQUIRE names {name})", pytrace=False)
    pytest.skip(reason)


def _corpus_dir(name: str, folder: str, pattern: str) -> Path:
    data_dir = Path(os.environ.get("SER_DATA") or REPO.parent / "shared" / "data")
    for candidate in (data_dir / folder, data_dir):
        if any(candidate.glob(pattern)):
            return candidate
    reason = f"no {pattern} in {data_dir / folder}: set SER_DATA to the folder that holds {folder}/"
    return _skip_or_fail(name, reason)


@pytest.fixture(scope="session")
def skip_or_fail() -> Callable[[str, str], NoReturn]:
    """`skip_or_fail(name, reason)`: skip, or fail where SER_REQUIRE names `name`."""
    return _skip_or_fail


@pytest.fixture(scope="session")
def ravdess_dir() -> Path:
    """The real RAVDESS speech audio: a folder of Actor_01 to Actor_24."""
    return _corpus_dir("ravdess", "ravdess-speech", "Actor_[0-9][0-9]")


@pytest.fixture(scope="session")
def emodb_dir() -> Path:
    """The real Berlin EmoDB: a flat folder of clips such as 03a01Fa.flac."""
    return _corpus_dir("emodb", "emodb", "[0-9][0-9][abc][0-9][0-9][WLEAFTN][a-z].*")


@pytest.fixture(scope="session")
def require_ffmpeg() -> str:
    """The path of the ffmpeg program."""
    return shutil.which("ffmpeg") or _skip_or_fail("ffmpeg", "no ffmpeg on the PATH: install it")


@pytest.fixture(scope="session")
def launch_chromium(chromium: str) -> Iterator[Callable[..., Any]]:
    """`launch_chromium(*flags)`: a browser of playwright, closed when all tests are done."""
    from playwright.sync_api import sync_playwright  # one at a time can run in a process

    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        yield lambda *flags: launch(executable_path=chromium, args=[*CHROMIUM_FLAGS, *flags])


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium or Chrome that playwright can drive."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if executable := shutil.which(name):
            return executable
    return _skip_or_fail("browser", "no chromium, chromium-browser or google-chrome on the PATH: install one")


def _write_ravdess(
    folder: Path,
    actors: Sequence[int] = (1, 2, 3, 4),
    sampling_rate: int = 16_000,
    corpus: str = "ravdess",
    suffix: str = ".wav",
) -> Path:
    """Write all clips of each actor, named as RAVDESS's speech or songs are, and return `folder`.

    A clip is a buzz of 0.3 to 0.5 seconds with a little noise. The emotion sets its pitch and level, the
    actor moves the pitch a little, women an octave up: a model can learn these classes in a few steps.
    """
    for name in expected_names(actors, corpus):
        codes = [int(code) for code in name.split("-")]
        _, _, emotion, intensity, _, _, actor = codes
        waveform = _buzz(emotion, actor, intensity, sampling_rate, np.random.default_rng(codes))
        file = folder / f"Actor_{actor:02d}" / f"{name}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, waveform, sampling_rate)
    return folder


def _buzz(
    emotion: int, actor: int, intensity: int, sampling_rate: int, rng: np.random.Generator
) -> np.ndarray:
    time_seconds = np.arange(int(rng.uniform(0.3, 0.5) * sampling_rate)) / sampling_rate
    pitch_hz = 100 * 1.2**emotion * (1 + 0.01 * actor) * (2 if actor % 2 == 0 else 1)
    level = 0.02 * emotion * intensity
    harmonics = sum(np.sin(2 * np.pi * n * pitch_hz * time_seconds) / n for n in (1, 2, 3))
    return level * harmonics + 0.001 * rng.standard_normal(time_seconds.size)


@pytest.fixture(scope="session")
def write_ravdess() -> Callable[..., Path]:
    """Return `_write_ravdess`, for a corpus that a test may change."""
    return _write_ravdess


@pytest.fixture(scope="session")
def tiny_ravdess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up RAVDESS of four actors with all 60 clips each, 3 MB; to be read, not changed."""
    return _write_ravdess(tmp_path_factory.mktemp("tiny-ravdess"))


@pytest.fixture(scope="session")
def hostile_corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A folder of hostile files, and "result" or "error" for each; to be read, not changed."""
    folder = tmp_path_factory.mktemp("hostile")
    return folder, write_hostile_corpus(folder)
