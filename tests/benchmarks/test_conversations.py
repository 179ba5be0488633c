import numpy as np
import pytest

from benchmarks.accuracy.conversations import boundary_scores, time_scores
from benchmarks.accuracy.made_conversations import (
    SAMPLING_RATE,
    SETTINGS,
    Conversation,
    SpokenClip,
    make_conversation,
)
from ser.segments.segment import Segment
from ser.segments.turns import Turn


def clips() -> list[SpokenClip]:
    times = np.arange(SAMPLING_RATE) / SAMPLING_RATE
    tone = np.where((times > 0.2) & (times < 0.8), np.sin(2 * np.pi * 300 * times), 0).astype(np.float32)
    return [SpokenClip(tone, "calm", speaker) for speaker in ("a", "b")]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_turns_are_where_the_clips_are_loud(setting):
    conversation = make_conversation(clips(), setting, np.random.default_rng(0))
    for turn in conversation.turns:
        assert turn.end_seconds - turn.start_seconds == pytest.approx(0.6, abs=0.06)
        bounds = slice(int(turn.start_seconds * SAMPLING_RATE), int(turn.end_seconds * SAMPLING_RATE))
        assert np.square(conversation.samples[bounds, turn.channel - 1]).mean() > 0.3
    assert bool(conversation.music) == (setting.music_share > 0)
    assert conversation.samples.shape[1] == 1 + setting.stereo


def test_scores_count_boundaries_and_time():
    clip = clips()[0]
    turns = [Turn(1, 3, "a"), Turn(4, 6, "a")]
    conversation = Conversation(np.zeros((8 * SAMPLING_RATE, 1)), turns, [clip, clip])
    segments = [
        Segment(1.1, 2.0, 1, None, "speech", {"calm": 1.0}),
        Segment(2.0, 3.0, 1, None, "speech", {"sad": 1.0}),
        Segment(6.5, 7.5, 1, None, "speech", {"calm": 1.0}),
    ]
    assert boundary_scores(segments, conversation).tolist() == [2, 6, 4]
    expected = {"speech": 4, "wrong": 3.1, "missed": 2.1, "other": 3.0, "called_speech": 1.0}
    assert time_scores(segments, conversation) == pytest.approx(expected)
