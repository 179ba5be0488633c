"""`train.py` as a person runs it, on a tiny generated corpus."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_corpora import write_emodb, write_savee

from ser import EmotionRecognizer
from ser.evaluation.training_record import RECORD_NAME, training_speakers
from ser.training import cli as train
from ser.training.checkpoints import damage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def trained(tiny_ravdess: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes leave that train together."""
    output_dir = tmp_path_factory.mktemp("trained")
    options = f"--data_dir {tiny_ravdess} --output_dir {output_dir} --feature_cache_dir {output_dir}/features"
    options += " --actors 1 2 3 4 --test_actors 4 --num_validation_actors 1 --num_augmented_copies 1"
    options += " --max_steps 4 --save_steps 2 --logging_steps 1"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    run = subprocess.run(
        [*torchrun, "train.py", *options.split()], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return output_dir


def test_training_leaves_a_checkpoint_that_recognises(trained: Path, tiny_ravdess: Path) -> None:
    clip = next(tiny_ravdess.glob("Actor_04/*.wav"))
    probabilities = EmotionRecognizer.from_pretrained(trained).predict(str(clip))
    assert len(probabilities) == 8
    assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-5)


def test_training_leaves_its_metrics_curves_and_provenance(trained: Path) -> None:
    metrics = json.loads((trained / "training_metrics.json").read_text())
    assert 0 <= metrics["eval_uar"] <= 1
    assert metrics["train_loss"] > 0
    assert metrics["peak_memory_bytes"] > 0
    assert (trained / "training_curves.png").stat().st_size > 1000
    provenance = json.loads((trained / "training_provenance.json").read_text())
    everyone = [provenance[f"{side}_actors"] for side in ("train", "validation", "test")]
    assert sorted(actor for side in everyone for actor in side) == [f"ravdess:0{n}" for n in (1, 2, 3, 4)]
    assert provenance["test_actors"] == ["ravdess:04"]
    assert len(provenance["corpus_fingerprint"]) == 64
    assert provenance["package_versions"]["torch"]


def test_two_processes_train_together(trained: Path) -> None:
    checkpoints = [trained / f"checkpoint-{step}" for step in (2, 4)]
    assert [damage(checkpoint) for checkpoint in checkpoints] == [None, None]
    assert (checkpoints[0] / "rng_state_1.pth").exists()  # the second process had written, too
    provenance = json.loads((trained / "training_provenance.json").read_text())
    assert provenance["training_arguments"]["world_size"] == 2


def test_several_corpora_train_together_speaker_by_speaker(tmp_path: Path, monkeypatch) -> None:
    emodb, savee = write_emodb(tmp_path / "emodb"), write_savee(tmp_path / "savee", ("DC", "JE", "KL"))
    arguments = [
        "train.py", "--corpus", "emodb,savee", "--data_dir", f"{emodb},{savee}", "--test_actors", "emodb:08",
        "--num_validation_actors", "1", "--num_augmented_copies", "0", "--num_proc", "1", "--max_steps", "2",
        "--save_steps", "1", "--output_dir", str(tmp_path / "out"),
        "--feature_cache_dir", str(tmp_path / "cache"),
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", arguments)
    train.main()
    record = json.loads((tmp_path / "out" / RECORD_NAME).read_text())
    assert record["corpus"] == "EmoDB and SAVEE"
    assert record["corpora"] == ["emodb", "savee"]
    assert record["test_actors"] == ["emodb:08"]
    speakers = [name for side in ("train", "validation") for name in record[f"{side}_actors"]]
    assert sorted(speakers) == ["emodb:03", "savee:DC", "savee:JE", "savee:KL"]
    assert training_speakers(record) == set(speakers)
    recognizer = EmotionRecognizer.from_pretrained(tmp_path / "out")
    graph = EmotionRecognizer.from_pretrained(tmp_path / "out", backend="onnx")
    assert len(recognizer.emotions) == len(graph.emotions) == 8
    clip = emodb / "03a01Fa.flac"
    assert graph.predict(clip) == pytest.approx(recognizer.predict(clip), abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--corpus", "emodb,savee", "--data_dir", "one"], "Got 1 folders for 2 corpora"),
        (["--corpus", "emodb", "--data_dir", "nowhere"], "nowhere does not exist"),
        (["--corpus", "emodb", "--data_dir", "one", "--actors", "3"], "goes with RAVDESS alone"),
        (["--data_dir", "{corpus}", "--actors", "1", "--test_actors", "99"], "names ravdess:99, who"),
        (["--data_dir", "{corpus}", "--actors", "1", "--test_actors", "1"], "leaves no speaker to train on"),
        (["--data_dir", "{corpus}", "--actors", "1", "--test_actors", "emod:3"], "'emod:3' does not name"),
        (["--data_dir", "{corpus}", "--actors", "1", "--model_name_or_path", "./no-model"], "no-model"),
    ],
)
def test_what_does_not_fit_together_is_said_in_a_line(
    options, message, tiny_ravdess: Path, tmp_path: Path, monkeypatch
) -> None:
    options = [option.replace("{corpus}", str(tiny_ravdess)) for option in options]
    monkeypatch.setattr(sys, "argv", ["train.py", "--output_dir", str(tmp_path), *options])
    with pytest.raises(SystemExit, match=rf"^Error: .*{message}"):
        train.main()
