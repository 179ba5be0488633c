"""The same sound gives the same probabilities however it is handed over, and a timeline misses nothing."""

import copy
import io
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import soxr
import torch
from random_checkpoint import save_random_checkpoint

from ser.audio import AudioError
from ser.labels import EMOTIONS
from ser.recognizer import EmotionRecognizer, SilenceError
from ser.recognizer.analysis import MAX_BATCH_SECONDS, batches
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer

RATE = 16_000


@pytest.fixture(scope="module", params=["hybrid", "plain"])
def recognizer(request, tmp_path_factory) -> EmotionRecognizer:
    architecture = {"conv_channels": [], "conv_strides": []} if request.param == "plain" else {}
    return EmotionRecognizer.from_pretrained(
        save_random_checkpoint(tmp_path_factory.mktemp(request.param), **architecture)
    )


def buzz(seconds: float, pitch_hz: float = 140.0, sampling_rate: int = RATE) -> np.ndarray:
    """A harmonic sound that swells and fades, with a little noise."""
    time_seconds = np.arange(round(seconds * sampling_rate)) / sampling_rate
    waveform = sum(np.sin(2 * np.pi * pitch_hz * n * time_seconds) / n for n in range(1, 9))
    noise = np.random.default_rng(int(pitch_hz)).standard_normal(time_seconds.size)
    return (0.1 * waveform * np.sin(np.pi * time_seconds / seconds) + 0.001 * noise).astype(np.float32)


def values(probabilities: dict[str, float]) -> list[float]:
    return list(probabilities.values())


def test_probabilities_are_named_in_the_models_order_and_sum_to_one(recognizer):
    probabilities = recognizer.predict((buzz(1.0), RATE))
    assert tuple(probabilities) == recognizer.emotions == EMOTIONS
    assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-6)
    assert all(isinstance(prob, float) and 0 < prob < 1 for prob in probabilities.values())


def test_probabilities_are_the_models_with_dropout_off(recognizer):
    waveform = buzz(1.0)
    inputs = recognizer.feature_extractor(waveform, sampling_rate=RATE, return_tensors="pt")
    with torch.no_grad():
        expected = recognizer.model(**inputs).logits[0].softmax(dim=-1).tolist()
    assert values(recognizer.predict((waveform, RATE))) == pytest.approx(expected, abs=1e-6)
    recognizer.model.train()
    assert not MfccLstmRecognizer(recognizer.model, recognizer.feature_extractor).model.training


@pytest.mark.parametrize("sampling_rate", [RATE, 44_100])
def test_path_bytes_and_waveform_agree(recognizer, tmp_path: Path, sampling_rate: int):
    waveform = buzz(1.2, sampling_rate=sampling_rate)
    path = tmp_path / "clip.wav"
    soundfile.write(path, waveform, sampling_rate, subtype="FLOAT")
    expected = values(recognizer.predict((waveform, sampling_rate)))
    for same in (
        path,
        str(path),
        path.read_bytes(),
        (waveform.astype(np.float64), sampling_rate),
        (waveform.tolist(), sampling_rate),
        (waveform[::-1].copy()[::-1], sampling_rate),
    ):
        assert values(recognizer.predict(same)) == pytest.approx(expected, abs=1e-5)


def test_inputs_go_where_the_model_is(recognizer):
    class Elsewhere:
        device = torch.device("meta")

        def __call__(self, input_features, attention_mask):
            assert input_features.device == attention_mask.device == self.device
            return SimpleNamespace(logits=torch.zeros(1, 8), attention_weights=torch.ones(1, 1))

    moved = copy.copy(recognizer)
    moved.model = Elsewhere()
    assert values(moved.predict((buzz(1.0), RATE))) == pytest.approx([0.125] * 8)


def test_stereo_files_are_mixed(recognizer):
    waveform = buzz(1.0)
    file = io.BytesIO()
    channels = np.stack([1.5 * waveform, 0.5 * waveform], axis=1)
    soundfile.write(file, channels, RATE, format="WAV", subtype="FLOAT")
    expected = values(recognizer.predict((waveform, RATE)))
    assert values(recognizer.predict(file.getvalue())) == pytest.approx(expected, abs=1e-5)


