"""Every label of any model has a colour and a pattern of its own."""

from ser.demo.theme import PATTERNS, label_patterns, label_styles
from ser.labels import EMOTIONS


def test_each_emotion_has_its_own_pattern():
    assert tuple(PATTERNS) == EMOTIONS
    assert len(set(label_patterns(EMOTIONS).values())) == len(EMOTIONS)


def test_labels_of_other_models_are_told_apart_too():
    labels = ["boredom", "sad", "contempt", *(f"label {number}" for number in range(20))]
    styles = label_styles(labels)
    assert list(styles) == labels
    assert len(set(styles.values())) == len(labels)
    assert label_styles(EMOTIONS)["sad"] == styles["sad"]
    assert all("--emotion:#" in style and "--emotion-fill:" in style for style in styles.values())
    assert len(set(label_patterns(labels[:8]).values())) == 8
