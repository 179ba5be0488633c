"""The words of an answer."""

from ser.demo.verdict import error_html, hints_html, verdict_html
from ser.recording_quality import QualityHint

PROBABILITIES = {"happy": 0.55, "sad": 0.3, "angry": 0.15}


def test_the_strongest_emotion_is_named_with_its_probability():
    html = verdict_html(PROBABILITIES, threshold=0.5)
    assert "This voice sounds happy, with a probability of 55%." in html
    assert 'role="status"' in html


def test_below_the_threshold_the_answer_is_not_sure():
    html = verdict_html(PROBABILITIES, threshold=0.6)
    assert "Not sure" in html
    assert "Perhaps happy (55%) or sad (30%)" in html


def test_what_just_misses_the_threshold_does_not_read_as_if_it_reached_it():
    html = verdict_html({"disgust": 0.4199, "angry": 0.416, "sad": 0.1641}, threshold=0.42)
    assert "Perhaps disgusted (41.9%) or angry (41.6%), but no emotion reaches 42%." in html


def test_a_sure_answer_about_what_is_no_speech_is_not_sure():
    html = verdict_html(PROBABILITIES, threshold=0.5, is_strange=True)
    assert "Not sure" in html
    assert "unlike the speech that the model learned from" in html
    assert "perhaps happy (55%) or sad (30%)" in html


def test_a_voice_sounds_disgusted_and_not_disgust():
    html = verdict_html({"disgust": 0.8, "sad": 0.2}, threshold=0.5)
    assert ">Disgust<" in html
    assert "This voice sounds disgusted, with" in html


def test_what_others_wrote_is_shown_and_not_obeyed():
    assert "<img" not in error_html("<img src=x onerror=alert(1)>.wav cannot be read")
    assert "<b>" not in hints_html([QualityHint("noisy", "<b>noise</b>")])


def test_a_good_recording_gets_no_hints():
    assert hints_html([]) == ""
