"""ser/evaluation/scoring.py, ser/evaluation/files.py and the door evaluation.py."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from own_recordings import write_label_folders
from random_checkpoint import save_random_checkpoint
from tiny_corpora import write_emodb, write_savee

from ser.audio import AudioError, load_audio
from ser.corpora import load_own_data, load_ravdess, load_savee
from ser.evaluation import cli as evaluation
from ser.evaluation.files import write_evaluation
from ser.evaluation.metrics import (
    classification_scores,
    expected_calibration_error,
    unweighted_average_recall,
)
from ser.evaluation.protocols import SHIPPED_TEST_ACTORS
from ser.evaluation.scoring import evaluation_report, score_clips
from ser.evaluation.training_record import RECORD_NAME
from ser.labels import CLASS_SETS, EMOTIONS
from ser.recognizer.enrolment import baseline_of, relative_to_baseline


class ListeningRecognizer:
    """Stands in for `EmotionRecognizer`: what it hears depends on the clip alone, in an order of its own."""

    emotions = EMOTIONS[::-1]

    def load(self, path):
        return load_audio(path, 16_000)

    def predict_probabilities(self, waveforms):
        return np.array([np.random.default_rng(len(w)).dirichlet(np.ones(8)) for w in waveforms])


@pytest.fixture(scope="module")
def clips(tiny_ravdess):
    return load_ravdess(tiny_ravdess, actors=[3, 4])


@pytest.fixture(scope="module")
def scored(clips):
    return score_clips(ListeningRecognizer(), clips)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_random_checkpoint(tmp_path_factory.mktemp("checkpoint"))


def test_scores_belong_to_their_clips_whatever_the_batch(clips, scored):
    assert len(scored.files) == 120
    for row in (0, 59, 119):
        path = clips[row]["audio"]["path"]
        actor, _, name = scored.files[row].partition("/")
        assert path.endswith(f"/{actor}/{name}")
        assert scored.emotions[scored.labels[row]] == EMOTIONS[int(name[6:8]) - 1]
        heard = ListeningRecognizer().predict_probabilities([load_audio(path, 16_000)])[0]
        np.testing.assert_allclose(scored.probabilities[row], heard[::-1])  # the model's order turned around
    again = score_clips(ListeningRecognizer(), clips, batch_size=7)
    np.testing.assert_array_equal(again.probabilities, scored.probabilities)


def test_report_equals_the_metrics_of_its_parts(scored):
    report = evaluation_report(scored, num_resamples=50)
    whole = classification_scores(scored.labels, scored.predictions)
    assert {key: report[key] for key in whole} == whole
    assert report["expected_calibration_error"] == expected_calibration_error(
        scored.probabilities, scored.labels
    )
    assert report["uar_interval"]["low"] <= report["uar"] <= report["uar_interval"]["high"]
    assert report["uar_interval"]["num_actors"] == 2
    men = np.array(scored.groups["gender"]) == "male"
    of_men = classification_scores(scored.labels[men], scored.predictions[men])
    assert report["per_gender"]["male"]["uar"] == of_men["uar"]
    assert report["per_gender"]["male"]["num_clips"] == 60
    assert {key: value["num_clips"] for key, value in report["per_actor"].items()} == {
        "ravdess:03": 60,
        "ravdess:04": 60,
    }
    assert {key: value["num_clips"] for key, value in report["per_intensity"].items()} == {
        "normal": 64,
        "strong": 56,
    }
    assert list(report["per_statement"]) == ["Dogs are sitting by the door", "Kids are talking by the door"]
    assert set(report["gaps"]) == {"gender", "intensity", "statement", "actor"}
    assert report["chance"] == 1 / 8
    assert sum(value["num_clips"] for value in report["per_class"].values()) == report["num_clips"] == 120


def test_enrolled_clips_of_each_speaker_are_compared_with_and_not_scored(clips, scored):
    enrolled = score_clips(ListeningRecognizer(), clips, num_enrolled=10)
    assert [enrolled.groups["actor"].count(actor) for actor in ("ravdess:03", "ravdess:04")] == [50, 50]
    row_of = {file: row for row, file in enumerate(scored.files)}
    rows = [row_of[file] for file in enrolled.files]
    assert enrolled.labels.tolist() == scored.labels[rows].tolist()
    third = np.array(scored.groups["actor"]) == "ravdess:03"
    left_out = np.setdiff1d(np.flatnonzero(third), rows)
    own = [row for row in rows if third[row]]
    expected = relative_to_baseline(scored.probabilities[own], baseline_of(scored.probabilities[left_out]))
    np.testing.assert_allclose(enrolled.probabilities[:50], expected, atol=1e-6)
    half = score_clips(ListeningRecognizer(), clips, num_enrolled=100)
    assert len(half.files) == 60


def test_on_fewer_emotions_the_clips_of_others_are_left_out(clips, scored):
    classes = CLASS_SETS["4"]
    few = score_clips(ListeningRecognizer(), clips, classes)
    assert few.emotions == classes
    assert {few.emotions[int(label)] for label in few.labels} == set(classes)
    assert set(evaluation_report(few, num_resamples=5)["per_class"]) == set(classes)
    narrowed = scored.narrowed(classes)
    assert narrowed.files == few.files
    np.testing.assert_array_equal(narrowed.labels, few.labels)
    np.testing.assert_allclose(narrowed.probabilities, few.probabilities)
    by_way_of_six = scored.narrowed(CLASS_SETS["6"]).narrowed(classes)
    np.testing.assert_allclose(by_way_of_six.probabilities, few.probabilities)


def test_the_report_has_every_conventional_set_of_classes(scored):
    report = evaluation_report(scored, num_resamples=5)
    assert list(report["per_class_set"]) == ["8", "6", "4"]
    assert report["per_class_set"]["8"]["uar"] == report["uar"]
    narrowed = scored.narrowed(CLASS_SETS["4"])
    assert report["per_class_set"]["4"]["num_clips"] == len(narrowed.files) == 2 * (4 + 3 * 8)
    assert report["per_class_set"]["4"]["uar"] == pytest.approx(
        unweighted_average_recall(narrowed.labels, narrowed.predictions)
    )


def test_files_hold_what_was_scored(scored, tmp_path):
    report = evaluation_report(scored, num_resamples=5)
    files = write_evaluation(tmp_path / "made" / "here", scored, report, "A title")
    assert sorted(file.name for file in files) == [
        "confusion_matrix.csv",
        "confusion_matrix.png",
        "metrics.json",
        "predictions.csv",
        "reliability.png",
    ]
    folder = tmp_path / "made" / "here"
    assert json.loads((folder / "metrics.json").read_text()) == report
    with (folder / "predictions.csv").open() as stream:
        predictions = list(csv.DictReader(stream))
    assert [row["predicted"] == row["true"] for row in predictions] == list(
        scored.labels == scored.predictions
    )
    written = [[float(row[f"{emotion}_prob"]) for emotion in EMOTIONS] for row in predictions]
    np.testing.assert_allclose(written, scored.probabilities, atol=1e-6)
    with (folder / "confusion_matrix.csv").open() as stream:
        header, *rows = csv.reader(stream)
    assert header[1:] == [row[0] for row in rows] == list(EMOTIONS)
    counts = np.array([row[1:] for row in rows], dtype=int)
    assert counts.sum() == 120
    assert np.trace(counts) == (scored.labels == scored.predictions).sum()


def test_a_folder_that_cannot_be_made_is_named(scored, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"file/folder cannot be written to"):
        write_evaluation(tmp_path / "file" / "folder", scored, {}, "")


def test_a_broken_clip_stops_unless_told_to_skip(tiny_ravdess, tmp_path):
    data_dir = tmp_path / "ravdess"
    shutil.copytree(tiny_ravdess / "Actor_01", data_dir / "Actor_01")
    broken = sorted((data_dir / "Actor_01").iterdir())[5]
    broken.write_bytes(b"no sound at all")
    clips = load_ravdess(data_dir, actors=[1])
    with pytest.raises(AudioError, match=rf"Actor_01/{broken.name}: "):
        score_clips(ListeningRecognizer(), clips)
    scored = score_clips(ListeningRecognizer(), clips, skip_broken=True)
    assert list(scored.broken) == [broken.name]
    assert len(scored.files) == len(scored.labels) == len(scored.groups["actor"]) == 59
    assert broken.name not in scored.files


def test_clips_of_one_name_in_two_folders_are_told_apart(tmp_path):
    write_savee(tmp_path / "flat")
    for clip in (tmp_path / "flat").iterdir():
        who, _, name = clip.name.partition("_")
        (tmp_path / "savee" / who).mkdir(parents=True, exist_ok=True)
        clip.rename(tmp_path / "savee" / who / name)
    clips = load_savee(tmp_path / "savee")
    (tmp_path / "savee" / "DC" / "sa01.flac").write_bytes(b"no sound at all")
    scored = score_clips(ListeningRecognizer(), clips, ("sad", "happy"), skip_broken=True)
    assert list(scored.broken) == ["DC/sa01.flac"]
    assert "JE/sa01.flac" in scored.files
    assert len(set(scored.files)) == len(scored.files) == 7
    assert [
        clips[row]["audio"]["path"][-len(name) :] for row, name in zip(scored.rows, scored.files, strict=True)
    ] == (scored.files)


def test_a_model_of_other_emotions_is_refused(clips):
    recognizer = ListeningRecognizer()
    recognizer.emotions = ("bored", "awake")
    with pytest.raises(ValueError, match="knows bored, awake; expected neutral"):
        score_clips(recognizer, clips)


def test_an_empty_batch_is_refused(clips):
    with pytest.raises(ValueError, match="batch_size must be 1 or more, got 0"):
        score_clips(ListeningRecognizer(), clips, batch_size=0)


def run_door(checkpoint, data_dir, output_dir, *more):
    evaluation.main(
        ["--model", str(checkpoint), "--data_dir", str(data_dir), "--output_dir", str(output_dir), *more]
    )
    return json.loads((output_dir / "metrics.json").read_text())


def test_the_door_measures_a_checkpoint(checkpoint, tiny_ravdess, tmp_path, capsys):
    report = run_door(checkpoint, tiny_ravdess, tmp_path, "--actors", "3", "4")
    assert report["num_clips"] == 120
    assert report["actors"] == ["ravdess:03", "ravdess:04"]
    assert report["actors_in_training"] is None
    assert len(report["corpus"]["fingerprint"]) == 64
    assert report["model"] == {"name": str(checkpoint), "revision": None}
    assert report["command"].startswith("python -m ser evaluate --model ")
    shown = capsys.readouterr()
    assert f"UAR{100 * report['uar']:19.1f} %" in shown.out
    assert "surprised" in shown.out
    assert "does not say which speakers" in shown.err
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 121
    enrolled = run_door(checkpoint, tiny_ravdess, tmp_path, "--actors", "3", "4", "--enrol", "10")
    assert (enrolled["num_clips"], enrolled["num_enrolled"]) == (100, 10)
    assert enrolled["title"].endswith(", 10 clips of each speaker enrolled")


def test_the_door_warns_where_the_model_knows_a_voice(checkpoint, tiny_ravdess, tmp_path, capsys):
    model = tmp_path / "model"
    shutil.copytree(checkpoint, model)
    (model / RECORD_NAME).write_text(json.dumps({"train_actors": [1, 2, 3]}))
    report = run_door(model, tiny_ravdess, tmp_path / "out", "--actors", "3", "4")
    assert report["actors_in_training"] == ["ravdess:03"]
    assert "WARNING: the model was TRAINED on actors ravdess:03." in capsys.readouterr().err
    run_door(model, tiny_ravdess, tmp_path / "out", "--actors", "4")
    assert "WARNING" not in capsys.readouterr().err


def test_the_door_scores_the_untouched_actors_by_default():
    args = evaluation.parse_arguments(["--model", "m", "--data_dir", "d", "--output_dir", "o"])
    assert args.actors == list(SHIPPED_TEST_ACTORS)


@pytest.mark.parametrize(
    ("model", "data_dir", "message"),
    [("here", "nowhere", "nowhere"), ("nowhere", "here", "nowhere")],
    ids=["no corpus", "no model"],
)
def test_the_door_says_what_is_missing(checkpoint, tiny_ravdess, tmp_path, model, data_dir, message):
    paths = {"model": {"here": checkpoint}, "data": {"here": tiny_ravdess}}
    with pytest.raises(SystemExit, match=rf"^Error: .*{message}"):
        run_door(
            paths["model"].get(model, tmp_path / "nowhere"),
            paths["data"].get(data_dir, tmp_path / "nowhere"),
            tmp_path / "out",
            "--actors",
            "1",
        )
    assert not (tmp_path / "out").exists()


def test_another_corpus_is_scored_on_everyone_and_on_the_emotions_it_has(checkpoint, tmp_path, capsys):
    data_dir = write_emodb(tmp_path / "emodb")
    report = run_door(checkpoint, data_dir, tmp_path / "out", "--corpus", "emodb")
    assert report["title"] == "EmoDB, all 2 speakers (6 classes)"
    assert report["actors"] == ["emodb:03", "emodb:08"]
    assert report["num_clips"] == 2 * 6 * 2
    assert report["classes"] == list(CLASS_SETS["6"])
    assert list(report["per_class_set"]) == ["6", "4"]
    assert report["per_intensity"] == {}
    assert "boredom" not in (tmp_path / "out" / "predictions.csv").read_text()
    assert "6 classes" not in capsys.readouterr().err
    four = run_door(
        checkpoint, data_dir, tmp_path / "out", "--corpus", "emodb", "--classes", "4", "--actors", "8"
    )
    assert four["title"] == "EmoDB, actors 08 (4 classes)"
    assert four["num_clips"] == 8
    header, *_ = (tmp_path / "out" / "predictions.csv").read_text().splitlines()
    assert header == "file,actor,true,predicted,neutral_prob,happy_prob,sad_prob,angry_prob"


def test_a_record_of_another_corpus_does_not_name_these_actors(checkpoint, tmp_path, capsys):
    data_dir = write_emodb(tmp_path / "emodb")
    model = tmp_path / "model"
    shutil.copytree(checkpoint, model)
    (model / RECORD_NAME).write_text(json.dumps({"train_actors": [3, 8]}))
    report = run_door(model, data_dir, tmp_path / "out", "--corpus", "emodb")
    assert report["actors_in_training"] == []
    (model / RECORD_NAME).write_text(json.dumps({"train_actors": [1, "emodb:8"]}))
    assert "WARNING" not in capsys.readouterr().err
    report = run_door(model, data_dir, tmp_path / "out", "--corpus", "emodb")
    assert report["actors_in_training"] == ["emodb:08"]
    assert "TRAINED on actors emodb:08" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--classes", "8"], "EmoDB has no calm, surprised"),
        (["--actors", "4"], "has no speaker emodb:04; expected .* emodb:03, emodb:08"),
    ],
    ids=["classes", "actors"],
)
def test_what_a_corpus_lacks_is_named(checkpoint, tmp_path, options, message):
    data_dir = write_emodb(tmp_path / "emodb")
    with pytest.raises(SystemExit, match=message):
        run_door(checkpoint, data_dir, tmp_path / "out", "--corpus", "emodb", *options)


def test_unreadable_clips_of_any_corpus_are_skipped_when_asked(checkpoint, tmp_path):
    data_dir = write_emodb(tmp_path / "emodb")
    (data_dir / "03a02Wa.flac").write_bytes(b"no sound at all")
    cut = data_dir / "08a01Wa.flac"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    with pytest.raises(SystemExit, match=r"03a02Wa\.flac.* Replace or remove them.*: --skip_unreadable$"):
        run_door(checkpoint, data_dir, tmp_path / "out", "--corpus", "emodb")
    report = run_door(checkpoint, data_dir, tmp_path / "out", "--corpus", "emodb", "--skip_unreadable")
    assert set(report["broken_clips"]) == {"08a01Wa.flac", "03a02Wa.flac"}
    assert report["num_clips"] == 23


class ThreeLabels:
    """Knows labels of its own."""

    emotions = ("neutral", "angry", "bored")

    def load(self, clip):
        return load_audio(clip, 16_000)

    def predict_probabilities(self, waveforms):
        return np.array(
            [np.random.default_rng(int(1e6 * abs(w).sum())).dirichlet(np.ones(3)) for w in waveforms]
        )


def _embedded(row):
    return {"audio": {"path": None, "bytes": Path(row["audio"]["path"]).read_bytes()}}


def test_any_labels_are_scored_without_speakers_and_from_bytes(tmp_path):
    clips = load_own_data(write_label_folders(tmp_path, ("angry", "bored", "neutral")))
    inside = clips.map(_embedded)
    for each in (clips, inside):
        scored = score_clips(ThreeLabels(), each, ThreeLabels.emotions)
        report = evaluation_report(scored, num_resamples=50)
        assert report["classes"] == ["neutral", "angry", "bored"]
        assert report["per_class_set"] == {}
        assert report["uar_interval"]["low"] < report["uar"] < report["uar_interval"]["high"]
        assert report["uar_interval"]["num_actors"] == len(clips)
        write_evaluation(tmp_path / "out", scored, report, "three labels")
    with pytest.raises(ValueError, match="The model knows neutral, angry, bored; expected sad too"):
        score_clips(ThreeLabels(), clips, ("angry", "sad"))
