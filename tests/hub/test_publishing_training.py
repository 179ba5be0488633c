"""`train.py --push_to_hub`: what it leaves on the Hub, and what it does when it cannot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ser import EmotionRecognizer
from ser.hub.cli import main
from ser.training import cli as train

REPO = Path(__file__).resolve().parents[2]
HUB_ID = "someone/voices"


@pytest.fixture
def train_command(tiny_ravdess, tmp_path) -> list[str]:
    """`train.py --push_to_hub` on two actors for one step, into `tmp_path / "output"`."""
    words = f"train.py --data_dir {tiny_ravdess} --output_dir {tmp_path}/output --actors 1 2 --test_actors 2"
    words += " --num_augmented_copies 0 --max_steps 1 --logging_steps 1 --num_proc 1"
    return [*words.split(), "--push_to_hub", "--hub_model_id", HUB_ID]


def test_training_publishes_at_its_end_and_its_own_card_is_what_stays(hub, train_command, tmp_path, clip):
    settings = {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    run = subprocess.run(
        [sys.executable, *train_command],
        cwd=REPO,
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    repository = hub.repositories["model", HUB_ID]
    assert len(repository.commits) == 2  # an empty repository and what came out: nothing half-trained
    assert f"Published {HUB_ID} at commit {repository.commits[-1][0]}." in run.stdout
    assert {"training_provenance.json", "training_metrics.json"} < repository.files.keys()
    assert not [name for name in repository.files if name.endswith(".bin")]
    card = repository.files["README.md"].decode()
    assert "Out-of-scope use" in card
    assert "Trained on RAVDESS speech, speakers ravdess:01; ravdess:02 took no part." in card
    published = EmotionRecognizer.from_pretrained(HUB_ID).predict(clip)
    assert published == EmotionRecognizer.from_pretrained(tmp_path / "output").predict(clip)


def test_training_that_cannot_publish_says_so_before_it_trains(hub, train_command, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    monkeypatch.setattr(sys, "argv", train_command)
    with pytest.raises(SystemExit, match="does not let this token write"):
        train.main()
    monkeypatch.setattr(sys, "argv", train_command[:-2])
    with pytest.raises(SystemExit, match="--push_to_hub needs --hub_model_id"):
        train.main()
    assert not (tmp_path / "output" / "model.safetensors").exists()


def test_training_that_loses_the_hub_keeps_the_model_and_says_how_to_publish_it(
    hub, train_command, tmp_path, monkeypatch, clip
):
    hub.break_off_at = "commit"
    monkeypatch.setattr(sys, "argv", train_command)
    output_dir = tmp_path / "output"
    with pytest.raises(SystemExit, match=f"python -m ser push model {output_dir} {HUB_ID}"):
        train.main()
    hub.come_back()
    main(["model", str(output_dir), HUB_ID])
    published = EmotionRecognizer.from_pretrained(HUB_ID).predict(clip)
    assert published == EmotionRecognizer.from_pretrained(output_dir).predict(clip)
