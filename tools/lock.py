"""Write the locks: all packages that a file of requirements brings into this environment, with their hashes.

    python -m tools.lock [options for uv]

uv asks the index for the hashes and downloads nothing. torch gets those of all its builds of that version:
the one for CPUs, which is locked, is another file than the index's own. Where pip finds it by an option or a
setting, uv needs that as an option too, such as `--extra-index-url ADDRESS` or `--find-links FOLDER`.
"""

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("requirements", "requirements-demo", "requirements-dev")
HEADER = """\
# The exact packages of {name}.txt on Linux, with the hashes of every file the index has of them.
# Written by `make lock`. To install from it, and nothing else:
#   pip install --require-hashes -r {name}.lock
# torch may be any build of its version. That for CPUs needs nothing more; the one for graphics cards asks for
# packages that are not in here.

"""


def installed_versions() -> str:
    """Return the installed versions as constraints, without local parts such as +cpu."""
    found = {each.metadata["Name"].lower(): each.version.partition("+")[0] for each in distributions()}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


def compiled(requirements: str, *options: str) -> str:
    """Return the requirements as uv resolves them."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--generate-hashes", "--quiet"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28", *options]
    result = subprocess.run(
        command, cwd=ROOT, input=requirements, capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(f"uv cannot lock: {result.stderr}")
    return result.stdout


def torch_entry(lock: str) -> str:
    """Return the lines of torch in a lock."""
    entry = re.search(r"^torch==.*\n(?:    --hash=.*\n)+", lock, re.MULTILINE)
    if entry is None:
        sys.exit("uv gave no hashes of torch.")
    return entry[0]


def with_all_torch_builds(lock: str) -> str:
    """Return the lock with torch as the index names it, and the hashes of both builds."""
    ours = torch_entry(lock)
    version = ours.split("==")[1].split()[0].partition("+")[0]
    hashes = set(re.findall(r"sha256:\w+", ours + torch_entry(compiled(f"torch=={version}", "--no-deps"))))
    lines = " \\\n".join([f"torch=={version}", *(f"    --hash={each}" for each in sorted(hashes))])
    return lock.replace(ours, f"{lines}\n")


def main(options: list[str]) -> None:
    """Lock each file of requirements; `.venv` has to be there."""
    constraints = ROOT / ".venv" / "installed.txt"
    constraints.write_text(installed_versions(), encoding="utf-8")
    for name in NAMES:
        requirements = (ROOT / f"{name}.txt").read_text(encoding="utf-8")
        lock = compiled(requirements, "--constraint", str(constraints), *options)
        if "\ntorch==" in lock:
            lock = with_all_torch_builds(lock)
        (ROOT / f"{name}.lock").write_text(HEADER.format(name=name) + lock, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
