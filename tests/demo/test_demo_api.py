"""The demo as programs see it."""

import csv
import math
import subprocess
import sys
from pathlib import Path

import pytest
from documents import code_blocks
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from ser import EmotionRecognizer
from ser.demo.examples import EXAMPLES_DIR, example_clips
from ser.demo.judgement import judge
from ser.labels import EMOTIONS

REPO = Path(__file__).resolve().parents[2]
CLIP = EXAMPLES_DIR / "sad_03-01-04-02-01-01-24.flac"


@pytest.fixture(scope="module")
def client(demo_url: str) -> Client:
    return Client(demo_url, verbose=False)


def test_the_endpoints_are_named_and_documented_and_no_other(client: Client):
    endpoints = client.view_api(return_format="dict")
    assert set(endpoints["named_endpoints"]) == {
        "/predict",
        "/analyse",
        "/timeline",
        "/segments",
        "/predict_files",
    }
    assert endpoints["unnamed_endpoints"] == {}
    for endpoint in endpoints["named_endpoints"].values():
        assert "Returns" in endpoint["description"]


def test_predict_gives_a_label_dictionary(client: Client, recognizer: EmotionRecognizer):
    answer = client.predict(handle_file(CLIP), api_name="/predict")
    expected = recognizer.predict(CLIP)
    confidences = {entry["label"]: entry["confidence"] for entry in answer["confidences"]}
    assert confidences == pytest.approx(expected, abs=1e-6)
    assert list(confidences) == sorted(EMOTIONS, key=expected.__getitem__, reverse=True)
    assert math.isclose(sum(confidences.values()), 1, abs_tol=1e-5)
    assert answer["label"] == max(expected, key=expected.__getitem__)


def test_the_example_of_the_readme_asks_a_running_demo(demo_url: str):
    blocks = code_blocks(REPO / "README.md")
    (example,) = (
        block.text for block in blocks if block.language == "python" and "gradio_client" in block.text
    )
    assert "http://127.0.0.1:7860" in example
    here = example.replace("http://127.0.0.1:7860", demo_url)
    run = subprocess.run([sys.executable, "-c", here], cwd=REPO, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-2000:]
    assert all(emotion in run.stdout for emotion in EMOTIONS)


def test_analyse_gives_what_the_page_says(client: Client, recognizer: EmotionRecognizer):
    answer = client.predict(handle_file(CLIP), api_name="/analyse")
    judgement = judge(recognizer, CLIP)
    assert answer["probabilities"] == pytest.approx(judgement.analysis.probabilities, abs=1e-6)
    assert answer["confidence"] == str(judgement.confidence)
    assert answer["recording"] == CLIP.name
    assert set(answer) == set(judgement.to_dict())


def test_timeline_gives_windows(client: Client, recognizer: EmotionRecognizer):
    windows = client.predict(handle_file(CLIP), api_name="/timeline")
    assert [window["start_seconds"] for window in windows] == [0, 1, 2]
    assert windows[-1]["end_seconds"] == pytest.approx(4.404, abs=0.001)
    expected = recognizer.timeline(CLIP)
    assert windows[1]["probabilities"] == pytest.approx(expected[1].probabilities, abs=1e-6)


def test_segments_gives_each_speaker_of_a_stereo_call(client: Client, stereo_call: Path):
    answer = client.predict(handle_file(stereo_call), api_name="/segments")
    assert [each["speaker"] for each in answer["speakers"]] == ["channel 1", "channel 2"]
    speech = [each for each in answer["segments"] if each["kind"] == "speech"]
    assert {each["speaker"] for each in speech} == {"channel 1", "channel 2"}
    assert all(set(each["probabilities"]) == set(EMOTIONS) for each in speech)
    analysed = client.predict(handle_file(stereo_call), api_name="/analyse")
    assert [each for each in analysed["segments"] if each["kind"] == "speech"] == speech
    assert sum(analysed["shares_of_speech"].values()) == pytest.approx(1)


def test_predict_files_gives_a_table_and_its_csv(client: Client, tmp_path: Path):
    broken = tmp_path / "broken.wav"
    broken.write_text("not a sound")
    table, file = client.predict([handle_file(CLIP), handle_file(broken)], api_name="/predict_files")
    assert table["headers"][:3] == ["File", "Emotion", "Confidence or problem"]
    assert [row[0] for row in table["data"]] == [CLIP.name, "broken.wav"]
    with Path(file).open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert rows[0]["emotion"] in EMOTIONS
    assert rows[1]["problem"].startswith("broken.wav is not")


@pytest.mark.parametrize("endpoint", ["/predict", "/analyse", "/timeline", "/segments"])
def test_endpoints_say_what_is_wrong_with_a_file(client: Client, tmp_path: Path, endpoint: str):
    impostor = tmp_path / "impostor.wav"
    impostor.write_bytes(b"no sound at all" * 20)
    with pytest.raises(AppError, match="not a kind of sound known here"):
        client.predict(handle_file(impostor), api_name=endpoint)


def test_endpoints_say_that_nothing_was_given(client: Client):
    with pytest.raises(AppError, match="Send a sound file"):
        client.predict(None, api_name="/predict")
    with pytest.raises(AppError, match="Choose some sound or video files first"):
        client.predict(None, api_name="/predict_files")


def test_there_is_an_example_for_each_emotion_from_both_genders():
    assert [example.emotion for example in example_clips()] == list(EMOTIONS)
    assert {example.speaker for example in example_clips()} == {"woman", "man"}
