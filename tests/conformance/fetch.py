"""Fetch transformers' own common tests: they are in its source distribution, not in what pip installs.

    python tests/conformance/fetch.py FOLDER

FOLDER then holds a package `transformers_tests`, from the version that is installed here. Fetched once; never
committed.
"""

import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

PACKAGE = "transformers_tests"


def fetch(folder: Path) -> Path:
    """Put the package into `folder`, unless it is there, and return where it lies."""
    release = version("transformers")
    package = folder / f"transformers-{release}" / PACKAGE
    if (package / "__init__.py").exists():
        return package
    package.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as download:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", download]
        subprocess.run([*pip, "--no-deps", "--no-binary=:all:", f"transformers=={release}"], check=True)
        (archive,) = Path(download).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            for member in tar:
                _, _, path = member.name.partition("/")
                if member.isfile() and Path(path).parent == Path("tests") and path.endswith(".py"):
                    (package / Path(path).name).write_bytes(tar.extractfile(member).read())
    (package / "__init__.py").touch()  # last: its presence says that all the others are there
    return package


if __name__ == "__main__":
    print(fetch(Path(sys.argv[1])))
