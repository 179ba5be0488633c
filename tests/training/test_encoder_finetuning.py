"""Fine-tuning another encoder: a tiny random wav2vec2 on a tiny made-up corpus."""

import copy
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WhisperFeatureExtractor,
    pipeline,
)

from ser import EmotionRecognizer, load_audio, load_ravdess
from ser.encoders.recognizer import EncoderRecognizer, extract_batch, load_recognizer
from ser.evaluation import cli as evaluation
from ser.evaluation.scoring import evaluation_report, score_clips
from ser.labels import EMOTIONS
from ser.training import cli as train
from ser.training.encoder_finetuning import WaveformDataset
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.trainer import train_classifier


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pretrained encoder as the Hub has them: without a classifier. Its weights are random."""
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(16, 16),
        conv_kernel=(20, 8),
        conv_stride=(20, 8),
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        classifier_proj_size=16,
        vocab_size=4,
        mask_time_prob=0.0,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clips(tiny_ravdess):
    clips = load_ravdess(tiny_ravdess, actors=[1, 2, 3])
    return {actor: clips.select(np.flatnonzero(np.asarray(clips["actor"]) == actor)) for actor in (1, 2, 3)}


@pytest.fixture(scope="module")
def trained(encoder, clips, tmp_path_factory):
    args = RecipeTrainingArguments(
        output_dir=str(tmp_path_factory.mktemp("run")),
        max_steps=6,
        per_device_train_batch_size=8,
        learning_rate=1e-3,
        save_steps=0.5,
    )
    args.keep_best()
    recipe = RecipeArguments(model_name_or_path=str(encoder), num_augmented_copies=1)
    trainer, recognizer = train_classifier(clips[1], clips[2], recipe, args)
    folder = tmp_path_factory.mktemp("fine-tuned")
    recognizer.save_pretrained(folder)
    return trainer, recognizer, folder


def test_fine_tuning_reports_the_metrics_of_the_recipe(trained):
    trainer, _, _ = trained
    evaluations = [line for line in trainer.state.log_history if "eval_uar" in line]
    assert len(evaluations) == 2
    assert {"eval_accuracy", "eval_macro_f1"} <= evaluations[0].keys()
    assert trainer.state.best_metric == max(line["eval_uar"] for line in evaluations)
    assert len(trainer.train_dataset) == 120
    assert len(trainer.eval_dataset) == 60


def test_fine_tuning_changes_the_encoder_and_not_only_its_head(encoder, trained):
    before = Wav2Vec2Model.from_pretrained(encoder).state_dict()
    after = trained[1].model.wav2vec2.state_dict()
    assert not torch.equal(before["encoder.layers.0.attention.q_proj.weight"].cpu(),
                           after["encoder.layers.0.attention.q_proj.weight"].cpu())  # fmt: skip


def test_a_fine_tuned_encoder_is_asked_and_scored_like_any_other(trained, clips):
    _, recognizer, folder = trained
    loaded = load_recognizer(folder)
    assert loaded.emotions == EMOTIONS
    path = clips[3]["audio"][0]["path"]
    probabilities = loaded.predict(path)
    assert probabilities == pytest.approx(recognizer.predict(path), abs=1e-6)
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
    classify = pipeline("audio-classification", model=str(folder))
    shown = {row["label"]: row["score"] for row in classify(load_audio(path, 16_000), top_k=None)}
    assert shown == pytest.approx(probabilities, abs=1e-5)
    assert isinstance(loaded, EncoderRecognizer)
    report = evaluation_report(score_clips(loaded, clips[3]), num_resamples=10)
    assert report["num_clips"] == 60
    assert 0 <= report["uar"] <= 1


def test_the_programs_train_and_measure_an_encoder(encoder, tiny_ravdess, tmp_path, monkeypatch):
    words = f"--data_dir {tiny_ravdess} --output_dir {tmp_path}/model --actors 1 2 --test_actors 2"
    words += f" --model_name_or_path {encoder} --num_augmented_copies 0 --max_steps 1 --logging_steps 1"
    monkeypatch.setattr(sys, "argv", ["train.py", *words.split()])
    train.main()
    record = json.loads((tmp_path / "model" / "training_provenance.json").read_text())
    assert record["base_model"] == str(encoder)
    words = f"--model {tmp_path}/model --data_dir {tiny_ravdess} --output_dir {tmp_path}/scores --actors 2"
    evaluation.main(words.split())
    metrics = json.loads((tmp_path / "scores" / "metrics.json").read_text())
    assert metrics["num_clips"] == 60
    assert metrics["actors_heard_in_training"] == []


def test_padding_does_not_change_probabilities(trained, clips):
    recognizer = trained[1]
    waveforms = [recognizer.load(audio["path"]) for audio in clips[3]["audio"][:4]]
    together = recognizer.predict_probabilities(waveforms)
    alone = np.concatenate([recognizer.predict_probabilities([waveform]) for waveform in waveforms])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_inputs_go_where_the_encoder_is(trained):
    class Elsewhere:
        device = torch.device("meta")

        def __call__(self, input_values, attention_mask):
            assert input_values.device == attention_mask.device == self.device
            return SimpleNamespace(logits=torch.zeros(1, 8))

    moved = copy.copy(trained[1])
    moved.model = Elsewhere()
    np.testing.assert_allclose(moved.predict_probabilities([np.ones(8_000, np.float32)]), 1 / 8)


def test_an_encoder_without_a_classifier_or_of_this_family_is_told_apart(encoder, trained):
    with pytest.raises(ValueError, match=r"lacks the weights .*classifier\.weight"):
        EncoderRecognizer.from_pretrained(encoder)
    with pytest.raises(ValueError, match="'wav2vec2'"):
        EmotionRecognizer.from_pretrained(trained[2])
    with pytest.raises(ValueError, match="MFCC-LSTM"):
        trained[1].attend((np.ones(16_000, dtype=np.float32), 16_000))
    assert trained[1].not_sure_below == 0


def test_copies_are_the_same_whenever_they_are_asked_for(clips):
    rows = WaveformDataset(clips[1], 16_000, num_augmented_copies=2, seed=7)
    assert len(rows) == 180
    last = rows[5]["waveform"]
    original = load_audio(clips[1]["audio"][1]["path"], 16_000)
    np.testing.assert_array_equal(rows[3]["waveform"], original)
    assert not np.array_equal(rows[4]["waveform"], last)
    np.testing.assert_array_equal(rows[5]["waveform"], last)
    other_seed = WaveformDataset(clips[1], 16_000, num_augmented_copies=2, seed=8)
    assert not np.array_equal(other_seed[5]["waveform"], last)
    assert rows[5]["labels"] == clips[1]["emotion"][1]


def test_extractors_pad_to_what_their_models_need():
    waveforms = [np.ones(length, dtype=np.float32) for length in (3_000, 5_000)]
    assert extract_batch(Wav2Vec2FeatureExtractor(), waveforms)["input_values"].shape == (2, 5_000)
    assert extract_batch(WhisperFeatureExtractor(), waveforms)["input_features"].shape == (2, 80, 3_000)
    config = ASTConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, num_labels=2
    )
    spectrogram = extract_batch(ASTFeatureExtractor(max_length=config.max_length), waveforms)
    assert ASTForAudioClassification(config)(**spectrogram).logits.shape == (2, 2)
