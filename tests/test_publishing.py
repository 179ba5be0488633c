"""Pushing to and pulling from the Hub, over HTTP, against the stand-in of `hub_stub.py`."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import datasets
import huggingface_hub
import numpy as np
import pytest
import torch
import transformers
from hub_stub import HubStub
from huggingface_hub import ModelCard, constants
from random_checkpoint import save_random_checkpoint
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

import train
from ser import EmotionRecognizer, load_ravdess
from ser.publishing import (
    PublishingError,
    create_repository,
    main,
    publish_checkpoint,
)

REPO = Path(__file__).resolve().parent.parent
HUB_ID = "someone/voices"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub of this test's own, with a token that may write."""
    with HubStub() as hub:
        monkeypatch.setenv("HF_TOKEN", hub.token)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        for name, value in {
            "ENDPOINT": hub.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": template,
            "HF_HUB_OFFLINE": False,
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_CACHE": str(tmp_path / "hub-cache"),
        }.items():
            monkeypatch.setattr(constants, name, value)
        # These took their address when they were imported or first used.
        monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", hub.url)
        monkeypatch.setattr(transformers.utils.hub, "_hf_api", None)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
        monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        yield hub
        huggingface_hub.close_session()


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    return save_random_checkpoint(tmp_path / "checkpoint")


@pytest.fixture(scope="module")
def clip() -> tuple[np.ndarray, int]:
    return np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 0.1, 16_000


def digest(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.is_file()
    }


def test_a_published_checkpoint_comes_back_by_name_and_by_commit(hub, checkpoint, clip, tmp_path):
    expected = EmotionRecognizer.from_pretrained(checkpoint).predict(clip)
    first = publish_checkpoint(checkpoint, HUB_ID)
    assert EmotionRecognizer.from_pretrained(HUB_ID).predict(clip) == expected

    other = save_random_checkpoint(tmp_path / "other", seed=1)
    second = publish_checkpoint(other, HUB_ID)
    assert second != first
    newest = EmotionRecognizer.from_pretrained(HUB_ID).predict(clip)
    assert newest == EmotionRecognizer.from_pretrained(other).predict(clip) != expected
    assert EmotionRecognizer.from_pretrained(HUB_ID, revision=first).predict(clip) == expected
    assert EmotionRecognizer.from_pretrained(HUB_ID, revision=second).predict(clip) == newest


def test_a_published_checkpoint_is_one_commit_with_code_and_card_and_no_pickle(hub, checkpoint):
    torch.save({}, checkpoint / "training_args.bin")
    (checkpoint / "checkpoint-10").mkdir()
    (checkpoint / "checkpoint-10" / "model.safetensors").write_bytes(b"half a model")
    (checkpoint / ".env").write_text("HF_TOKEN=secret")
    before = digest(checkpoint)
    commit = publish_checkpoint(checkpoint, HUB_ID)
    repository = hub.repositories["model", HUB_ID]
    assert [oid for oid, _ in repository.commits][1:] == [commit]
    assert repository.files.keys() == {
        "README.md",
        "config.json",
        "configuration_mfcc_lstm.py",
        "feature_extraction_mfcc_lstm.py",
        "model.safetensors",
        "modeling_mfcc_lstm.py",
        "preprocessor_config.json",
    }
    assert digest(checkpoint) == before


def test_the_published_card_is_ours_and_its_code_loads_the_published_model(hub, checkpoint):
    publish_checkpoint(checkpoint, HUB_ID)
    card = ModelCard.load(HUB_ID)
    assert card.data.license == "cc-by-nc-sa-4.0"
    assert card.data.pipeline_tag == "audio-classification"
    assert "must not be used for" in card.text
    assert f'model="{HUB_ID}"' in card.text
    assert '"checkpoint"' not in card.text
    assert "No measurements are published with this checkpoint." in card.text  # and not the shipped one's


def test_pushing_part_by_part_gives_the_same_model(hub, checkpoint, clip):
    model = AutoModelForAudioClassification.from_pretrained(checkpoint)
    model.push_to_hub(HUB_ID)
    AutoFeatureExtractor.from_pretrained(checkpoint).push_to_hub(HUB_ID)
    assert EmotionRecognizer.from_pretrained(HUB_ID).predict(clip) == EmotionRecognizer.from_pretrained(
        checkpoint
    ).predict(clip)
    assert {name for name in hub.repositories["model", HUB_ID].files if name.endswith(".py")} == {
        "configuration_mfcc_lstm.py",
        "feature_extraction_mfcc_lstm.py",
        "modeling_mfcc_lstm.py",
    }


