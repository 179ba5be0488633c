"""One rule for short, long and silent recordings, in Python, the programs, the demo and the ONNX file."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from free_port import find_free_port
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from benchmarks.accuracy.out_of_distribution import make_sound
from ser import EmotionRecognizer, SilenceError
from ser.batch import cli as predict_program
from ser.corpora.clips import Clip, clips_to_dataset
from ser.demo.examples import example_clips
from ser.demo.models import Models
from ser.demo.page import build_demo, launch_options
from ser.evaluation.scoring import score_clips
from ser.labels import EMOTIONS
from ser.onnx.export import export_onnx

RATE = 16_000
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def recognizer() -> EmotionRecognizer:
    return EmotionRecognizer.from_pretrained(ROOT / "checkpoint")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Recordings of all lengths and kinds, made from the examples."""
    folder = tmp_path_factory.mktemp("recordings")
    clips = [soundfile.read(each.path, dtype="float32")[0] for each in example_clips()]
    speech = np.concatenate(clips)  # 30 s
    pause = np.zeros(4 * RATE, dtype=np.float32)
    noise = np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32)
    waveforms = {
        "0.3 s": (clips[4][RATE : RATE + 4_800], RATE),
        "4 s": (clips[4][: 4 * RATE], RATE),
        "9.9 s": (speech[: round(9.9 * RATE)], RATE),
        "10.1 s": (speech[: round(10.1 * RATE)], RATE),
        "15 s with a pause": (
            np.concatenate([speech[: 6 * RATE], pause, speech[6 * RATE : 11 * RATE]]),
            RATE,
        ),
        "3 minutes": (np.tile(speech, 7)[: 180 * RATE], RATE),
        "stereo": (np.stack([clips[2], 0.5 * clips[2]], axis=1), RATE),
        "8 kHz": (soxr.resample(clips[3], RATE, 8_000), 8_000),
        "silence": (np.zeros(12 * RATE), RATE),
        "near silence": (1e-4 * noise, RATE),
        "an offset without sound": (np.full(4 * RATE, 0.05), RATE),
    }
    for name, (waveform, rate) in waveforms.items():
        soundfile.write(folder / f"{name}.wav", waveform, rate, subtype="FLOAT")
    return {name: folder / f"{name}.wav" for name in waveforms}


@pytest.fixture(scope="module")
def expected(recognizer, recordings) -> dict[str, list[float] | None]:
    """What `EmotionRecognizer.predict` answers; `None` for a silent recording."""
    answers: dict[str, list[float] | None] = {}
    for name, file in recordings.items():
        try:
            answers[name] = list(recognizer.predict(file).values())
        except SilenceError:
            answers[name] = None
    return answers


def check(answers: dict[str, list[float] | None], expected: dict[str, list[float] | None], tolerance: float):
    assert answers.keys() == expected.keys()
    for name, answer in answers.items():
        assert (answer is None) == (expected[name] is None), name
        assert answer is None or answer == pytest.approx(expected[name], abs=tolerance), name


def test_silence_is_an_error_and_everything_else_is_answered(expected):
    silent = {name for name, answer in expected.items() if answer is None}
    assert silent == {"silence", "near silence", "an offset without sound"}
    for answer in expected.values():
        assert answer is None or sum(answer) == pytest.approx(1, abs=1e-5)


def test_a_long_recording_is_the_mean_of_its_windows_with_sound(recognizer, recordings, expected):
    answers: dict[str, list[float] | None] = {}
    for name, file in recordings.items():
        try:
            sounding = [each.probabilities for each in recognizer.timeline(file) if each.probabilities]
        except SilenceError:
            answers[name] = None
            continue
        seconds = soundfile.info(file).duration
        long = seconds > 10 or seconds <= 3
        answers[name] = (
            np.mean([list(each.values()) for each in sounding], axis=0).tolist() if long else expected[name]
        )
    check(answers, expected, 1e-5)
    pause = [each for each in recognizer.timeline(recordings["15 s with a pause"]) if not each.probabilities]
    assert pause
    assert all(6 <= each.start_seconds <= each.end_seconds <= 10 for each in pause)


def test_an_analysis_answers_as_predict_does(recognizer, recordings, expected):
    answers: dict[str, list[float] | None] = {}
    for name, file in recordings.items():
        told: list[float] = []
        try:
            analysis = recognizer.analyse(file, told.append)
        except SilenceError:
            answers[name] = None
            continue
        answers[name] = list(analysis.probabilities.values())
        assert analysis.windows == (recognizer.timeline(file) if analysis.duration_seconds > 5 else []), name
        assert analysis.attention.weights.sum() == pytest.approx(1, abs=1e-4)
        assert analysis.attention.times_seconds.max() < analysis.duration_seconds
        assert told == sorted(told)
        assert told[-1] == 1
    check(answers, expected, 1e-5)


def test_waveforms_in_one_list_answer_as_they_do_alone(recognizer, recordings, expected):
    names = [name for name, answer in expected.items() if answer is not None]
    together = recognizer.predict([recordings[name] for name in names])
    check(
        {name: list(answer.values()) for name, answer in zip(names, together, strict=True)},
        {name: expected[name] for name in names},
        1e-5,
    )


