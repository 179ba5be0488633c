"""Builds images with buildah in a chroot, and runs them with `unshare` and `chroot`: no Docker engine."""

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[1]
BASE_IMAGE = "docker.io/library/python:3.11-slim-bookworm"
BASE_PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
IMAGE = "speech-emotion"
SITE_PACKAGES = "packages/lib/python3.11/site-packages"  # in the image, below its root


class Engine:
    """Builds and runs the `Dockerfile` in a folder of its own, which can be deleted afterwards.

    Args:
        folder: An empty folder on a disk with 10 GB to spare.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.root = Path()  # of the file system of the image, once built
        self.config: dict[str, Any] = {}

    def buildah(self, *arguments: str) -> str:
        """Run buildah and return what it prints."""
        command = [
            *("buildah", "--root", str(self.folder / "storage"), "--runroot", str(self.folder / "run")),
            *("--storage-driver", "overlay", *arguments),
        ]
        environment = os.environ | {"BUILDAH_ISOLATION": "chroot", "TMPDIR": str(self.folder)}
        run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        assert run.returncode == 0, f"{shlex.join(command)}\n{run.stdout[-3000:]}"
        return run.stdout.strip()

    def make_base(self) -> None:
        """Make a Debian with Python, and name it as the base image of the `Dockerfile`."""
        folder = self.folder / "debian"
        options = ("--variant=minbase", f"--include={BASE_PACKAGES}")
        # Its long output is not shown; errors are.
        subprocess.run(
            ["debootstrap", *options, "bookworm", str(folder), debian_mirror()],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        # As in the registry's slim image: no package lists, manuals or translations.
        for name in (
            "var/cache/apt",
            "var/lib/apt/lists",
            "usr/share/doc",
            "usr/share/locale",
            "usr/share/man",
        ):
            shutil.rmtree(folder / name)
            (folder / name).mkdir()
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, str(folder), "/")
        self.buildah("commit", "--quiet", "--disable-compression", "--rm", container, BASE_IMAGE)
        shutil.rmtree(folder)

    def build(self, *, pull: bool) -> None:
        """Build the `Dockerfile` and open what came out."""
        settings, page = self.folder / "pip.conf", self.folder / "links.html"
        found = pip_settings()
        shelves = local_paths(" ".join(found.values()))
        page.write_text(links_with_hashes(shelves), encoding="utf-8")
        inside = Path("/etc") / page.name  # not in /tmp, which the build empties
        found["find-links"] = f"{found.get('find-links', '')} {inside}"
        lines = [f"{name} = {value}\n" for name, value in found.items()]
        settings.write_text(f"[global]\n{''.join(lines)}", encoding="utf-8")
        volumes = {settings: Path("/etc/pip.conf"), page: inside, **{path: path for path in shelves}}
        self.buildah(
            *("bud", "--pull" if pull else "--pull-never", "--layers=false", "--format", "docker"),
            *(f"--volume={source}:{target}:ro" for source, target in volumes.items()),
            *("--tag", IMAGE, str(REPO)),
        )
        container = self.buildah("from", "--pull-never", IMAGE)
        self.root = Path(self.buildah("mount", container))
        self.config = json.loads(self.buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]

    def command(self, program: list[str], **variables: str) -> list[str]:
        """Return a command that runs a program as a container does: with the image's user and variables.

        The root is read-only: only /tmp and /dev/shm can be written, as with `read_only`, `tmpfs`, `cap_drop`
        and `no-new-privileges` in `compose.yaml`. The network is that of this machine.
        """
        user, _, group = self.config["User"].partition(":")
        environment = [*self.config["Env"], *(f"{name}={value}" for name, value in variables.items())]
        inside = [
            *("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"),
            *("--inh-caps=-all", "--bounding-set=-all", "--"),
            *("env", "-i", f"--chdir={self.config['WorkingDir']}", *environment, *program),
        ]
        root = shlex.quote(str(self.root))
        mounts = [
            f"mount --bind {root} {root}",
            f"mount -o remount,bind,ro {root}",
            f"mount -t tmpfs -o size=1g,mode=1777 tmpfs {root}/tmp",
            f"mount -t proc proc {root}/proc",
            f"mount -t tmpfs -o size=64k tmpfs {root}/dev",
            f"mkdir {root}/dev/shm",  # for locks between processes; engines give 64 MB
            f"mount -t tmpfs -o size=64m,mode=1777 tmpfs {root}/dev/shm",
            *(f"touch {root}/dev/{name}" for name in ("null", "urandom")),
            *(f"mount --bind /dev/{name} {root}/dev/{name}" for name in ("null", "urandom")),
            f"exec chroot {root} {shlex.join(inside)}",
        ]
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", " && ".join(mounts)]

    def run(self, program: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as `command` does."""
        command = self.command(program, **variables)
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    def remove(self) -> None:
        """Delete containers, images and the folder."""
        self.buildah("umount", "--all")
        self.buildah("rm", "--all")
        shutil.rmtree(self.folder, ignore_errors=True)


def pip_settings() -> dict[str, str]:
    """Return pip's settings on this machine, from its files and variables."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    settings: dict[str, str] = {}
    for line in listing.splitlines():  # variables come first in it, and win
        name, _, value = line.partition("=")
        settings.setdefault(name.rpartition(".")[2], " ".join(ast.literal_eval(value).split()))
    return settings


def links_with_hashes(folders: list[Path]) -> str:
    """Return a page that lists the packages in folders with their hashes, as an index does.

    Of two builds of one version, pip prefers the one whose hash is in the lock.
    """
    wheels = [wheel for folder in folders if folder.is_dir() for wheel in sorted(folder.glob("*.whl"))]
    return "".join(
        f'<a href="{wheel.as_uri()}#sha256={_sha256(wheel)}">{wheel.name}</a>\n' for wheel in wheels
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def local_paths(settings: str) -> list[Path]:
    """Return the files and folders of this machine that pip's settings name."""
    names = re.findall(r"(?:file://|(?<!\S))(/[^\s,]+)", settings)
    return sorted({path for name in names if (path := _shelf(Path(name))).exists()})


def _shelf(path: Path) -> Path:
    """Return the folder of an index in files, which contains its packages."""
    return path.parent if path.name == "simple" else path


def debian_mirror() -> str:
    """Return the address of apt's Debian mirror on this machine."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)"]
    listing = subprocess.run(
        [*command, "Created-By: Packages"], capture_output=True, text=True, check=True
    ).stdout
    addresses = [line.split()[3] for line in listing.splitlines() if line.startswith("Debian main bookworm ")]
    assert addresses, "apt fetches no Debian 12 (bookworm) here: use BASE=pull"
    return addresses[0]