def test_a_dataset_comes_back_from_the_hub_with_its_sound(hub, tiny_ravdess, tmp_path):
    clips = load_ravdess(tiny_ravdess, actors=[1, 2]).select(range(0, 120, 10))
    clips.push_to_hub("someone/clips")
    pulled = datasets.load_dataset("someone/clips", split="train", cache_dir=str(tmp_path / "datasets"))
    pulled = pulled.cast_column("audio", datasets.Audio(decode=False))
    assert pulled.features["emotion"].names == clips.features["emotion"].names
    assert pulled["emotion"] == clips["emotion"]
    assert pulled["actor"] == clips["actor"]
    for there, here in zip(pulled["audio"], clips["audio"], strict=True):
        assert there["bytes"] == Path(here["path"]).read_bytes()


@pytest.mark.parametrize(
    ("token", "message"), [("", "no token.*HF_TOKEN"), ("hf_wrong", "does not let this token.*401")]
)
def test_without_the_right_token_the_push_says_so_and_can_be_repeated(
    hub, checkpoint, clip, monkeypatch, token, message
):
    before = digest(checkpoint)
    monkeypatch.setenv("HF_TOKEN", token)
    for push in (lambda: create_repository(HUB_ID), lambda: publish_checkpoint(checkpoint, HUB_ID)):
        with pytest.raises(PublishingError, match=message):
            push()
    assert digest(checkpoint) == before
    assert not hub.repositories
    monkeypatch.setenv("HF_TOKEN", hub.token)
    publish_checkpoint(checkpoint, HUB_ID)
    assert EmotionRecognizer.from_pretrained(HUB_ID).predict(clip)


def test_a_hub_that_breaks_off_leaves_both_sides_whole_and_the_push_can_be_repeated(hub, checkpoint, clip):
    first = publish_checkpoint(checkpoint, HUB_ID)
    published = dict(hub.repositories["model", HUB_ID].files)
    save_random_checkpoint(checkpoint, seed=1)
    before = digest(checkpoint)
    hub.break_off_at = "commit"
    for _ in range(2):  # the second finds nobody at all
        with pytest.raises(PublishingError, match=f"broke off while {HUB_ID}.*run the same command again"):
            publish_checkpoint(checkpoint, HUB_ID)
    assert digest(checkpoint) == before
    assert hub.repositories["model", HUB_ID].files == published
    hub.come_back()
    assert publish_checkpoint(checkpoint, HUB_ID) != first
    assert EmotionRecognizer.from_pretrained(HUB_ID).predict(clip) == EmotionRecognizer.from_pretrained(
        checkpoint
    ).predict(clip)


def test_a_folder_that_is_no_checkpoint_is_not_published(hub, checkpoint):
    torch.save({}, checkpoint / "pytorch_model.bin")
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(PublishingError, match=r"lacks model\*\.safetensors"):
        publish_checkpoint(checkpoint, HUB_ID)
    assert not hub.repositories


@pytest.fixture
def train_command(tiny_ravdess, tmp_path) -> list[str]:
    """`train.py --push_to_hub` on two actors for one step, into `tmp_path / "output"`."""
    words = f"train.py --data_dir {tiny_ravdess} --output_dir {tmp_path}/output --actors 1 2 --test_actors 2"
    words += " --num_augmented_copies 0 --max_steps 1 --logging_steps 1 --num_proc 1"
    return [*words.split(), "--push_to_hub", "--hub_model_id", HUB_ID]


def test_training_publishes_at_its_end_and_our_card_is_what_stays(hub, train_command, tmp_path, clip):
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
    assert "must not be used for" in card
    assert "Trained on RAVDESS speech, actors 1; actors 2 were left alone." in card
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
    with pytest.raises(SystemExit, match=f"python -m ser.publishing model {output_dir} {HUB_ID}"):
        train.main()
    hub.come_back()
    main(["model", str(output_dir), HUB_ID])
    published = EmotionRecognizer.from_pretrained(HUB_ID).predict(clip)
    assert published == EmotionRecognizer.from_pretrained(output_dir).predict(clip)


def test_the_command_publishes_a_model_and_says_where(hub, checkpoint, capsys):
    main(["model", str(checkpoint), HUB_ID])
    commit, _ = hub.repositories["model", HUB_ID].commits[-1]
    assert capsys.readouterr().out == f"Published {HUB_ID} at commit {commit}.\n"


def test_the_command_ends_in_a_sentence_not_a_traceback(hub, tmp_path):
    with pytest.raises(SystemExit, match=r"Error: .* is not a checkpoint"):
        main(["model", str(tmp_path), HUB_ID])
