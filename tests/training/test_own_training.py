"""`python -m ser train --data`: from recordings to a checkpoint that everything downstream takes."""

import csv
import json
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from own_recordings import LABELS, SPEAKERS, write_label_folders, write_table
from random_checkpoint import save_random_checkpoint

from ser import EmotionRecognizer
from ser.corpora import load_own_data
from ser.evaluation import cli as evaluation_cli
from ser.training import cli
from ser.training.own_training import repeated_by_weight

FAST = (
    "--max_steps 4 --save_steps 4 --num_augmented_copies 1 --num_proc 1 --logging_steps 1 --disable_tqdm true"
)


def run(monkeypatch, *options: object) -> None:
    monkeypatch.setattr(sys, "argv", ["train", *map(str, options), *FAST.split()])
    cli.main()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What a training from a checkpoint leaves, and the recordings."""
    folder = tmp_path_factory.mktemp("own")
    recordings = write_label_folders(folder / "calls", num_takes=4)
    checkpoint = save_random_checkpoint(folder / "checkpoint")
    (checkpoint / "LICENSE.md").write_text("Do good.")
    (checkpoint / "README.md").write_text("---\nlicense: mit\n---\n")
    with pytest.MonkeyPatch.context() as monkeypatch:
        run(
            monkeypatch, "--data", recordings, "--group_by_folder", "true", "--init_from", checkpoint,
            "--output_dir", folder / "out", "--feature_cache_dir", folder / "cache",
        )  # fmt: skip
    return folder / "out"


def test_a_training_leaves_a_model_its_scores_and_the_parts(trained: Path):
    recognizer = EmotionRecognizer.from_pretrained(trained)
    assert recognizer.emotions == LABELS
    metrics = json.loads((trained / "evaluation" / "metrics.json").read_text())
    assert metrics["warning"] is None
    assert metrics["classes"] == list(LABELS)
    assert metrics["num_clips"] == 12
    with (trained / "recordings.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    parts = {
        part: {row["speaker"] for row in rows if row["split"] == part}
        for part in ("train", "validation", "test")
    }
    assert [len(speakers) for speakers in parts.values()] == [3, 1, 1]
    assert set.union(*parts.values()) == set(SPEAKERS)
    record = json.loads((trained / "training_provenance.json").read_text())
    assert record["labels"] == list(LABELS)
    assert record["num_recordings"] == {"train": 36, "validation": 12, "test": 12}
    assert record["training_arguments"]["learning_rate"] == 1e-3  # of the recipe for checkpoints
    assert not any(name in json.dumps(record) for name in SPEAKERS)
    assert (trained / "LICENSE.md").read_text() == "Do good."
    assert ModelCard.load(trained / "README.md").data.license == "mit"  # that of what it started from
    clip = rows[0]["path"]
    with_onnx = EmotionRecognizer.from_pretrained(trained, backend="onnx")
    assert with_onnx.predict(clip) == pytest.approx(recognizer.predict(clip), abs=1e-4)


def test_the_listed_recordings_are_scored_again(trained: Path, tmp_path, capsys):
    arguments = ["--model", str(trained), "--data", str(trained / "recordings.csv")]
    evaluation_cli.main([*arguments, "--output_dir", str(tmp_path / "again")])
    again, before = (
        json.loads((folder / "metrics.json").read_text())
        for folder in (tmp_path / "again", trained / "evaluation")
    )
    assert again["uar"] == before["uar"]
    assert "TRAINED" not in capsys.readouterr().err
    with (trained / "recordings.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "train"]
    table = "path,label\n" + "".join(f"{row['path']},{row['label']}\n" for row in rows)
    arguments = ["--model", str(trained), "--data", str(write_table(tmp_path, table))]
    evaluation_cli.main([*arguments, "--output_dir", str(tmp_path / "known")])
    shown = capsys.readouterr().err
    assert "TRAINED on 36 of these 36 recordings" in shown
    assert "speakers are not known" in shown


def test_eight_recordings_without_speakers_train_and_the_scores_say_what_they_hide(
    tmp_path, monkeypatch, capsys
):
    recordings = write_label_folders(tmp_path / "calls", LABELS[:2], ("anna",), num_takes=4)
    run(monkeypatch, "--data", recordings, "--output_dir", tmp_path / "out", "--ensemble_size", 1)
    shown = capsys.readouterr()
    assert "new speakers will be recognised less well" in shown.err
    assert f"--data {tmp_path / 'out' / 'recordings.csv'} --output_dir" in shown.out
    metrics = json.loads((tmp_path / "out" / "evaluation" / "metrics.json").read_text())
    assert "new speakers will be recognised less well" in metrics["warning"]
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert card.data.license is None
    assert "the licence of the recordings decides" in card.text
    assert "RAVDESS" not in card.content


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "nowhere"], "nowhere does not exist"),
        (["--data", "nowhere", "--data_dir", "nowhere"], "Name either --data_dir"),
        ([], "Name either --data_dir"),
    ],
)
def test_what_does_not_fit_together_is_one_error(tmp_path, monkeypatch, options, message):
    with pytest.raises(SystemExit, match=message):
        run(monkeypatch, *options, "--output_dir", tmp_path / "out")


def test_weights_say_how_often_a_recording_is_learned_from(tmp_path):
    files = sorted(write_label_folders(tmp_path, LABELS[:2], ("anna",)).rglob("*.wav"))
    weights = [2, 1, 0.5, 30]
    rows = [f"{file},{file.parts[-3]},{weight}\n" for file, weight in zip(files, weights, strict=True)]
    clips = repeated_by_weight(load_own_data(write_table(tmp_path, "path,label,weight\n" + "".join(rows))))
    assert [clips["weight"][:].count(weight) for weight in weights] == [4, 2, 1, 10]
