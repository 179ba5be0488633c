"""The card of any checkpoint: its own numbers, metadata that the Hub accepts, code that runs."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from huggingface_hub import ModelCard
from random_checkpoint import save_random_checkpoint
from transformers import AutoModelForAudioClassification

from ser import EmotionRecognizer
from ser.hub.card import CARD_FILE, checkpoint_card, fill_card, published_card, write_card
from ser.hub.measurements import Measurements, measurements_of
from ser.labels import EMOTIONS
from ser.onnx.export import export_onnx
from ser.onnx.recognizer import OnnxRecognizer
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

REPO = Path(__file__).resolve().parents[2]
INTERVAL = {"low": 0.601, "high": 0.702, "confidence": 0.95}
GROUP_SCORES = {"uar": 0.5, "accuracy": 0.25, "num_clips": 120, "uar_interval": {"low": 0.4, "high": 0.6}}
EVALUATION = {
    "title": "RAVDESS, actors 21, 22, 23, 24",
    "corpus": {"name": "ravdess"},
    "model": {"name": "checkpoint"},
    "uar": 0.7011,
    "accuracy": 0.7123,
    "uar_interval": INTERVAL,
    "num_clips": 240,
    "per_gender": {"female": GROUP_SCORES},
    "gaps": {"actor": {"worst": "23", "best": "22", "difference": 0.2, "by_luck": 0.15}},
    "per_class_set": {"6": GROUP_SCORES | {"uar": 0.7777}},
}
ELSEWHERE = EVALUATION | {"title": "EmoDB, all 10 speakers", "corpus": {"name": "emodb"}, "uar": 0.3456}
RECORD = {
    "corpus": "RAVDESS speech",
    "train_actors": [1, 2],
    "test_actors": [21, 22],
    "python_version": "3.11.7",
    "package_versions": {"torch": "2.13.0", "transformers": "5.23.0"},
    "command": "python -m ser train --data_dir data --output_dir output",
}


def write_json(file: Path, content: dict) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def test_metadata_holds_each_evaluation_in_percent():
    data = ModelCard(fill_card(Measurements(evaluations=[EVALUATION, ELSEWHERE]), "voices")).data
    assert (data.license, data.pipeline_tag, data.library_name) == (
        "cc-by-nc-sa-4.0",
        "audio-classification",
        "transformers",
    )
    assert (data.model_name, data.language, data.datasets) == ("voices", ["en"], ["ravdess"])
    scores = {(each.dataset_type, each.metric_type): each.metric_value for each in data.eval_results}
    assert scores == {
        ("ravdess", "recall"): 70.1,
        ("ravdess", "accuracy"): 71.2,
        ("emodb", "recall"): 34.6,
        ("emodb", "accuracy"): 71.2,
    }


def test_text_holds_results_subgroups_and_training():
    card = fill_card(Measurements(evaluations=[EVALUATION, ELSEWHERE], record=RECORD), "voices")
    assert "| RAVDESS, actors 21, 22, 23, 24 | **70.1** | 60.1 to 70.2 | 71.2 | 240 |" in card
    assert "| EmoDB, all 10 speakers | **34.6** |" in card
    assert "| gender female | 50.0 | 40.0 to 60.0 | 25.0 | 120 |" in card
    assert "speakers 1, 2; 21, 22 took no part" in card
    assert RECORD["command"] in card


def test_nothing_is_claimed_that_was_not_measured():
    card = fill_card(Measurements(), "voices")
    assert "No results of this checkpoint" in card
    assert ModelCard(card).data.eval_results is None
    assert "<!-- " not in card.split("-->", 1)[1], "a block of the template is left"
    with pytest.raises(ValueError, match="no block named nothing"):
        fill_card(Measurements(), "voices", {"nothing": []})


def test_parameters_and_labels_are_those_of_the_model(tmp_path):
    model = AutoModelForAudioClassification.from_pretrained(save_random_checkpoint(tmp_path))
    assert measurements_of(tmp_path).num_parameters == model.num_parameters()
    card = checkpoint_card(tmp_path)
    assert "an ensemble of 2 networks, each of 2 convolutions," in card
    assert "fearful, disgust and surprised" in card


def test_a_model_of_transformers_has_a_card_of_its_own(tmp_path):
    write_json(tmp_path / "config.json", {"model_type": "wav2vec2", "id2label": {"0": "calm", "1": "angry"}})
    write_json(tmp_path / "training_metrics.json", {"eval_uar": 0.4321, "eval_accuracy": 0.5})
    record = RECORD | {"corpora": ["ravdess", "emodb"], "base_model": "someone/encoder"}
    write_json(tmp_path / "training_provenance.json", record)
    card = checkpoint_card(tmp_path)
    data = ModelCard(card).data
    assert (data.base_model, data.datasets, data.language) == (
        "someone/encoder",
        ["ravdess", "emodb"],
        ["de", "en"],
    )
    assert "A `wav2vec2` model of transformers, made from `someone/encoder`." in card
    assert "probabilities of calm and angry" in card
    assert "trust_remote_code" not in card
    assert "| 43.2 | | 50.0 |" in card


def test_a_folder_is_not_named_as_the_base_model(tmp_path):
    write_json(tmp_path / "training_provenance.json", RECORD | {"base_model": str(tmp_path)})
    card = checkpoint_card(tmp_path)
    assert "base_model" not in ModelCard(card).data.to_dict()
    assert str(tmp_path) not in card


def test_a_card_follows_the_evaluations_until_a_person_edits_it(tmp_path):
    assert write_card(tmp_path)
    write_json(tmp_path / "evaluation" / "metrics.json", EVALUATION)
    assert write_card(tmp_path)
    file = tmp_path / CARD_FILE
    assert "70.1" in file.read_text()
    file.write_text('mine, for "checkpoint"\n')
    assert not write_card(tmp_path)
    assert published_card(tmp_path, "someone/voices") == 'mine, for "someone/voices"\n'


def test_the_code_of_the_card_runs_and_agrees_with_itself(tmp_path, monkeypatch, capsys):
    shutil.copytree(REPO / "checkpoint", tmp_path / "checkpoint")
    soundfile.write(tmp_path / "speech.wav", 0.1 * np.random.default_rng(0).standard_normal(16_000), 16_000)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (REPO / "model_card.md").read_text(), re.DOTALL)
    assert len(blocks) == 3
    for code in blocks[:2]:
        exec(compile(code, CARD_FILE, "exec"), {})
    first, second = (ast.literal_eval(line) for line in capsys.readouterr().out.splitlines())
    first = {row["label"]: row["score"] for row in first}
    assert first.keys() == second.keys() == set(EMOTIONS)
    assert sum(first.values()) == pytest.approx(1, abs=1e-5)
    assert first == pytest.approx(second, abs=1e-6)


@pytest.mark.parametrize("name", ["checkpoint", "checkpoint-accurate"])
def test_six_lines_of_the_card_need_neither_this_project_nor_transformers(name, tmp_path):
    clip = next((REPO / "examples").glob("fearful*.flac"))
    recognizer = EmotionRecognizer.from_pretrained(REPO / name, backend="onnx")
    soundfile.write(tmp_path / "speech.wav", recognizer.load(clip), recognizer.sampling_rate, subtype="FLOAT")
    (tmp_path / "onnx").symlink_to(REPO / name / "onnx")
    *_, code = re.findall(r"```python\n(.*?)```", (REPO / name / CARD_FILE).read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 6
    hidden = "import sys\nfor name in ('ser', 'torch', 'transformers'): sys.modules[name] = None\n"
    run = subprocess.run([sys.executable, "-c", hidden + code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert ast.literal_eval(run.stdout) == pytest.approx(recognizer.predict(clip), abs=1e-6)


def test_the_card_names_the_files_with_their_sizes_and_the_outputs_of_the_graph(tmp_path):
    folder = save_random_checkpoint(tmp_path)
    assert "Without transformers" not in checkpoint_card(folder)
    recognizer = MfccLstmRecognizer.from_pretrained(folder)
    files = export_onnx(recognizer, folder)
    card = checkpoint_card(folder)
    for file in (*files, folder / "model.safetensors"):
        name = file.relative_to(folder).as_posix()
        assert f"| `{name}` | {file.stat().st_size / 1e6:.1f} MB |" in card
    outputs = {output.name for output in OnnxRecognizer(files[0]).session.get_outputs()}
    assert outputs == set(re.findall(r"\| output `(\w+)`", card))
