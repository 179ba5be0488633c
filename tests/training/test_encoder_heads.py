"""Training heads on a tiny random Whisper encoder, with clips of two made-up corpora."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_encoder import CLIPS_EACH
from transformers import (
    Wav2Vec2Config,
    WhisperForAudioClassification,
)

from ser.modeling_whisper_lstm import ENCODER_FILE
from ser.onnx.export import export_onnx
from ser.recognizer import EmotionRecognizer
from ser.training.encoder_features import EncoderFeatures
from ser.training.encoder_heads import model_on_encoder
from ser.training.encoder_rows import StepCollator, StepRows
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.trainer import train_classifier


def train(clips, encoder, cache_dir, output_dir, **settings):
    recipe = RecipeArguments(
        model_name_or_path=str(encoder),
        ensemble_size=2,
        num_augmented_copies=2,
        feature_cache_dir=str(cache_dir),
        temperature=1.5,
        **settings,
    )
    args = RecipeTrainingArguments(
        output_dir=str(output_dir), max_steps=3, per_device_train_batch_size=4, bf16=False, save_steps=0.5
    )
    return train_classifier(clips, None, recipe, args)


@pytest.fixture(scope="module")
def trained(clips, encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    trainer, recognizer = train(clips, encoder, folder / "cache", folder / "output")
    recognizer.save_pretrained(folder / "model")
    return folder, trainer, recognizer


def test_training_leaves_the_encoder_and_changes_the_heads(trained, encoder):
    _, trainer, recognizer = trained
    whole = WhisperForAudioClassification.from_pretrained(encoder).encoder.state_dict()
    for name, weights in recognizer.model.encoder.state_dict().items():
        assert torch.equal(weights, whole[name]), name
    assert recognizer.model.config.temperature == 1.5
    assert recognizer.model.config.used_layers == [2, 3]
    names = {name for name, weights in recognizer.model.named_parameters() if weights.requires_grad}
    assert {name.split(".")[0] for name in names} == {"heads"}
    assert [line["loss"] for line in trainer.state.log_history if "loss" in line]


def test_copies_are_made_as_often_as_asked_and_once(trained, clips, encoder, tmp_path, monkeypatch):
    folder, trainer, recognizer = trained
    files = list((folder / "cache").rglob("*.safetensors"))
    assert len(files) == 2 * 3 + 1 * 2  # RAVDESS's speakers as they are and twice, the other one once
    assert len(trainer.train_dataset) == CLIPS_EACH * len(files)
    monkeypatch.setattr(EncoderFeatures, "_compute", lambda *_: pytest.fail("computed again"))
    _, again = train(clips, encoder, folder / "cache", tmp_path)
    for name, weights in again.model.heads.state_dict().items():
        torch.testing.assert_close(weights, recognizer.model.heads.state_dict()[name])


def test_another_corpus_or_setting_is_computed_anew(trained, clips, encoder):
    folder, _, recognizer = trained
    features = EncoderFeatures(
        recognizer.model, recognizer.feature_extractor, folder / "cache/ser-encoder-steps", seed=1
    )
    files = [Path(audio["path"]).read_bytes() for audio in clips["audio"][:CLIPS_EACH]]
    num_files = len(list(folder.rglob("ser-encoder-steps/*.safetensors")))
    features.of_speaker(files, 0)  # a clip as it is does not depend on the seed
    assert len(list(folder.rglob("ser-encoder-steps/*.safetensors"))) == num_files
    features.of_speaker(files, 1)
    features.of_speaker(files[1:], 0)
    assert len(list(folder.rglob("ser-encoder-steps/*.safetensors"))) == num_files + 2


def test_nobody_else_babbles_behind_a_speaker(trained, clips, tmp_path, monkeypatch):
    _, _, recognizer = trained
    heard = []

    def augment_waveform(waveform, rate, rng, recipe, number, talkers):
        heard.append([talker.tolist() for talker in talkers])
        return waveform

    monkeypatch.setattr("ser.training.encoder_features.augment_waveform", augment_waveform)
    features = EncoderFeatures(recognizer.model, recognizer.feature_extractor, tmp_path)
    audio = [each["path"] for each in clips["audio"][:CLIPS_EACH]]
    features.of_speaker([Path(path).read_bytes() for path in audio], 1)
    own = [soundfile.read(path, dtype="float32")[0].tolist() for path in audio]
    assert heard == [own] * CLIPS_EACH


def test_kept_steps_give_the_answers_of_the_waveform(trained, clips):
    _, trainer, recognizer = trained
    waveform, _ = soundfile.read(clips["audio"][0]["path"], dtype="float32")
    rows = trainer.train_dataset
    first = next(row for row in range(len(rows)) if rows.corpus_of_row[row] == 0)  # RAVDESS
    steps = rows.steps[first].float()[None]
    with torch.no_grad():
        logits = recognizer.model(encoder_steps=steps).logits
    np.testing.assert_allclose(
        logits.softmax(-1).numpy(), recognizer.predict_probabilities([waveform]), atol=2e-3
    )


def test_a_trained_checkpoint_serves_as_encoder(trained, clips, tmp_path):
    folder, _, _ = trained
    _, recognizer = train(clips, folder / "model", tmp_path / "cache", tmp_path / "output")
    recognizer.save_pretrained(tmp_path / "model")
    kept = (folder / "model" / ENCODER_FILE).read_bytes()
    assert (tmp_path / "model" / ENCODER_FILE).read_bytes() == kept


def test_other_encoders_and_too_many_layers_are_refused(encoder, tmp_path):
    config = Wav2Vec2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    config.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="wav2vec2 model, expected Whisper"):
        model_on_encoder(str(tmp_path), 3)
    with pytest.raises(ValueError, match="has 3 encoder layers, asked for were 4"):
        model_on_encoder(str(encoder), 4)


def test_loss_batches_and_sampler_agree_on_which_corpus_is_which(trained):
    trainer = trained[1]
    rows: StepRows = trainer.train_dataset  # in alphabetical order: 12 rows of nEMO, 36 of RAVDESS
    assert trainer.corpus_loss.corpora == ("ravdess", "nemo")
    assert [int(rows[row]["corpus"]) for row in range(len(rows))] == [1] * 12 + [0] * 36
    batch = trainer.data_collator([rows[0], rows[20]])
    assert batch["corpus"].tolist() == [1, 0]
    assert trainer.corpus_loss.is_present.sum(dim=1).tolist() == [8, 5]  # classes without clips count
    assert trainer.sampler.rows_of_corpus["nemo"].tolist() == list(range(12))


def test_changes_depend_on_the_rows_of_a_batch_alone(trained):
    rows: StepRows = trained[1].train_dataset
    collate = StepCollator(rows.statistics(), seed=3)
    first = collate([rows[0], rows[5]])
    collate([rows[7]])
    again = collate([rows[0], rows[5]])
    torch.testing.assert_close(first["encoder_steps"], again["encoder_steps"], atol=0, rtol=0)
    plain = StepCollator()([rows[0], rows[5]])
    assert plain["attention_mask"].sum(dim=1).tolist() == [len(rows.steps[0]), len(rows.steps[5])]
    assert first["attention_mask"].sum() <= plain["attention_mask"].sum()


def test_the_checkpoint_is_asked_as_the_other_kind_is(trained, clips):
    folder, _, recognizer = trained
    loaded = EmotionRecognizer.from_pretrained(folder / "model")
    path = clips["audio"][0]["path"]
    assert loaded.predict(path) == pytest.approx(recognizer.predict(path), abs=1e-3)
    attention = loaded.attend(path)
    assert attention.weights.sum() == pytest.approx(1, abs=1e-5)
    assert 0 <= attention.times_seconds.min() <= attention.times_seconds.max() < 0.6
    assert loaded.is_out_of_distribution(path) is None


def test_the_graph_answers_as_torch_does(trained, clips):
    folder, _, _ = trained
    loaded = EmotionRecognizer.from_pretrained(folder / "model")
    graph, _ = export_onnx(loaded, folder / "model")
    exported = EmotionRecognizer.from_pretrained(graph)
    waveforms = [loaded.load(audio["path"]) for audio in clips["audio"]]
    np.testing.assert_allclose(
        exported.predict_probabilities(waveforms), loaded.predict_probabilities(waveforms), atol=1e-4
    )
