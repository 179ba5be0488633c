"""Emotions look different even without their colours."""

from ser.demo.theme import PATTERNS, style_sheet
from ser.labels import EMOTION_COLORS, EMOTIONS


def test_each_emotion_has_a_colour_and_a_pattern_of_its_own():
    assert tuple(PATTERNS) == EMOTIONS
    assert len(set(PATTERNS.values())) == len(EMOTIONS)
    sheet = style_sheet()
    for emotion, color in EMOTION_COLORS.items():
        assert f".emotion-{emotion},[data-testid='{emotion}-confidence-set']{{--emotion:{color};" in sheet
