"""Pushing to and pulling from the Hub, over HTTP, against the stand-in of `hub_stub.py`."""

import hashlib
from pathlib import Path

import datasets
import pytest
import torch
from huggingface_hub import ModelCard
from own_recordings import write_label_folders
from random_checkpoint import save_random_checkpoint
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

from ser import EmotionRecognizer, load_ravdess
from ser.corpora import load_own_data
from ser.hub.cli import main
from ser.hub.publishing import PublishingError, create_repository, publish_checkpoint

HUB_ID = "someone/voices"
REPO = Path(__file__).resolve().parents[2]


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
        "onnx/model.onnx",
        "onnx/model_quantized.onnx",
        "preprocessor_config.json",
    }
    assert digest(checkpoint) == before


def test_the_published_card_is_the_folders_own_and_its_code_loads_the_published_model(hub, checkpoint):
    publish_checkpoint(checkpoint, HUB_ID)
    card = ModelCard.load(HUB_ID)
    assert card.data.license == "cc-by-nc-sa-4.0"
    assert card.data.pipeline_tag == "audio-classification"
    assert "Out-of-scope use" in card.text
    assert f'model="{HUB_ID}"' in card.text
    assert '"checkpoint"' not in card.text
    assert "No results of this checkpoint" in card.text  # and not those of the shipped one


def test_the_shipped_model_is_published_with_its_graphs_and_the_recordings_of_its_widget(hub):
    publish_checkpoint(REPO / "checkpoint", HUB_ID)
    files = hub.repositories["model", HUB_ID].files
    widget = ModelCard(files["README.md"].decode()).data.get("widget")
    assert len(widget) == 8
    for entry in widget:
        assert files[entry["src"]] == (REPO / entry["src"]).read_bytes()
    for graph in ("onnx/model.onnx", "onnx/model_quantized.onnx"):
        assert files[graph] == (REPO / "checkpoint" / graph).read_bytes()


def test_a_widget_whose_recording_is_missing_is_explained(hub, checkpoint):
    (checkpoint / "README.md").write_text("---\nwidget:\n- src: examples/lost.flac\n---\n")
    with pytest.raises(PublishingError, match=r"examples/lost\.flac, expected a file"):
        publish_checkpoint(checkpoint, HUB_ID)


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


def test_recordings_with_labels_of_their_own_come_back_from_the_hub(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    clips = load_own_data(write_label_folders(tmp_path / "calls"), group_by_folder=True)
    clips.push_to_hub("someone/calls")
    pulled = load_own_data("someone/calls")
    for column in ("sha256", "emotion", "actor", "split"):
        assert pulled[column] == clips[column], column
    assert pulled.features["emotion"].names == clips.features["emotion"].names
    with pytest.raises(ValueError, match="someone/nothing cannot be loaded"):
        load_own_data("someone/nothing")


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
        with pytest.raises(PublishingError, match=f"lost while {HUB_ID}.*run the same command again"):
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


def test_the_command_publishes_a_model_and_says_where(hub, checkpoint, capsys):
    main(["model", str(checkpoint), HUB_ID])
    commit, _ = hub.repositories["model", HUB_ID].commits[-1]
    assert capsys.readouterr().out == f"Published {HUB_ID} at commit {commit}.\n"


def test_the_command_ends_in_a_sentence_not_a_traceback(hub, tmp_path):
    with pytest.raises(SystemExit, match=r"Error: .* is not a checkpoint"):
        main(["model", str(tmp_path), HUB_ID])