def test_a_list_gives_what_its_clips_give_alone(recognizer, monkeypatch):
    monkeypatch.setattr(EmotionRecognizer, "max_batch_clips", 3)
    clips = [(buzz(seconds, 100 + 10 * seconds), RATE) for seconds in (1.3, 0.2, 2.0, 0.7, 0.2, 3.1, 0.1)]
    alone = [values(recognizer.predict(clip)) for clip in clips]
    together = recognizer.predict(clips)
    assert isinstance(together, list)
    np.testing.assert_allclose([values(each) for each in together], alone, rtol=0, atol=1e-5)
    assert np.ptp(np.array(alone), axis=0).max() > 1e-3  # else any order would agree


def test_an_empty_list_gives_an_empty_list(recognizer):
    assert recognizer.predict([]) == []


def test_batches_hold_every_clip_once_within_their_limits():
    lengths = [*np.random.default_rng(0).integers(1, 30 * RATE, 200).tolist(), 500 * RATE]
    found = list(batches(lengths, RATE, 32))
    assert sorted(row for batch in found for row in batch) == list(range(201))
    for batch in found:
        assert len(batch) <= 32
        padded = len(batch) * max(lengths[row] for row in batch)
        assert padded <= MAX_BATCH_SECONDS * RATE or len(batch) == 1


@pytest.mark.parametrize(
    ("waveform", "sampling_rate", "said"),
    [
        (np.zeros((RATE, 2)), RATE, r"\(16000, 2\)"),
        (np.zeros(0), RATE, r"holds 0\.0 ms"),
        (buzz(0.05), RATE, r"50\.0 ms of sound; at least 100 ms"),
        (np.zeros(601 * 4_000, dtype=np.float32), 4_000, "longer than 600 s"),
        (np.where(np.arange(RATE) == 99, np.nan, 0.1), RATE, "not a number"),
        (np.where(np.arange(RATE) == 99, -np.inf, 0.1), RATE, "infinite"),
        (buzz(1.0) * 1e30, RATE, "absurdly large"),
        (buzz(1.0), 1, "rate of 1 Hz; 4000 to 192000 Hz can be read"),
        (buzz(1.0), 0, "rate of 0 Hz"),
        (buzz(1.0), 1e9, "rate of"),
        (buzz(1.0), np.nan, "rate of nan"),
    ],
)
def test_what_is_no_sound_is_an_audio_error(recognizer, waveform, sampling_rate, said: str):
    for ask in (recognizer.predict, recognizer.timeline, recognizer.attend, recognizer.load):
        with pytest.raises(AudioError, match=said):
            ask((waveform, sampling_rate))


def test_one_bad_clip_in_a_list_is_an_audio_error(recognizer, tmp_path: Path):
    with pytest.raises(AudioError, match=r"no-such\.wav"):
        recognizer.predict([(buzz(1.0), RATE), tmp_path / "no-such.wav"])


def test_the_callers_waveform_is_neither_kept_nor_changed(recognizer):
    waveform = buzz(1.0)
    before = waveform.copy()
    recognizer.predict((waveform, RATE))
    np.testing.assert_array_equal(waveform, before)
    assert not np.shares_memory(recognizer.load((waveform, RATE)), waveform)


def test_when_it_is_not_sure_is_the_checkpoints_to_say(recognizer, tmp_path):
    assert recognizer.not_sure_below == 0.5
    save_random_checkpoint(tmp_path, not_sure_below=0.37)
    assert EmotionRecognizer.from_pretrained(tmp_path).not_sure_below == 0.37


def test_loaded_waveforms_are_at_the_models_rate(recognizer):
    loaded = recognizer.load((buzz(1.0, sampling_rate=48_000), 48_000))
    assert recognizer.sampling_rate == RATE
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(
        loaded, soxr.resample(buzz(1.0, sampling_rate=48_000), 48_000, RATE), atol=1e-7
    )


