"""The image, built once, and the demo running in it; built only if SER_CONTAINER is set."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from container_engine import SITE_PACKAGES, Engine
from free_port import find_free_port

START_SECONDS = 300  # on a busy machine
PROGRAMS = ("buildah", "unshare", "setpriv", "chroot")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Build the image. SER_CONTAINER names the source of its base: "debootstrap" or "pull"."""
    base = os.environ.get("SER_CONTAINER")
    if not base:
        pytest.skip("building a container takes minutes and rights: make container-test")
    missing = [name for name in (*PROGRAMS, *(["debootstrap"] * (base != "pull"))) if not shutil.which(name)]
    assert not missing, f"install {', '.join(missing)}"
    assert os.geteuid() == 0, "only root can build and enter a file system of its own"
    folder = Path(tempfile.mkdtemp(prefix="ser-container-"))
    engine = Engine(folder)
    try:
        if base != "pull":
            engine.make_base()
        engine.build(pull=base == "pull")
        print_size(engine.root)
        yield engine
    finally:
        engine.remove()


def print_size(root: Path) -> None:
    """Print the size of the image and of its largest parts."""
    packages = {entry.name: _megabytes(entry) for entry in (root / SITE_PACKAGES).iterdir() if entry.is_dir()}
    largest = sorted(packages, key=packages.__getitem__, reverse=True)[:6]
    print(f"\nThe image has {_megabytes(root):,.0f} MB:")
    print(f"  {_megabytes(root / 'packages'):,.0f} MB of packages, among them")
    print("    " + ", ".join(f"{name} {packages[name]:,.0f}" for name in largest))
    print(f"  {_megabytes(root / 'usr'):,.0f} MB of Debian with Python and ffmpeg")
    print(f"  {_megabytes(root / 'app'):,.1f} MB of the demo with its weights")


def _megabytes(folder: Path) -> float:
    listing = subprocess.run(["du", "-sb", str(folder)], capture_output=True, text=True, check=True).stdout
    return int(listing.split()[0]) / 1e6


@pytest.fixture(scope="session")
def demo_port(engine: Engine, free_port: int) -> Iterator[int]:
    """Run the image's own command, and return its port on this machine."""
    command = engine.command(
        engine.config["Cmd"], GRADIO_SERVER_NAME="127.0.0.1", GRADIO_SERVER_PORT=str(free_port)
    )
    start = time.monotonic()
    # In a session of its own, which is ended as a whole: a signal ends `unshare`, but not always its child.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as server:
        try:
            while not _answers(free_port):
                assert server.poll() is None, f"it ended:\n{server.stdout.read()}"
                assert time.monotonic() - start < START_SECONDS, "it does not answer"
                time.sleep(0.5)
            print(f"\nThe demo answered {time.monotonic() - start:.1f} s after its start.")
            yield free_port
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
    assert not _answers(free_port), "the demo still answers after it was ended"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def free_port() -> int:
    return find_free_port()
