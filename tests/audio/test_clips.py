"""A clip is taken in every form that people have it in, and what is missing is named."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from datasets import load_from_disk

from ser import AudioError, load_audio, load_ravdess
from ser.audio.clips import as_recorded
from ser.corpora.provenance import corpus_fingerprint
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.training.spectrograms import extract_spectrograms

RATE = 16_000
WAVEFORM = (0.3 * np.random.default_rng(0).standard_normal(RATE)).clip(-0.9, 0.9).astype(np.float32)
INTEGERS = (WAVEFORM * 2**15).astype(np.int16)


@pytest.fixture(scope="module")
def content() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, WAVEFORM, RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


def test_every_form_gives_the_same_samples(content: bytes, tmp_path):
    path = tmp_path / "clip.wav"
    path.write_bytes(content)
    stereo = torch.from_numpy(np.stack([1.5 * WAVEFORM, 0.5 * WAVEFORM]))
    decoder = SimpleNamespace(get_all_samples=lambda: SimpleNamespace(data=stereo, sample_rate=RATE))
    forms = [path, str(path), content, bytearray(content), memoryview(content), io.BytesIO(content)]
    forms += [(WAVEFORM, RATE), (WAVEFORM.astype("f8"), float(RATE)), (WAVEFORM.tolist(), np.int64(RATE))]
    forms += [(torch.tensor(WAVEFORM, requires_grad=True), RATE), (RATE, WAVEFORM)]
    forms += [(RATE, np.stack([1.5 * WAVEFORM, 0.5 * WAVEFORM], axis=1))]  # as Gradio gives stereo
    forms += [{"array": WAVEFORM, "sampling_rate": RATE}, {"path": str(path), "bytes": None}]
    forms += [
        {"path": "not here.wav", "bytes": content},
        {"audio": {"path": str(path)}, "emotion": 3},
        decoder,
    ]
    for form in forms:
        loaded = load_audio(form, RATE)
        assert loaded.dtype == np.float32
        np.testing.assert_allclose(loaded, WAVEFORM, rtol=0, atol=1e-6, err_msg=str(type(form)))
    with path.open("rb") as file:
        np.testing.assert_array_equal(load_audio(file, RATE), WAVEFORM)
    for form in ((INTEGERS, RATE), (RATE, INTEGERS), (INTEGERS.astype(np.int32) * 2**16, RATE)):
        np.testing.assert_allclose(load_audio(form, RATE), WAVEFORM, rtol=0, atol=2**-15)
    wide = (RATE, np.stack([INTEGERS, INTEGERS], axis=1))
    np.testing.assert_allclose(load_audio(wide, RATE), WAVEFORM, rtol=0, atol=2**-14)


@pytest.mark.parametrize(
    ("clip", "said"),
    [
        (WAVEFORM, r"does not say its sampling rate\. Pass the pair \(waveform, sampling_rate\)"),
        (torch.from_numpy(WAVEFORM), "does not say its sampling rate"),
        (None, "Expected a path, .* got None"),
        (3.5, "got a float"),
        ([0.1, 0.2], "got a list"),
        ((WAVEFORM,), "got a tuple"),
        ((WAVEFORM, "16000"), "sampling rate in Hz, such as 16000; got a str"),
        ((WAVEFORM, None), "got None as rate"),
        ({"array": WAVEFORM}, "got None as rate"),
        ({"samples": WAVEFORM}, "array and sampling_rate, .* got the keys samples"),
        ({}, "got the keys of none"),
        (({"a": 1}, RATE), "must be floats"),
        (([[1.0], [1.0, 2.0]], RATE), "must be an array of numbers"),
        (io.StringIO("text"), "opened as text"),
        ((WAVEFORM.astype(np.int64), RATE), "int64"),
        ((np.zeros(600 * RATE + 1, np.float32), RATE), r"longer than 600 s\. Cut out"),
    ],
)
def test_what_is_missing_is_named(clip, said: str):
    with pytest.raises(AudioError, match=said):
        load_audio(clip, RATE)


def test_clipping_is_looked_for_at_the_rate_of_the_recording(content: bytes):
    for form in (content, {"bytes": content}, (WAVEFORM, RATE), io.BytesIO(content).getvalue()):
        waveform, rate = as_recorded(form, np.zeros(8_000, np.float32), 8_000)
        assert rate == RATE
        np.testing.assert_allclose(waveform, WAVEFORM, atol=1e-6)


def test_a_corpus_with_its_recordings_inside_is_read_as_the_files_are(tiny_ravdess, tmp_path):
    clips = load_ravdess(tiny_ravdess, actors=[1]).select(range(4))
    clips.save_to_disk(tmp_path / "corpus")  # embeds the files, as push_to_hub does
    embedded = load_from_disk(tmp_path / "corpus")
    assert embedded[0]["audio"]["bytes"] is not None
    assert corpus_fingerprint(embedded) == corpus_fingerprint(clips)
    extractor = MfccLstmFeatureExtractor()
    one, other = (
        extract_spectrograms(each, extractor, cache_dir=tmp_path / name)["mel_spectrogram"]
        for name, each in (("files", clips), ("embedded", embedded))
    )
    assert one == other
