"""What the container is made from agrees with the rest of the repository; `make container-test` builds it."""

import os
import re
import subprocess
import sys
from importlib.metadata import distribution, distributions
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from random_checkpoint import save_random_checkpoint

from ser.onnx.export import export_onnx
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

REPO = Path(__file__).resolve().parents[2]
START = (
    "import sys; from ser.demo import cli, models, page; "
    "page.build_demo(models.Models([sys.argv[1]], cli.load_recognizer))"
)


def names_in(file: str) -> list[str]:
    lines = (REPO / file).read_text().splitlines()
    return [line.partition("==")[0] for line in lines if line and not line.startswith(("#", "-r "))]


def closure(names: list[str]) -> set[str]:
    """Distributions by name, and all that they need here."""
    found: set[tuple[str, str]] = set()
    waiting = [(name, "") for name in names]
    while waiting:
        entry = waiting.pop()
        if entry in found:
            continue
        found.add(entry)
        name, extra = entry
        for text in distribution(name).requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                key = re.sub(r"[-_.]+", "-", requirement.name).lower()
                waiting += [(key, wanted) for wanted in ("", *requirement.extras)]
    return {name for name, _ in found}


def test_the_demo_runs_with_nothing_but_what_the_container_installs(tmp_path: Path):
    wanted = closure(names_in("requirements-demo.txt"))
    for package in distributions():
        if re.sub(r"[-_.]+", "-", package.name).lower() in wanted:
            for top in {
                file.parts[0] for file in package.files or [] if file.parts[0] not in ("..", "__pycache__")
            }:
                link = tmp_path / top
                if not link.is_symlink():
                    link.symlink_to(Path(str(package.locate_file(top))))
    assert (tmp_path / "gradio").exists()
    assert not [name for name in ("torch", "transformers", "datasets") if (tmp_path / name).exists()]
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPO}"}
    model = save_random_checkpoint(tmp_path / "model")
    export_onnx(MfccLstmRecognizer.from_pretrained(model), model)
    command = [sys.executable, "-S", "-c", START, str(model)]
    run = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]


def test_the_versions_are_those_of_the_requirements():
    names = names_in("requirements-demo.txt")
    assert names
    assert set(names) <= set(names_in("requirements.txt"))


def test_a_user_without_rights_runs_it_on_a_file_system_that_cannot_be_written_to():
    (service,) = yaml.safe_load((REPO / "compose.yaml").read_text())["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    lines = (REPO / "Dockerfile").read_text().splitlines()
    assert "USER 1000:1000" in lines[lines.index("FROM python:3.11-slim-bookworm") :]
