"""The words of an answer."""

import pytest

from ser.audio.recording_quality import QualityHint
from ser.demo.answer import answer_html, error_html, hints_html, long_answer_html
from ser.recognizer.confidence import Confidence
from ser.segments.segment import Segment

PROBABILITIES = {"happy": 0.55, "sad": 0.3, "angry": 0.15}
SURE, NOT_SURE = Confidence(True, 0.61), Confidence(False, 0.27)


def test_the_strongest_emotion_is_named_with_what_its_probability_is_worth():
    html = answer_html(PROBABILITIES, SURE, {"happy": "--emotion:#123456"})
    assert "The speaker sounds happy (55%). About 6 in 10 such answers are right." in html
    assert 'role="status"' in html
    assert "--emotion:#123456" in html


def test_where_too_few_such_answers_are_right_the_answer_is_not_sure():
    html = answer_html(PROBABILITIES, NOT_SURE, {})
    assert "Not sure" in html
    assert "Perhaps happy (55%) or sad (30%). About 3 in 10 such answers are right." in html


def test_an_answer_about_what_is_no_speech_is_not_sure():
    html = answer_html(PROBABILITIES, Confidence(False), {}, is_out_of_distribution=True)
    assert "Not sure" in html
    assert "unlike the speech that the model was trained on" in html
    assert "perhaps happy (55%) or sad (30%)" in html


@pytest.mark.parametrize(("spoken", "verdict"), [("happy", "right"), ("disgust", "wrong")])
def test_an_answer_about_an_example_is_compared_with_what_was_spoken(spoken: str, verdict: str):
    meant = {"disgust": "disgusted"}.get(spoken, spoken)
    assert f"The actor meant {meant}: {verdict}." in answer_html(PROBABILITIES, SURE, {}, spoken=spoken)


def _segment(label: str, seconds: float, channel: int = 1) -> Segment:
    if label == "silence":
        return Segment(0, seconds, channel, f"channel {channel}", "silence")
    probabilities = {"angry" if label == "not sure" else label: 1.0}
    confidence = NOT_SURE if label == "not sure" else SURE
    return Segment(0, seconds, channel, f"channel {channel}", "speech", probabilities, confidence)


def test_a_long_recording_is_described_by_shares_of_its_speech():
    angry, calm, unsure = _segment("angry", 6), _segment("calm", 3), _segment("not sure", 1)
    html = long_answer_html([unsure, calm, _segment("silence", 9), angry], {})
    assert "Mostly angry" in html
    assert "Of the speech: angry 60%, calm 30%, not sure 10%." in html
    assert "Changing" in long_answer_html([_segment(each, 1) for each in ("angry", "calm", "sad")], {})
    assert "Not sure" in long_answer_html([unsure], {})
    assert "No speech" in long_answer_html([_segment("silence", 9)], {})


def test_each_speaker_of_a_long_recording_has_shares_of_their_own():
    html = long_answer_html([_segment("angry", 6), _segment("calm", 3, 2), _segment("sad", 1, 2)], {})
    assert "Channel 1: angry 100%. Channel 2: calm 75%, sad 25%." in html


def test_a_speaker_sounds_disgusted_and_not_disgust():
    html = answer_html({"disgust": 0.8, "sad": 0.2}, SURE, {})
    assert ">Disgust<" in html
    assert "The speaker sounds disgusted (80%)" in html


def test_what_others_wrote_is_shown_and_not_obeyed():
    assert "<img" not in error_html("<img src=x onerror=alert(1)>.wav cannot be read")
    assert "<b>" not in hints_html([QualityHint("noisy", "<b>noise</b>")])
    assert "<b>" not in answer_html({"<b>": 0.9, "sad": 0.1}, SURE, {})


def test_a_good_recording_gets_no_hints():
    assert hints_html([]) == ""
