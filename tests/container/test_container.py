"""The real `Dockerfile`, built and run: `make container-test`."""

import subprocess
from pathlib import Path

import pytest
from container_engine import REPO, SITE_PACKAGES, Engine
from gradio_client import Client, handle_file

from ser import EmotionRecognizer
from ser.hub.files import DOCKER_FILES, space_files

CLIP = REPO / "examples" / "sad_03-01-04-02-01-01-24.flac"
MAX_BYTES = 450_000_000

pytestmark = pytest.mark.timeout(3600)


def confidences(port: int, clip: Path) -> dict[str, float]:
    client = Client(f"http://127.0.0.1:{port}", verbose=False)
    answer = client.predict(handle_file(clip), api_name="/predict")
    return {entry["label"]: entry["confidence"] for entry in answer["confidences"]}


def test_its_answer_is_that_of_the_shipped_model(demo_port: int):
    expected = EmotionRecognizer.from_pretrained(REPO / "checkpoint").predict(CLIP)
    assert confidences(demo_port, CLIP) == pytest.approx(expected, abs=1e-4)


def test_it_finds_speech(demo_port: int):
    client = Client(f"http://127.0.0.1:{demo_port}", verbose=False)
    segments = client.predict(handle_file(CLIP), api_name="/segments")["segments"]
    assert "speech" in {each["kind"] for each in segments}


def test_it_decodes_recordings_of_phones(demo_port: int, require_ffmpeg: str, tmp_path: Path):
    recording = tmp_path / "recording.m4a"
    subprocess.run([require_ffmpeg, "-loglevel", "error", "-i", str(CLIP), str(recording)], check=True)
    assert sum(confidences(demo_port, recording).values()) == pytest.approx(1, abs=1e-4)


def test_the_health_check_fails_where_no_demo_is_served(engine: Engine, demo_port: int):
    kind, *check = engine.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    assert engine.run(check, GRADIO_SERVER_PORT=str(demo_port)).returncode == 0
    assert engine.run(check, GRADIO_SERVER_PORT="9").returncode != 0


def test_its_user_has_no_rights_and_can_only_write_to_tmp(engine: Engine):
    script = "id -u; touch /tmp/here && echo written; touch /app/here /packages/here"
    run = engine.run(["sh", "-c", script])
    assert run.stdout.split() == ["1000", "written"]
    assert run.stderr.count("Read-only file system") == 2
    capabilities = engine.run(["grep", "CapEff", "/proc/self/status"]).stdout
    assert int(capabilities.split()[1], 16) == 0


def test_without_the_read_only_mount_the_user_may_still_not_write(engine: Engine):
    for folder in ("app", "packages", "usr"):
        assert not [
            file
            for file in (engine.root / folder).rglob("*")
            if not file.is_symlink() and file.stat().st_uid != 0
        ]


def test_it_contains_the_demo_and_no_package_for_training(engine: Engine):
    files = [file for file in (engine.root / "app").rglob("*") if file.is_file() and file.suffix != ".pyc"]
    names = {file.relative_to(engine.root / "app").as_posix() for file in files}
    needed = {file.relative_to(REPO).as_posix() for file in space_files(REPO)}
    assert needed - names == set()
    assert names - needed <= {*DOCKER_FILES, "ser/py.typed"}
    site_packages = engine.root / SITE_PACKAGES
    assert (site_packages / "onnxruntime").exists()
    for package in ("torch", "transformers", "datasets", "sklearn", "librosa", "matplotlib", "pytest", "pip"):
        assert not (site_packages / package).exists(), package


def test_it_is_small(engine: Engine):
    listing = subprocess.run(["du", "-sb", str(engine.root)], capture_output=True, text=True, check=True)
    assert int(listing.stdout.split()[0]) < MAX_BYTES
