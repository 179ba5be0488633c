"""Live: silence is silence, speech is answered after a second, and sessions share nothing."""

import numpy as np
import pytest
import soundfile

from ser import EmotionRecognizer
from ser.demo.examples import example_clips
from ser.demo.live_session import SHOWN_SECONDS, LiveSession

RATE = 16_000
CHUNK = round(0.3 * RATE)


def _room(seconds: float, seed: int = 0) -> np.ndarray:
    """Steady noise at -60 dB, as a microphone has it."""
    rng = np.random.default_rng(seed)
    return (1e-3 * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """A sentence without the silence around it."""
    waveform, _ = soundfile.read(example_clips()[4].path, dtype="float32")
    loud = np.flatnonzero(np.abs(waveform) > 0.05)
    return waveform[loud[0] : loud[-1]]


def _stream(session: LiveSession, waveform: np.ndarray, recognizer: EmotionRecognizer, start: float = 0.0):
    for number, begin in enumerate(range(0, len(waveform), CHUNK)):
        session.follow(waveform[begin : begin + CHUNK], recognizer, now=start + 0.3 * number)


def test_silence_is_no_emotion(recognizer: EmotionRecognizer):
    session = LiveSession()
    _stream(session, _room(6), recognizer)
    assert [window.probabilities for window in session.windows] == [None] * 20


def test_loud_steady_noise_is_no_emotion(recognizer: EmotionRecognizer):
    session = LiveSession()
    _stream(session, 30 * _room(6), recognizer)
    assert {window.probabilities is None for window in session.windows} == {True}


def test_speech_is_answered_after_a_second_and_silence_within_one(
    recognizer: EmotionRecognizer, speech: np.ndarray
):
    session = LiveSession()
    waveform = np.concatenate([_room(3), speech + _room(len(speech) / RATE, 1)[: len(speech)], _room(3, 2)])
    _stream(session, waveform, recognizer)
    heard = [window for window in session.windows if window.probabilities is not None]
    assert 4 <= heard[0].end_seconds <= 5.5  # a second of sound, short pauses between syllables not counted
    assert heard[-1].end_seconds <= 3 + len(speech) / RATE + 1.31  # a second, and what is left of a chunk
    assert sum(heard[0].probabilities.values()) == pytest.approx(1)


def test_the_answer_is_the_recognisers_for_the_last_three_seconds(
    recognizer: EmotionRecognizer, speech: np.ndarray
):
    session = LiveSession()
    talk = np.tile(speech, 3)[: 20 * CHUNK]
    _stream(session, talk, recognizer)
    expected = recognizer.predict((talk[-3 * RATE :], RATE))
    assert session.windows[-1].probabilities == pytest.approx(expected, abs=1e-6)


def test_after_stop_and_restart_old_sound_is_not_glued_to_new(
    recognizer: EmotionRecognizer, speech: np.ndarray
):
    session = LiveSession()
    _stream(session, speech, recognizer)
    session.follow(speech[:CHUNK], recognizer, now=60.0)
    np.testing.assert_array_equal(session.waveform, speech[:CHUNK])


def test_an_endless_stream_needs_bounded_memory(recognizer: EmotionRecognizer):
    session = LiveSession()
    for number in range(300):
        session.follow(_room(0.3, number)[:CHUNK], recognizer, now=0.3 * number)
    assert session.elapsed_seconds == pytest.approx(90)
    assert session.windows[0].end_seconds >= 90 - SHOWN_SECONDS - 0.01
    assert len(session.waveform) <= 3 * RATE
    assert len(session.levels_db) <= 800


def test_two_people_do_not_hear_each_other(recognizer: EmotionRecognizer, speech: np.ndarray):
    one, other = LiveSession(), LiveSession()
    _stream(one, speech, recognizer)
    _stream(other, _room(3), recognizer)
    assert one.windows[-1].probabilities is not None
    assert other.windows[-1].probabilities is None


def test_the_level_follows_the_sound(recognizer: EmotionRecognizer, speech: np.ndarray):
    session = LiveSession()
    assert session.level == 0
    _stream(session, 0.01 * _room(1), recognizer)
    assert session.level == 0
    _stream(session, 0.5 * np.sin(np.arange(CHUNK)).astype(np.float32), recognizer)
    assert 0.7 < session.level < 1
