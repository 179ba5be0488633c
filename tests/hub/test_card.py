"""The model card: its numbers are those of the result files, its metadata is whole, its code runs."""

import ast
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from huggingface_hub import ModelCard
from random_checkpoint import save_random_checkpoint
from transformers import AutoModelForAudioClassification

from ser.hub.card import CARD_FILE, fill_card, published_card
from ser.hub.measurements import (
    REPOSITORY,
    SHIPPED_FOLDER,
    Measurements,
    measurements_of,
    shipped_measurements,
    voice_spread,
)
from ser.labels import EMOTIONS

CARD = (REPOSITORY / CARD_FILE).read_text()
CODE = re.findall(r"```python\n(.*?)```", CARD, re.DOTALL)

INTERVAL = {"low": 0.601, "high": 0.702, "confidence": 0.95}
SUMMARY = {
    "uar": 0.6543,
    "accuracy": 0.6617,
    "uar_interval": INTERVAL,
    "num_clips": 1440,
    "num_folds": 5,
    "num_seeds": 3,
}
GROUP_SCORES = {"uar": 0.5, "accuracy": 0.25, "num_clips": 120, "uar_interval": {"low": 0.4, "high": 0.6}}
EVALUATION = {
    "title": "RAVDESS, actors 21, 22, 23, 24",
    "corpus": {"name": "ravdess"},
    "uar": 0.7011,
    "accuracy": 0.7123,
    "uar_interval": INTERVAL,
    "num_clips": 240,
    "per_gender": {"female": GROUP_SCORES},
    "per_intensity": {"strong": GROUP_SCORES},
    "per_statement": {},
    "per_actor": {"21": GROUP_SCORES},
    "gaps": {
        "gender": {
            "worst": "male",
            "best": "female",
            "difference": 0.123,
            "interval": {"low": 0.011, "high": 0.222},
        },
        "intensity": {
            "worst": "normal",
            "best": "strong",
            "difference": 0.1,
            "interval": {"low": 0.05, "high": 0.15},
        },
        "actor": {"worst": "23", "best": "22", "difference": 0.2, "by_luck": 0.15},
    },
    "per_class_set": {"6": GROUP_SCORES | {"uar": 0.7777}},
}
ELSEWHERE = EVALUATION | {
    "title": "EmoDB, all 10 speakers (6 classes)",
    "corpus": {"name": "emodb"},
    "uar": 0.3456,
    "per_class_set": {"6": GROUP_SCORES | {"uar": 0.3456}},
}
RECORD = {
    "corpus": "RAVDESS speech",
    "train_actors": [1, 2],
    "test_actors": [21, 22],
    "python_version": "3.11.7",
    "package_versions": {"torch": "2.13.0", "transformers": "5.23.0"},
    "command": "python train.py --data_dir data --output_dir output",
}


def write_json(file: Path, content: dict) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))


def test_the_card_holds_the_numbers_of_the_result_files():
    assert fill_card(CARD, shipped_measurements()) == CARD, "run python -m ser.hub.card"


def test_the_card_says_what_the_hub_needs_to_know():
    data = ModelCard(CARD).data
    assert data.license == "cc-by-nc-sa-4.0"
    assert data.pipeline_tag == "audio-classification"
    assert data.library_name == "transformers"
    assert data.datasets
    assert data.metrics


def test_every_protocol_is_a_result_of_its_own_in_percent():
    measured = Measurements(
        protocols={"luna5": SUMMARY, "timnet10": SUMMARY}, evaluations=[EVALUATION, ELSEWHERE]
    )
    card = ModelCard(fill_card(CARD, measured, model_name="voices"))
    (index,) = card.data.to_dict()["model-index"]
    assert index["name"] == "voices"
    results = {
        (result["dataset"]["type"], result["dataset"]["config"]): {
            metric["type"]: metric["value"] for metric in result["metrics"]
        }
        for result in index["results"]
    }
    assert results == {
        ("ravdess", "luna5"): {"recall": 65.4, "accuracy": 66.2},
        ("ravdess", "timnet10"): {"recall": 65.4, "accuracy": 66.2},
        ("ravdess", "held-out actors"): {"recall": 70.1, "accuracy": 71.2},
        ("emodb", "another corpus"): {"recall": 34.6, "accuracy": 71.2},
    }
    names = [result["dataset"]["name"] for result in index["results"]]
    assert "RAVDESS speech, protocol luna5 (new voices)" in names
    assert "RAVDESS speech, protocol timnet10 (known voices)" in names


