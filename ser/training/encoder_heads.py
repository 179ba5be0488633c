"""What trains LSTM heads on the frozen lower layers of a Whisper encoder, whose steps are computed once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import datasets
import numpy as np
from datasets import Dataset
from transformers import PreTrainedConfig, WhisperForAudioClassification
from transformers.utils import logging

from ser.configuration_whisper_lstm import WhisperLstmConfig
from ser.feature_extraction_whisper_lstm import WhisperLstmFeatureExtractor
from ser.modeling_whisper_lstm import WhisperLstmForAudioClassification
from ser.recognizer.whisper_lstm import WhisperLstmRecognizer
from ser.training.corpus_loss import training_labels
from ser.training.encoder_features import EncoderFeatures
from ser.training.encoder_rows import MAX_STEPS, StepCollator, StepRows
from ser.training.parts import TrainingParts
from ser.training.recipe import RecipeArguments, RecipeTrainingArguments
from ser.training.warm_start import start_from

ENCODER_SIZES = ("feature_size", "encoder_width", "encoder_attention_heads", "encoder_ffn_dim")


def encoder_parts(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    corpora: Sequence[str],
) -> TrainingParts:
    """Prepare the training of heads on a frozen encoder, on clips and augmented copies of them.

    Args:
        train_clips: As for `ser.training.trainer.train_classifier`.
        validation_clips: The same.
        recipe: `model_name_or_path` is the encoder; or `init_from` a checkpoint whose heads train further.
        training_args: As for `train_classifier`.
        corpora: Names of the corpora, in the order of the indices that batches hold.

    Raises:
        OSError: If there is no such encoder.
        ValueError: If it is no Whisper encoder.
    """
    emotions = train_clips.features["emotion"].names
    known = start_from(recipe.init_from, emotions, recipe.freeze) if recipe.init_from else None
    model: WhisperLstmForAudioClassification = (
        known.model
        if known
        else model_on_encoder(
            cast(str, recipe.model_name_or_path),
            encoder_layers=recipe.encoder_layers,
            ensemble_size=recipe.ensemble_size,
            id2label=dict(enumerate(emotions)),
            label2id={emotion: label for label, emotion in enumerate(emotions)},
        )
    )
    feature_extractor = WhisperLstmFeatureExtractor(feature_size=model.config.feature_size)
    cache_dir = Path(recipe.feature_cache_dir or datasets.config.HF_DATASETS_CACHE) / "ser-encoder-steps"
    features = EncoderFeatures(model, feature_extractor, cache_dir, recipe.augmentation_seed)
    validation_rows = None
    with training_args.main_process_first():  # the other processes then read what it left in the cache
        train_rows = StepRows(
            train_clips,
            features,
            corpora,
            recipe.num_augmented_copies,
            recipe.num_copies_of_other_corpora,
            training_labels(train_clips),
        )
        if validation_clips is not None:
            validation_rows = StepRows(validation_clips, features, corpora)
    # Trained heads expect the statistics that they were trained with.
    mean, std = (model.step_mean, model.step_std) if known else train_rows.statistics()
    model.set_statistics(mean, std)
    return TrainingParts(
        model=model,
        feature_extractor=feature_extractor,
        train_rows=train_rows,
        corpora=[corpora[index] for index in train_rows.corpus_of_row],
        lengths=np.minimum([len(each) for each in train_rows.steps], MAX_STEPS).tolist(),
        validation_rows=validation_rows,
        data_collator=StepCollator((mean, std), training_args.seed),
        eval_data_collator=StepCollator(),
        to_recognizer=lambda: WhisperLstmRecognizer(model, feature_extractor),
    )


def model_on_encoder(name: str, encoder_layers: int, **settings: Any) -> WhisperLstmForAudioClassification:
    """Make a model with new heads on the first layers of an encoder.

    Args:
        name: Folder or Hub id of a Whisper model, or of a checkpoint of this family, whose encoder is taken.
        encoder_layers: Layers to keep; the heads read the last two of them.
        settings: Further settings of `WhisperLstmConfig`.

    Raises:
        OSError: If there is no such model.
        ValueError: If it has no Whisper encoder, or fewer layers.
    """
    config, _ = PreTrainedConfig.get_config_dict(name)
    model_type = config.get("model_type")
    if model_type == WhisperLstmConfig.model_type:
        weights = WhisperLstmForAudioClassification.from_pretrained(name).encoder.state_dict()
        sizes = {key: config[key] for key in ENCODER_SIZES}
    elif model_type == "whisper":
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # or else it reports the missing head, which is not used
        try:
            whisper = WhisperForAudioClassification.from_pretrained(name, dtype="float32")
        finally:
            logging.set_verbosity(verbosity)
        weights = whisper.encoder.state_dict()
        sizes = {
            "feature_size": whisper.config.num_mel_bins,
            "encoder_width": whisper.config.d_model,
            "encoder_attention_heads": whisper.config.encoder_attention_heads,
            "encoder_ffn_dim": whisper.config.encoder_ffn_dim,
        }
    else:
        raise ValueError(
            f"{name} is a {model_type} model, expected Whisper or a checkpoint trained on it. Pass "
            "--model_name_or_path openai/whisper-base, or what data_scripts/make_whisper_encoder.py makes."
        )
    num_layers = len({key.split(".")[1] for key in weights if key.startswith("layers.")})
    if encoder_layers > num_layers:
        raise ValueError(f"{name} has {num_layers} encoder layers, asked for were {encoder_layers}.")
    model = WhisperLstmForAudioClassification(
        WhisperLstmConfig(
            encoder_layers=encoder_layers,
            used_layers=list(range(max(1, encoder_layers - 1), encoder_layers + 1)),
            **sizes,
            **settings,
        )
    )
    model.encoder.load_state_dict({key: weights[key] for key in model.encoder.state_dict()})
    return model


def base_model_of(name: str) -> str:
    """Return the published model that an encoder was made from if its folder says so, else `name`."""
    config, _ = PreTrainedConfig.get_config_dict(name)
    return str(config.get("_name_or_path") or name)
