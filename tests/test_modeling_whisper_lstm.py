"""The accurate model: a tiny random Whisper encoder, held against transformers' own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from ser.configuration_whisper_lstm import WhisperLstmConfig
from ser.feature_extraction_whisper_lstm import WhisperLstmFeatureExtractor
from ser.modeling_whisper_lstm import ENCODER_FILE, HEADS_FILE, WhisperLstmForAudioClassification

SIZES = {
    "feature_size": 20,
    "encoder_width": 16,
    "encoder_layers": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "used_layers": [1, 2],
    "projection_size": 6,
    "hidden_size": 5,
    "attention_size": 4,
    "ensemble_size": 3,
}


@pytest.fixture(scope="module")
def model() -> WhisperLstmForAudioClassification:
    torch.manual_seed(0)
    model = WhisperLstmForAudioClassification(WhisperLstmConfig(num_labels=8, **SIZES))
    model.set_statistics(torch.randn(32), torch.rand(32) + 0.5)
    return model.eval()


def test_padding_changes_nothing(model):
    clips = [torch.randn(length, 20) for length in (1, 2, 7, 40, 41)]
    padded = torch.randn(5, 50, 20)  # padded frames hold anything
    mask = torch.zeros(5, 50)
    for row, clip in enumerate(clips):
        padded[row, : len(clip)] = clip
        mask[row, : len(clip)] = 1
    with torch.no_grad():
        together = model(padded, mask)
        alone = torch.cat([model(clip[None]).logits for clip in clips])
    torch.testing.assert_close(together.logits, alone, atol=1e-5, rtol=0)
    assert together.attention_weights[1, 1:].abs().max() == 0
    assert alone.std(dim=0).min() > 1e-4


def test_temperature_divides_the_logits_and_leaves_the_loss(model, monkeypatch):
    clips, labels = torch.randn(3, 20, 20), torch.tensor([0, 5, 2])
    with torch.no_grad():
        plain = model(clips, labels=labels)
        monkeypatch.setattr(model.config, "temperature", 0.5)
        sharper = model(clips, labels=labels)
    torch.testing.assert_close(sharper.logits, 2 * plain.logits)
    torch.testing.assert_close(sharper.member_logits, plain.member_logits, atol=0, rtol=0)
    assert sharper.loss == plain.loss


def test_a_loaded_model_trains_its_heads_alone(model, tmp_path):
    model.save_pretrained(tmp_path)
    other_labels = {"num_labels": 3, "ignore_mismatched_sizes": True}
    for loaded in (
        WhisperLstmForAudioClassification.from_pretrained(tmp_path, **other_labels),
        WhisperLstmForAudioClassification.from_pretrained(tmp_path, output_loading_info=True)[0],
    ):
        labels = torch.tensor([0, 2])
        loaded.train()(torch.randn(2, 30, 20), labels=labels).loss.backward()
        trained = {name for name, weight in loaded.named_parameters() if weight.grad is not None}
        assert {name.split(".")[0] for name in trained} == {"heads"}
        assert not any(weight.requires_grad for weight in loaded.encoder.parameters())


def test_the_layers_are_those_of_whisper(model):
    config = WhisperConfig(
        d_model=16, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=24, num_mel_bins=20
    )
    torch.manual_seed(1)
    whisper = WhisperEncoder(config).eval()
    ours = WhisperLstmForAudioClassification(
        WhisperLstmConfig(num_labels=8, **SIZES | {"frames_per_step": 1})
    )
    weights = whisper.state_dict()
    ours.encoder.load_state_dict({name: weights[name] for name in ours.encoder.state_dict()})
    frames = torch.randn(1, 3000, 20)
    with torch.no_grad():
        theirs = whisper(frames.transpose(1, 2), output_hidden_states=True).hidden_states
        steps, mask = ours.eval().encode(frames, torch.ones(1, 3000))
    # The last of theirs is normalised once more; ours is not.
    torch.testing.assert_close(steps[..., :16], theirs[1], atol=1e-4, rtol=0)
    torch.testing.assert_close(whisper.layer_norm(steps[..., 16:]), theirs[2], atol=1e-4, rtol=0)
    assert mask.shape == (1, 1500)


def test_steps_can_be_computed_beforehand(model):
    frames = torch.randn(2, 30, 20)
    with torch.no_grad():
        steps, mask = model.encode(frames, torch.ones(2, 30))
        torch.testing.assert_close(
            model(encoder_steps=steps, attention_mask=mask).logits, model(frames).logits
        )
    with pytest.raises(ValueError, match="either input_features or encoder_steps"):
        model(frames, encoder_steps=steps)


def test_only_the_heads_are_trained(model):
    model(torch.randn(2, 30, 20), labels=torch.tensor([0, 3])).loss.backward()
    trained = {name.split(".")[0] for name, weights in model.named_parameters() if weights.grad is not None}
    assert trained == {"heads"}
    model.zero_grad()


def test_the_extractor_gives_whispers_input():
    waveform = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    ours = WhisperLstmFeatureExtractor(target_level_db=None, trim_top_db=None)
    frames = ours(waveform - waveform.mean(), sampling_rate=16_000, return_tensors="pt").input_features[0]
    from transformers import WhisperFeatureExtractor

    theirs = WhisperFeatureExtractor()(waveform - waveform.mean(), sampling_rate=16_000, padding="longest")
    # At either end Whisper mirrors the clip where ours has zeros.
    np.testing.assert_allclose(frames[3:97], theirs["input_features"][0].T[3:97], atol=1e-5)


def test_a_checkpoint_loads_without_this_package(model, tmp_path):
    model.save_pretrained(tmp_path / "model")
    WhisperLstmFeatureExtractor(feature_size=20).save_pretrained(tmp_path / "model")
    program = (
        "import sys, torch, numpy as np\n"
        "from transformers import AutoFeatureExtractor, AutoModelForAudioClassification\n"
        "options = {'trust_remote_code': True}\n"
        "model = AutoModelForAudioClassification.from_pretrained('model', **options)\n"
        "extract = AutoFeatureExtractor.from_pretrained('model', **options)\n"
        "waveform = np.sin(np.arange(9000) / 9).astype('f4')\n"
        "batch = extract(waveform, sampling_rate=16000, return_tensors='pt')\n"
        "assert 'ser' not in sys.modules\n"
        "torch.save(model(**batch).logits, 'logits.pt')\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    waveform = np.sin(np.arange(9000) / 9).astype(np.float32)
    batch = WhisperLstmFeatureExtractor(feature_size=20)(waveform, sampling_rate=16_000, return_tensors="pt")
    with torch.no_grad():
        ours = model(**batch).logits  # of weights that were not rounded to float16
    torch.testing.assert_close(torch.load(tmp_path / "logits.pt"), ours, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"used_layers": [3]}, "used_layers"),
        ({"encoder_width": 18, "encoder_attention_heads": 4}, "multiple"),
        ({"hidden_size": 0}, "1 or more"),
        ({"temperature": 0.0}, "temperature"),
        ({"not_sure_below": 1.5}, "not_sure_below"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        WhisperLstmConfig(**SIZES | settings)


def test_the_encoder_is_kept_in_a_file_of_its_own(model, tmp_path):
    model.save_pretrained(tmp_path / "first")
    again = WhisperLstmForAudioClassification.from_pretrained(tmp_path / "first")
    assert {weights.dtype for weights in again.state_dict().values()} == {torch.float32}
    torch.testing.assert_close(again.heads.state_dict(), model.heads.state_dict(), atol=0, rtol=0)
    torch.testing.assert_close(again.encoder.state_dict(), model.encoder.state_dict(), atol=1e-3, rtol=0)
    with torch.no_grad():
        again.heads[0].classifier.bias += 1
    again.save_pretrained(tmp_path / "second")
    first, second = (
        {file: (tmp_path / name / file).read_bytes() for file in (ENCODER_FILE, HEADS_FILE)}
        for name in ("first", "second")
    )
    assert first[ENCODER_FILE] == second[ENCODER_FILE]
    assert first[HEADS_FILE] != second[HEADS_FILE]


def test_the_code_travels_as_flat_files(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert {file.name for file in Path(tmp_path).glob("*.py")} >= {
        "configuration_whisper_lstm.py",
        "modeling_whisper_lstm.py",
        "modeling_mfcc_lstm.py",
    }
