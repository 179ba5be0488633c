"""A speaker's own recordings take off what the model says of this speaker whatever the emotion."""

import copy
import pickle

import numpy as np
import pytest
import soundfile
from random_checkpoint import save_random_checkpoint

from ser.audio import AudioError
from ser.onnx.export import export_onnx
from ser.recognizer import EmotionRecognizer
from ser.recognizer.enrolment import MIN_PROBABILITY, PRIOR_RECORDINGS, baseline_of, relative_to_baseline

RATE = 16_000


def voice(pitch_hz: float, seconds: float = 0.8) -> tuple[np.ndarray, int]:
    time_seconds = np.arange(round(seconds * RATE)) / RATE
    waveform = sum(np.sin(2 * np.pi * pitch_hz * n * time_seconds) / n for n in range(1, 6))
    return (0.1 * waveform).astype(np.float32), RATE


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory) -> EmotionRecognizer:
    folder = save_random_checkpoint(tmp_path_factory.mktemp("model"))
    return EmotionRecognizer.from_pretrained(folder)


@pytest.fixture(scope="module", params=["torch", "onnx"])
def either(request, recognizer, tmp_path_factory) -> EmotionRecognizer:
    if request.param == "torch":
        return recognizer
    file, _ = export_onnx(recognizer, tmp_path_factory.mktemp("graph"))
    return EmotionRecognizer.from_pretrained(file)


def test_many_recordings_leave_what_differs_from_the_speakers_average():
    rng = np.random.default_rng(0)
    emotion = rng.normal(0.0, 1.0, (4_000, 8))
    habit = rng.normal(0.0, 2.0, 8)  # how the model hears this speaker, whatever the emotion
    heard = np.exp(emotion + habit)
    heard /= heard.sum(axis=1, keepdims=True)
    meant = np.exp(emotion)
    meant /= meant.sum(axis=1, keepdims=True)
    adapted = relative_to_baseline(heard[2_000:], baseline_of(heard[:2_000]))
    assert np.abs(heard[2_000:] - meant[2_000:]).mean() > 0.05
    assert np.abs(adapted - meant[2_000:]).mean() < 0.01
    np.testing.assert_allclose(adapted.sum(axis=1), 1.0, rtol=1e-5)


def test_few_recordings_count_for_less():
    one = np.array([[0.7, 0.2, 0.1]])
    of_one, of_many = baseline_of(one), baseline_of(np.repeat(one, 1_000, axis=0))
    np.testing.assert_allclose(of_one, of_many / (1 + PRIOR_RECORDINGS), rtol=0.01)
    certain = np.array([[1.0, 0.0, 0.0]])
    assert np.abs(baseline_of(certain)).max() < -np.log(MIN_PROBABILITY)


def test_an_enrolled_recogniser_answers_relative_to_the_recordings(either):
    own = [voice(pitch) for pitch in (110.0, 130.0, 150.0)]
    enrolled = either.enrol(own)
    plain = np.array([list(each.values()) for each in either.predict([*own, voice(170.0)])])
    expected = relative_to_baseline(plain[3], baseline_of(plain[:3]))
    for answer in (
        enrolled.predict(voice(170.0)),
        enrolled.analyse(voice(170.0)).probabilities,
        copy.deepcopy(enrolled).predict(voice(170.0)),
        pickle.loads(pickle.dumps(enrolled)).predict(voice(170.0)),
    ):
        assert list(answer.values()) == pytest.approx(expected, abs=1e-5)
    segments, _ = enrolled.predict_segments([voice(170.0)[0]])
    np.testing.assert_allclose(segments[0], expected, atol=1e-5)
    assert list(either.predict(voice(170.0)).values()) == pytest.approx(plain[3], abs=1e-6)  # as before
    again = enrolled.enrol(own)  # from the model's own answers, not from adapted ones
    assert again.baseline == pytest.approx(enrolled.baseline)


def test_enrolment_needs_recordings_that_can_be_used(recognizer, tmp_path):
    with pytest.raises(ValueError, match="at least one recording"):
        recognizer.enrol([])
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError):
        recognizer.enrol([str(tmp_path / "broken.wav")])
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    with pytest.raises(AudioError):
        recognizer.enrol([str(tmp_path / "silent.wav")])