def test_numbers_stand_in_the_prose_and_missing_protocols_do_not():
    measured = Measurements(protocols={"luna5": SUMMARY}, evaluations=[EVALUATION, ELSEWHERE], record=RECORD)
    card = fill_card(CARD, measured)
    assert "| the recipe: luna5 (folds: 5, seeds: 3) | new | **65.4** | 60.1 to 70.2 | 66.2 | 1440 |" in card
    assert "| gender female | 50.0 | 40.0 to 60.0 | 25.0 | 120 |" in card
    assert (
        "gap is that of gender: female is 12.3 points of UAR above male** (95 % interval over actors 1.1 "
        in card
    )
    assert "Single voices are 20.0 points apart, actor 23 the worst and actor 22 the best; luck alone" in card
    assert "| EmoDB, all 10 speakers | 6 | **34.6** | 40.0 to 60.0 | 25.0 | 120 | 16.7 |" in card
    assert "| RAVDESS, actors 21, 22, 23, 24 | 6 | **77.8** |" in card
    assert RECORD["command"] in card
    assert "emobox6" not in card


def test_another_training_of_the_recipe_says_how_far_luck_goes_on_strangers():
    anew = [{"emodb": {"shared": {"uar": 0.411}, "6": {"uar": 0.411}, "4": {"uar": 0.522}}}]
    card = fill_card(CARD, Measurements(evaluations=[ELSEWHERE], trained_anew=anew))
    assert "the recipe reaches 41.1 on 6 and 52.2 on 4 emotions of EmoDB:" in card
    assert "Trained once more" not in fill_card(CARD, Measurements(evaluations=[ELSEWHERE]))


def test_filling_again_with_other_numbers_leaves_none_of_the_first():
    filled = fill_card(
        CARD, Measurements(protocols={"luna5": SUMMARY}, evaluations=[ELSEWHERE], record=RECORD)
    )
    nothing = fill_card(CARD, Measurements())
    assert filled != nothing
    assert fill_card(filled, Measurements()) == nothing


def test_spread_is_the_recall_of_each_voice_and_group(tmp_path):
    """Actor 2 is always right, actor 3 always wrong, in the first seed; the second seed is all right."""
    for seed in (0, 1):
        for fold, actor in enumerate((2, 3)):
            clips, labels = [], []
            for emotion in range(2, 9):
                for statement in (1, 2):
                    for repetition in (1, 2):
                        clips.append(f"03-01-{emotion:02d}-01-{statement:02d}-{repetition:02d}-{actor:02d}")
                        labels.append(emotion - 1)
            predictions = np.roll(labels, 4) if (seed, actor) == (0, 3) else labels
            result = {
                "seed": seed,
                "clips": clips,
                "labels": labels,
                "probabilities": np.eye(8)[predictions].tolist(),
            }
            write_json(tmp_path / f"fold{fold}-seed{seed}.json", result)
    spread = voice_spread(tmp_path)
    assert {value: scores["uar"] for value, scores in spread.per_group["actor"].items()} == {"2": 1, "3": 0.5}
    assert {value: scores["uar"] for value, scores in spread.per_group["gender"].items()} == {
        "female": 1,
        "male": 0.5,
    }
    assert spread.per_group["statement"]["Kids are talking by the door"]["num_clips"] == 28
    assert spread.gaps["actor"]["difference"] == 0.5
    card = fill_card(CARD, Measurements(spread=spread))
    assert "| gender male | 50.0 |" in card
    assert "actor 3 the worst and actor 2 the best" in card


def test_the_card_says_what_noise_costs():
    scores = {"uar": 0.5, "uar_lost": 0.125, "uar_lost_interval": {"low": 0.1, "high": 0.15}}
    robustness = {"num_clips": 9, "actors": [3], "conditions": {"clean": scores, "rain": scores}}
    card = fill_card(CARD, Measurements(robustness=robustness))
    assert "the 9 clips of actors 3" in card
    assert "| rain | 50.0 | 12.5 | 10.0 to 15.0 |" in card


def test_what_tells_strange_sounds_is_named_with_its_figures():
    auroc = {
        "highest probability": {"no speech": 0.55, "EmoDB": 0.66},
        "distance": {"no speech": 0.987, "EmoDB": 0.654},
    }
    card = fill_card(CARD, Measurements(unlike={"best": "distance", "auroc": auroc}))
    assert "distance is the best" in card
    assert "AUROC of 0.99" in card
    assert "German with 0.65" in card
    assert "does so with 0.55 and 0.66" in card