@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.0, 3.01, 4.5, 6.0, 7.999])
@pytest.mark.parametrize(("window_seconds", "hop_seconds"), [(3.0, 1.0), (1.0, 1.0), (0.5, 0.3)])
def test_timeline_covers_the_clip(recognizer, seconds: float, window_seconds: float, hop_seconds: float):
    timeline = recognizer.timeline((buzz(seconds), RATE), window_seconds, hop_seconds)
    assert timeline[0].start_seconds == 0.0
    assert timeline[-1].end_seconds == pytest.approx(seconds)
    assert all(window.end_seconds < seconds - 1e-9 for window in timeline[:-1]), "a window too many"
    for window, later in pairwise(timeline):
        assert later.start_seconds - window.start_seconds == pytest.approx(hop_seconds)
        assert later.start_seconds <= window.end_seconds
        assert window.end_seconds - window.start_seconds == pytest.approx(window_seconds)


def test_timeline_tells_what_is_heard_in_each_window(recognizer):
    waveform = np.concatenate([buzz(2.0, 120), buzz(2.5, 240)])
    for window in recognizer.timeline((waveform, RATE), 1.0, 0.5):
        part = waveform[round(window.start_seconds * RATE) : round(window.end_seconds * RATE)]
        assert values(window.probabilities) == pytest.approx(
            values(recognizer.predict((part, RATE))), abs=1e-5
        )


def test_silent_windows_have_no_probabilities(recognizer):
    waveform = np.concatenate([buzz(1.0), np.zeros(2 * RATE), buzz(1.0)])
    heard = [window.probabilities is not None for window in recognizer.timeline((waveform, RATE), 1.0, 1.0)]
    assert heard == [True, False, False, True]


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.1])
def test_a_constant_is_silence_whatever_is_asked(recognizer, level: float):
    for ask in (recognizer.predict, recognizer.timeline, recognizer.analyse, recognizer.attend):
        with pytest.raises(SilenceError, match="is silent"):
            ask((np.full(4 * RATE, level), RATE))


def test_a_steady_sound_that_is_all_of_a_recording_is_no_silence(recognizer):
    time_seconds = np.arange(12 * RATE) / RATE
    hum = (0.1 * np.sin(2 * np.pi * 150 * time_seconds)).astype(np.float32)
    assert all(window.probabilities for window in recognizer.timeline((hum, RATE)))
    assert sum(recognizer.predict((hum, RATE)).values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("window_seconds", "hop_seconds"), [(1.0, 2.0), (1.0, 0.0), (1.0, -1.0), (0.0, 0.0)])
def test_windows_that_leave_gaps_or_stand_still_are_refused(
    recognizer, window_seconds: float, hop_seconds: float
):
    with pytest.raises(ValueError, match="hop_seconds"):
        recognizer.timeline((buzz(2.0), RATE), window_seconds, hop_seconds)


@pytest.mark.parametrize("silence_seconds", [0.0, 0.5])
def test_attention_lies_inside_the_clip_and_sums_to_one(recognizer, silence_seconds: float):
    silence = np.zeros(round(silence_seconds * RATE), dtype=np.float32)
    waveform = np.concatenate([silence, buzz(1.1), silence])
    attention = recognizer.attend((waveform, RATE))
    assert attention.times_seconds.shape == attention.weights.shape
    assert attention.weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert (attention.weights >= 0).all()
    margin_seconds = 0.05 if silence_seconds else 0.0  # kept on either side of the sound
    assert attention.times_seconds.min() >= silence_seconds - margin_seconds
    assert attention.times_seconds.max() <= silence_seconds + 1.1 + margin_seconds
    assert attention.times_seconds.max() >= silence_seconds + 1.0  # and it reaches over all of the sound
    step_seconds = 0.01 * recognizer.model.config.total_stride
    np.testing.assert_allclose(np.diff(attention.times_seconds), step_seconds, atol=1e-6)


def test_attention_weights_are_the_models(recognizer):
    waveform = buzz(1.0)
    inputs = recognizer.feature_extractor(waveform, sampling_rate=RATE, return_tensors="pt")
    with torch.no_grad():
        expected = recognizer.model(**inputs).attention_weights[0].numpy()
    np.testing.assert_allclose(recognizer.attend((waveform, RATE)).weights, expected, atol=1e-6)
