"""Speech is found where it is, once, whoever brings it and in whatever pieces."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile

from ser.audio import AudioError
from ser.recognizer import EmotionRecognizer
from ser.segments.segment import Segment
from ser.segments.turns import Turn

RATE = 16_000


def speech(segments: list[Segment]) -> list[Segment]:
    return [each for each in segments if each.kind == "speech"]


def assert_same(ones: list[Segment], others: list[Segment]) -> None:
    assert [(each.start_seconds, each.end_seconds, each.channel, each.kind) for each in ones] == [
        (each.start_seconds, each.end_seconds, each.channel, each.kind) for each in others
    ]
    for one, other in zip(ones, others, strict=True):
        assert one.probabilities == (other.probabilities and pytest.approx(other.probabilities, abs=1e-5))


def test_each_clip_of_a_stereo_call_is_found_on_its_channel_alone(recognizer: EmotionRecognizer, call):
    samples, turns = call
    segments = speech(list(recognizer.segments((samples, RATE))))
    assert {each.speaker for each in segments} == {"channel 1", "channel 2"}
    for channel, start, end in turns:
        inside = [each for each in segments if start < (each.start_seconds + each.end_seconds) / 2 < end]
        assert {each.channel for each in inside} == {channel}  # and cross-talk on the other is ignored
        assert sum(each.duration_seconds for each in inside) > 0.9  # every example holds a longer sentence


def test_segments_cover_a_channel_without_gap_or_overlap(recognizer: EmotionRecognizer, call):
    samples, _ = call
    segments = list(recognizer.segments((samples, RATE)))
    for channel in (1, 2):
        of_channel = [each for each in segments if each.channel == channel]
        assert of_channel[0].start_seconds == 0
        assert of_channel[-1].end_seconds == pytest.approx(len(samples) / RATE)
        for before, after in pairwise(of_channel):
            assert before.end_seconds == after.start_seconds


@pytest.mark.parametrize("chunk", [160, 777, 40_000])
def test_a_stream_gives_what_the_file_gives(recognizer: EmotionRecognizer, call, tmp_path, chunk: int):
    samples, _ = call
    soundfile.write(tmp_path / "call.wav", samples, RATE, subtype="FLOAT")
    expected = list(recognizer.segments(tmp_path / "call.wav"))
    stream = recognizer.stream(RATE, 2)
    segments = [
        segment
        for start in range(0, len(samples), chunk)
        for segment in stream.feed(samples[start : start + chunk])
    ]
    segments += stream.finish()
    by_place = [
        sorted(each, key=lambda one: (one.channel, one.start_seconds)) for each in (segments, expected)
    ]
    assert_same(*by_place)


def test_resampling_in_pieces_changes_nothing(recognizer: EmotionRecognizer, call):
    samples = np.repeat(call[0][:, :1], 3, axis=0)  # 48 kHz
    at_once, in_pieces = recognizer.stream(48_000), recognizer.stream(48_000)
    expected = at_once.feed(samples) + at_once.finish()
    pieces = np.array_split(samples, 997)
    assert_same([each for piece in pieces for each in in_pieces.feed(piece)] + in_pieces.finish(), expected)


def test_a_segment_gets_the_answer_of_its_samples_alone(recognizer: EmotionRecognizer, call):
    samples = call[0][:, :1]
    for each in speech(list(recognizer.segments((samples, RATE)))):
        alone = samples[round(each.start_seconds * RATE) : round(each.end_seconds * RATE), 0]
        assert recognizer.predict((alone, RATE)) == pytest.approx(each.probabilities, abs=1e-5)


def test_the_estimate_of_speech_under_way_is_there_before_its_end(recognizer: EmotionRecognizer, call):
    samples, turns = call
    stream = recognizer.stream(RATE)
    assert stream.running() == []
    _, start, end = turns[0]
    stream.feed(samples[: round((start + end) / 2 * RATE), 0])
    (running,) = stream.running()
    assert start - 0.1 < running.start_seconds < running.end_seconds < end
    assert running.emotion


def test_noise_music_and_silence_have_no_emotion(recognizer: EmotionRecognizer):
    rng = np.random.default_rng(0)
    times = np.arange(3 * RATE) / RATE
    chord = sum(0.1 * np.sin(2 * np.pi * hertz * times) for hertz in (220, 277, 330))
    noise, silence = 0.05 * rng.standard_normal(3 * RATE), np.zeros(3 * RATE)
    for sound, kind in ((chord, "non-speech"), (noise, "non-speech"), (silence, "silence")):
        (segment,) = recognizer.segments((sound.astype(np.float32), RATE))
        assert (segment.kind, segment.emotion, segment.probabilities) == (kind, None, None)
        assert segment.end_seconds == pytest.approx(3)


def test_speech_without_pause_is_cut_before_it_gets_too_long(recognizer: EmotionRecognizer, call):
    clips = call[0].sum(axis=1)
    loud = clips[np.convolve(np.abs(clips), np.ones(1600) / 1600, "same") > 0.01]
    segments = speech(list(recognizer.segments((np.tile(loud, 4), RATE))))
    assert len(segments) > 3
    assert all(0.2 < each.duration_seconds <= 8 for each in segments)


def test_one_signal_on_two_channels_is_one_speaker(recognizer: EmotionRecognizer, call):
    mono = call[0].sum(axis=1)
    segments = list(recognizer.segments((np.stack([mono, mono], axis=1), RATE)))
    assert {(each.channel, each.speaker) for each in segments} == {(0, None)}
    assert_same(
        [each for each in segments if each.emotion],
        [
            Segment(each.start_seconds, each.end_seconds, 0, None, each.kind, each.probabilities)
            for each in recognizer.segments((mono, RATE))
            if each.emotion
        ],
    )


def test_given_turns_are_analysed_as_they_are(recognizer: EmotionRecognizer, call):
    samples, clips = call
    turns = [Turn(start, end, f"speaker {channel}") for channel, start, end in clips]
    turns.append(Turn(0.0, 0.4, "nobody"))
    segments = list(recognizer.segments((samples.sum(axis=1), RATE), turns=turns))
    for turn in turns[:-1]:
        (found,) = [each for each in segments if abs(each.start_seconds - turn.start_seconds) < 1e-4]
        assert (found.kind, found.speaker) == ("speech", turn.speaker)
        assert found.end_seconds == pytest.approx(turn.end_seconds, abs=1e-4)
    (nobody,) = [each for each in segments if each.speaker == "nobody"]
    assert nobody.emotion is None


def test_a_long_turn_is_cut_and_overlapping_turns_are_both_analysed(recognizer: EmotionRecognizer, call):
    samples, clips = call
    last = clips[-1][2]
    turns = [Turn(0.0, last, "one"), Turn(1.0, 3.5, "two"), Turn(last + 500, last + 501, "absent")]
    segments = list(recognizer.segments((samples.sum(axis=1), RATE), turns=turns))
    ones = [each for each in segments if each.speaker == "one"]
    assert len(ones) >= last / 8
    assert all(each.duration_seconds <= 8 for each in ones)
    assert (ones[0].start_seconds, ones[-1].end_seconds) == (0, pytest.approx(last))
    assert [each.duration_seconds for each in segments if each.speaker == "two"] == [2.5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": "both"}, "must be 'auto', 'mix' or 'speakers'"),
        ({"turns": [Turn(0, 1, "a", 3), Turn(0, 1, "b", 1)]}, "name channel 3; the recording has 2"),
    ],
)
def test_options_that_do_not_fit_are_refused(recognizer: EmotionRecognizer, call, options, message: str):
    with pytest.raises(ValueError, match=message):
        list(recognizer.segments((call[0], RATE), **options))


@pytest.mark.parametrize(
    "chunk",
    [np.zeros((10, 3), np.float32), np.zeros(10, np.int16), np.full(10, np.nan), np.full(10, 1e30)],
    ids=["channels", "integers", "nan", "huge"],
)
def test_a_chunk_that_is_no_sound_is_refused(recognizer: EmotionRecognizer, chunk: np.ndarray):
    with pytest.raises(AudioError):
        recognizer.stream(RATE).feed(chunk)


def test_memory_does_not_grow_with_the_recording(recognizer: EmotionRecognizer, call):
    stream = recognizer.stream(RATE)
    kept = []
    for _ in range(12):
        stream.feed(call[0][:, 0])
        stream.feed(np.zeros(60 * RATE, dtype=np.float32))
        kept.append(sum(len(cutter.channel.samples) for cutter in stream._cutters))
    assert max(kept) < 10 * RATE


def test_every_form_of_a_clip_is_a_recording(recognizer: EmotionRecognizer, call, tmp_path):
    mono = call[0][:, 0]
    soundfile.write(tmp_path / "call.wav", mono, RATE, subtype="FLOAT")
    content = (tmp_path / "call.wav").read_bytes()
    expected = list(recognizer.segments(tmp_path / "call.wav"))
    row = {"array": mono, "sampling_rate": RATE}
    for recording in (content, row, {"audio": row}, {"path": None, "bytes": content}, (mono, RATE)):
        assert_same(list(recognizer.segments(recording)), expected)


def test_a_long_silence_at_the_start_is_not_kept(recognizer: EmotionRecognizer, tmp_path):
    soundfile.write(tmp_path / "silent.flac", np.zeros((RATE * 60 * 12, 2), dtype=np.int16), RATE)
    segments = list(recognizer.segments(tmp_path / "silent.flac"))
    assert {(each.kind, each.start_seconds, each.end_seconds) for each in segments} == {("silence", 0, 720)}


def test_an_enrolled_speaker_is_compared_with_own_recordings(recognizer: EmotionRecognizer, call):
    samples, _ = call
    own = (samples[:, 0], RATE)
    enrolled = recognizer.enrol([own])
    plain = speech(list(recognizer.segments((samples, RATE))))
    adapted = speech(list(recognizer.segments((samples, RATE), enrolment={"channel 1": [own]})))
    for one, other in zip(plain, adapted, strict=True):
        alone = samples[round(one.start_seconds * RATE) : round(one.end_seconds * RATE), one.channel - 1]
        expected = (enrolled if one.channel == 1 else recognizer).predict((alone, RATE))
        assert other.probabilities == pytest.approx(expected, abs=1e-5)
        assert (one.probabilities == other.probabilities) == (one.channel == 2)


def test_enrolment_of_somebody_else_is_refused(recognizer: EmotionRecognizer, call):
    with pytest.raises(ValueError, match=r"names \['anna'\]; the speakers are \['channel 1', 'channel 2'\]"):
        list(recognizer.segments((call[0], RATE), enrolment={"anna": [(call[0][:, 0], RATE)]}))
    with pytest.raises(ValueError, match="at least one recording"):
        list(recognizer.segments((call[0], RATE), enrolment={"channel 1": []}))
