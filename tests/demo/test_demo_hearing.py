"""What is heard in a recording: the same as the recogniser hears, with silence left out."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.accuracy.nonspeech import make_nonspeech
from ser import AudioError, EmotionRecognizer
from ser.demo.examples import example_clips
from ser.demo.hearing import hear, hear_probabilities, listen_along

RATE = 16_000
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All examples one after the other, six seconds of silence in the middle: 36 seconds."""
    clips = [soundfile.read(path, dtype="float32")[0] for path, _ in example_clips()]
    clips.insert(4, np.zeros(6 * RATE, dtype=np.float32))
    file = tmp_path_factory.mktemp("conversation") / "conversation.wav"
    soundfile.write(file, np.concatenate(clips), RATE)
    return file


def test_a_sentence_has_probabilities_and_attention_and_no_timeline(recognizer: EmotionRecognizer):
    clip = example_clips()[3][0]
    hearing = hear(recognizer, clip)
    assert hearing.probabilities == pytest.approx(recognizer.predict(clip), abs=1e-6)
    np.testing.assert_allclose(hearing.attention, recognizer.attend(clip).weights, atol=1e-6)
    assert hearing.windows == []
    assert hearing.hints == []


def test_windows_are_those_of_the_recogniser_where_there_is_sound(
    recognizer: EmotionRecognizer, conversation: Path
):
    waveform = recognizer.load(conversation)
    windows = listen_along(recognizer, waveform)
    expected = recognizer.timeline((waveform, RATE))
    assert [(w.start_seconds, w.end_seconds) for w in windows] == [
        (w.start_seconds, w.end_seconds) for w in expected
    ]
    heard = [(w, e) for w, e in zip(windows, expected, strict=True) if w.probabilities is not None]
    assert 20 <= len(heard) < len(windows)
    for window, same in heard:
        assert window.probabilities == pytest.approx(same.probabilities, abs=1e-5)


def test_silence_inside_a_recording_is_silence_in_the_timeline(
    recognizer: EmotionRecognizer, conversation: Path
):
    silent = [w for w in hear(recognizer, conversation).windows if w.probabilities is None]
    starts = [window.start_seconds for window in silent]
    assert starts
    assert starts == list(np.arange(starts[0], starts[-1] + 1))  # one stretch, in the middle
    assert 13 < starts[0] < starts[-1] < 21


def test_a_long_recording_is_the_mean_of_its_heard_windows(recognizer: EmotionRecognizer, conversation: Path):
    hearing = hear(recognizer, conversation)
    heard = [w.probabilities for w in hearing.windows if w.probabilities is not None]
    expected = {emotion: np.mean([each[emotion] for each in heard]) for emotion in recognizer.emotions}
    assert hearing.probabilities == pytest.approx(expected)
    assert hear_probabilities(recognizer, conversation) == pytest.approx(expected)
    assert sum(hearing.probabilities.values()) == pytest.approx(1)
    assert hearing.attention.sum() == pytest.approx(1, abs=1e-5)
    assert hearing.attention_seconds.max() < hearing.duration_seconds


def test_progress_grows_to_the_end(recognizer: EmotionRecognizer, conversation: Path):
    told: list[float] = []
    hear(recognizer, conversation, told.append)
    assert len(told) >= 2
    assert told == sorted(told)
    assert told[-1] == 1


def test_nothing_is_read_into_silence(recognizer: EmotionRecognizer, tmp_path: Path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(20 * RATE), RATE)
    hearing = hear(recognizer, tmp_path / "silence.wav")
    assert hearing.probabilities is None
    assert [hint.kind for hint in hearing.hints] == ["silent"]
    probabilities = hear_probabilities(
        recognizer, tmp_path / "silence.wav"
    )  # programs get numbers all the same
    assert sum(probabilities.values()) == pytest.approx(1)


def test_what_sounds_like_no_speech_is_strange_and_speech_is_not(conversation: Path, tmp_path: Path):
    shipped = EmotionRecognizer.from_pretrained(ROOT / "checkpoint")
    clicks = make_nonspeech("clicks", RATE, np.random.default_rng(0))
    soundfile.write(tmp_path / "clicks.wav", clicks, RATE)
    soundfile.write(tmp_path / "more clicks.wav", np.tile(clicks, 10), RATE)
    assert hear(shipped, tmp_path / "clicks.wav").is_strange
    assert hear(shipped, tmp_path / "more clicks.wav").is_strange
    assert not hear(shipped, conversation).is_strange
    assert not any(hear(shipped, clip).is_strange for clip, _ in example_clips())


def test_clipping_is_seen_at_the_rate_of_the_recording(recognizer: EmotionRecognizer, tmp_path: Path):
    time_seconds = np.arange(3 * 48_000) / 48_000
    burst = np.clip(np.sin(2 * np.pi * 2 * time_seconds), 0, None)
    noise = np.random.default_rng(0).standard_normal(time_seconds.size)
    overdriven = np.clip(2 * burst * (np.sin(2 * np.pi * 220 * time_seconds) + 0.05 * noise), -0.7, 0.7)
    soundfile.write(tmp_path / "overdriven.wav", overdriven, 48_000)
    assert "clipped" in [hint.kind for hint in hear(recognizer, tmp_path / "overdriven.wav").hints]


def test_what_is_no_sound_is_refused(recognizer: EmotionRecognizer, tmp_path: Path):
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(AudioError, match="not a kind of sound"):
        hear(recognizer, tmp_path / "text.wav")