def test_a_model_of_several_corpora_names_them_all():
    record = RECORD | {"corpora": ["ravdess", "emodb"], "train_actors": [1, "emodb:3"]}
    card = fill_card(CARD, Measurements(record=record))
    assert ModelCard(card).data.datasets == ["ravdess", "emodb"]
    assert "actors 1, emodb:3" in card


def test_the_parameters_are_those_of_the_model(tmp_path):
    model = AutoModelForAudioClassification.from_pretrained(save_random_checkpoint(tmp_path))
    assert measurements_of(tmp_path).num_parameters == model.num_parameters()
    assert "2 networks side by side, each of 2 convolutions," in published_card(tmp_path, "someone/voices")


def test_a_card_does_not_name_a_folder_as_its_base_model(tmp_path):
    write_json(tmp_path / "training_provenance.json", RECORD | {"base_model": str(tmp_path)})
    card = published_card(tmp_path, "someone/voices")
    assert "base_model" not in ModelCard(card).data.to_dict()
    assert str(tmp_path) not in card


def test_scores_on_the_folds_that_chose_the_recipe_are_not_claimed():
    assert (
        "hybrid" in json.loads((REPOSITORY / "benchmarks" / "results" / "results.json").read_text())["dev5"]
    )
    assert set(shipped_measurements().protocols) >= {"luna5"}
    assert "dev5" not in shipped_measurements().protocols


@pytest.mark.parametrize(("changed", "shown"), [("", True), ("num_train_epochs 6.0, now 7.0", False)])
def test_what_an_earlier_recipe_scored_is_not_claimed(tmp_path, changed, shown):
    summary = {"uar": 0.5, "recipe_changed_since": changed}
    write_json(tmp_path / "benchmarks" / "results" / "results.json", {"luna5": {"hybrid": summary}})
    run = {"seed": 0, "clips": ["03-01-02-01-01-01-02"], "labels": [1], "probabilities": [[0, 1]]}
    write_json(tmp_path / "benchmarks" / "results" / "luna5" / "hybrid" / "fold0-seed0.json", run)
    measured = shipped_measurements(tmp_path)
    assert (measured.spread is not None) == ("luna5" in measured.protocols) == shown


def test_without_result_files_nothing_is_claimed(tmp_path):
    assert shipped_measurements(tmp_path) == Measurements()
    assert "No measurements are published" in fill_card(CARD, Measurements())


def test_another_checkpoint_is_published_with_its_own_numbers(tmp_path):
    write_json(tmp_path / "config.json", {"model_type": "wav2vec2"})
    write_json(
        tmp_path / "training_metrics.json", {"eval_uar": 0.4321, "eval_accuracy": 0.5, "train_loss": 1}
    )
    write_json(tmp_path / "training_provenance.json", RECORD | {"base_model": "someone/encoder"})
    card = published_card(tmp_path, "someone/voices")
    assert ModelCard(card).data.base_model == "someone/encoder"
    assert "A `wav2vec2` of transformers, made from `someone/encoder`" in card
    assert "LSTM, attentive pooling" not in card
    assert "A speech emotion classifier for English" in card
    for ours_alone in ("small", "trust_remote_code", "three Python files", "calibrat", "masked"):
        assert ours_alone in CARD
        assert ours_alone not in card
    assert "| 43.2 | | 50.0 |" in card
    assert "luna5" not in card
    assert measurements_of(tmp_path / "nowhere") == Measurements()


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("no metadata\n", "begin with its metadata"),
        (CARD.replace("protocols", "protocol"), "'protocol'.*protocols"),
    ],
)
def test_a_card_that_cannot_be_filled_is_an_error(card, message):
    with pytest.raises(ValueError, match=message):
        fill_card(card, Measurements())


def test_the_code_of_the_card_runs_and_agrees_with_itself(tmp_path, monkeypatch, capsys):
    shipped = REPOSITORY / SHIPPED_FOLDER
    if shipped.exists():
        shutil.copytree(shipped, tmp_path / SHIPPED_FOLDER)
    else:
        save_random_checkpoint(tmp_path / SHIPPED_FOLDER)
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    soundfile.write(tmp_path / "speech.wav", noise, 16_000)
    monkeypatch.chdir(tmp_path)
    assert len(CODE) == 2
    for code in CODE:
        exec(compile(code, CARD_FILE, "exec"), {})
    first, second = (ast.literal_eval(line) for line in capsys.readouterr().out.splitlines())
    first = {row["label"]: row["score"] for row in first}
    assert first.keys() == second.keys() == set(EMOTIONS)
    assert sum(first.values()) == pytest.approx(1, abs=1e-5)
    assert first == pytest.approx(second, abs=1e-6)
