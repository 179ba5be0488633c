"""The demo as programs see it."""

import math
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from ser import EmotionRecognizer
from ser.demo.examples import EXAMPLES_DIR, example_clips
from ser.labels import EMOTIONS

CLIP = EXAMPLES_DIR / "sad_03-01-04-02-01-01-24.flac"


@pytest.fixture(scope="module")
def client(demo_url: str) -> Client:
    return Client(demo_url, verbose=False)


def test_predict_gives_a_label_dictionary(client: Client, recognizer: EmotionRecognizer):
    answer = client.predict(handle_file(CLIP), api_name="/predict")
    expected = recognizer.predict(CLIP)
    confidences = {entry["label"]: entry["confidence"] for entry in answer["confidences"]}
    assert confidences == pytest.approx(expected, abs=1e-6)
    assert list(confidences) == sorted(EMOTIONS, key=expected.__getitem__, reverse=True)
    assert math.isclose(sum(confidences.values()), 1, abs_tol=1e-5)
    assert answer["label"] == max(expected, key=expected.__getitem__)


def test_predict_says_what_is_wrong_with_a_file(client: Client, tmp_path: Path):
    impostor = tmp_path / "impostor.wav"
    impostor.write_bytes(b"no sound at all" * 20)
    with pytest.raises(AppError, match="not a kind of sound known here"):
        client.predict(handle_file(impostor), api_name="/predict")


def test_there_is_an_example_for_each_emotion_from_both_genders():
    labels = [label for _, label in example_clips()]
    assert [label.split()[0].lower() for label in labels] == list(EMOTIONS)
    assert {label.split()[1] for label in labels} == {"(woman)", "(man)"}