def test_the_batch_program_answers_as_predict_does(recordings, expected, tmp_path):
    output = tmp_path / "scores.jsonl"
    files = [str(file) for file in recordings.values()]
    words = ["--model", str(ROOT / "checkpoint"), "--output", str(output), "--num_workers", "1"]
    predict_program.main([*words, *files])
    rows = {Path(row["path"]).stem: row for row in map(json.loads, output.read_text().splitlines())}
    check(
        {
            name: None if row["error"] else [row[emotion] for emotion in EMOTIONS]
            for name, row in rows.items()
        },
        expected,
        1e-5,
    )
    assert "is silent" in rows["silence"]["error"]


def test_evaluation_answers_as_predict_does(recognizer, recordings, expected):
    clips = clips_to_dataset([Clip(str(file), "sad", number, "female") for number, file in
                              enumerate(recordings.values())])  # fmt: skip
    scored = score_clips(recognizer, clips, skip_broken=True)
    answers: dict[str, list[float] | None] = {Path(name).stem: None for name in scored.broken}
    for file, row in zip(scored.files, scored.probabilities.tolist(), strict=True):
        answers[Path(file).stem] = row
    check(answers, expected, 1e-5)


def test_the_onnx_file_answers_as_predict_does(recognizer, recordings, expected, tmp_path):
    export_onnx(recognizer, tmp_path)
    exported = EmotionRecognizer.from_pretrained(tmp_path)
    answers: dict[str, list[float] | None] = {}
    for name, file in recordings.items():
        try:
            answers[name] = list(exported.predict(file).values())
        except SilenceError:
            answers[name] = None
            continue
        analysis, same = exported.analyse(file), recognizer.analyse(file)
        assert list(analysis.probabilities.values()) == pytest.approx(answers[name], abs=1e-6)
        assert analysis.is_out_of_distribution == same.is_out_of_distribution
        np.testing.assert_allclose(analysis.attention.weights, same.attention.weights, atol=1e-4)
    check(answers, expected, 1e-4)


@pytest.fixture(scope="module")
def client(recognizer, tmp_path_factory) -> Iterator[Client]:
    demo = build_demo(Models([str(tmp_path_factory.mktemp("model"))], lambda _: recognizer))
    address = {"server_name": "127.0.0.1", "server_port": find_free_port()}
    _, url, _ = demo.launch(**address, prevent_thread_lock=True, quiet=True, **launch_options())
    yield Client(url, verbose=False)
    demo.close(verbose=False)


def test_the_demos_endpoints_answer_as_predict_does(client, recognizer, recordings, expected):
    answers: dict[str, list[float] | None] = {}
    for name, file in recordings.items():
        if expected[name] is None:
            for endpoint in ("/predict", "/timeline"):
                with pytest.raises(AppError, match="is silent"):
                    client.predict(handle_file(file), api_name=endpoint)
            answers[name] = None
            continue
        answer = client.predict(handle_file(file), api_name="/predict")
        confidences = {each["label"]: each["confidence"] for each in answer["confidences"]}
        answers[name] = [confidences[emotion] for emotion in EMOTIONS]
        windows = client.predict(handle_file(file), api_name="/timeline")
        for window, same in zip(windows, recognizer.timeline(file), strict=True):
            assert window["start_seconds"] == pytest.approx(same.start_seconds)
            assert window["end_seconds"] == pytest.approx(same.end_seconds)
            assert window["probabilities"] == (
                same.probabilities and pytest.approx(same.probabilities, abs=1e-5)
            )
    check(answers, expected, 1e-5)
    _, table = client.predict([handle_file(file) for file in recordings.values()], api_name="/predict_files")
    with Path(table).open(newline="", encoding="utf-8") as lines:
        rows = {Path(row["file"]).stem: row for row in csv.DictReader(lines)}
    answers = {
        name: None if row["problem"] else [float(row[f"{emotion}_prob"]) for emotion in EMOTIONS]
        for name, row in rows.items()
    }
    check(answers, expected, 1e-5)


def test_what_sounds_like_no_speech_is_out_of_distribution_and_speech_is_not(
    recognizer, recordings, tmp_path
):
    clicks = make_sound("clicks", RATE, np.random.default_rng(0))
    soundfile.write(tmp_path / "clicks.wav", clicks, RATE)
    soundfile.write(tmp_path / "more clicks.wav", np.tile(clicks, 8), RATE)
    assert recognizer.analyse(tmp_path / "clicks.wav").is_out_of_distribution
    assert recognizer.is_out_of_distribution(tmp_path / "more clicks.wav")
    assert not recognizer.analyse(recordings["3 minutes"]).is_out_of_distribution
    # The threshold lets one clip in a hundred of the training itself go: a scream may be beyond it.
    assert sum(bool(recognizer.is_out_of_distribution(each.path)) for each in example_clips()) <= 1


def test_overdriven_is_seen_at_the_rate_of_the_recording(recognizer, tmp_path):
    clip, rate = soundfile.read(example_clips()[4].path, dtype="float32")
    louder = np.clip(soxr.resample(clip / np.abs(clip).max(), rate, 48_000) * 8, -1, 1)
    soundfile.write(tmp_path / "overdriven.wav", louder, 48_000)
    for form in (tmp_path / "overdriven.wav", (tmp_path / "overdriven.wav").read_bytes(), (louder, 48_000)):
        assert "clipped" in [hint.kind for hint in recognizer.analyse(form).hints]
