"""What trains an MFCC-LSTM: its spectrograms, collators and out-of-distribution statistics."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from datasets import Dataset, concatenate_datasets

from ser.configuration_mfcc_lstm import MfccLstmConfig
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.modeling_mfcc_lstm import MfccLstmForAudioClassification
from ser.recognizer.mfcc_lstm import MfccLstmRecognizer
from ser.recognizer.out_of_distribution import MIN_CLIPS, OutOfDistributionDetector
from ser.training.augmentation import WAVEFORM_ONLY
from ser.training.collation import AugmentingCollator, FeatureCollator
from ser.training.corpus_loss import training_labels
from ser.training.mel_augmentation import MelAugmentationRecipe
from ser.training.parts import TrainingParts
from ser.training.recipe import ARCHITECTURES, SIGNAL_SETTINGS, RecipeArguments, RecipeTrainingArguments
from ser.training.spectrograms import extract_spectrograms, feature_statistics
from ser.training.warm_start import start_from


def mfcc_parts(
    train_clips: Dataset,
    validation_clips: Dataset | None,
    recipe: RecipeArguments,
    training_args: RecipeTrainingArguments,
    corpora: Sequence[str],
    teacher_scores: np.ndarray | None = None,
) -> TrainingParts:
    """Prepare the training of an MFCC-LSTM, from random weights or from `recipe.init_from`.

    Args:
        train_clips: As for `ser.training.trainer.train_classifier`.
        validation_clips: The same.
        recipe: The same.
        training_args: The same.
        corpora: Names of the corpora, in the order of the indices that batches hold.
        teacher_scores: Scores that a teacher gives the training clips, `(num_clips, num_labels)`.
    """
    emotions = train_clips.features["emotion"].names
    known = start_from(recipe.init_from, emotions, recipe.freeze) if recipe.init_from else None
    feature_extractor = known.feature_extractor if known else MfccLstmFeatureExtractor(**SIGNAL_SETTINGS)
    validation_rows = None
    learned = {"labels": training_labels(train_clips)}
    if teacher_scores is not None:
        learned["teacher_scores"] = teacher_scores
    with training_args.main_process_first():  # the other processes then read what it left in the cache
        train_rows = _labelled_spectrograms(
            train_clips, feature_extractor, recipe, learned, recipe.num_augmented_copies
        )
        if validation_clips is not None:
            known_labels = {"labels": np.asarray(validation_clips["emotion"])}
            validation_rows = _labelled_spectrograms(
                validation_clips, feature_extractor, recipe, known_labels
            )
    if known is None:  # trained layers expect the statistics that they were trained with
        feature_extractor.mean, feature_extractor.std = feature_statistics(train_rows, feature_extractor)
    model = (
        known.model
        if known
        else MfccLstmForAudioClassification(
            MfccLstmConfig(
                **ARCHITECTURES[recipe.architecture],
                ensemble_size=recipe.ensemble_size,
                views=recipe.views,
                id2label=dict(enumerate(emotions)),
                label2id={emotion: label for label, emotion in enumerate(emotions)},
            )
        )
    )
    changes = MelAugmentationRecipe(noise_prob=recipe.noise_prob)
    return TrainingParts(
        model=model,
        feature_extractor=feature_extractor,
        train_rows=train_rows,
        corpora=train_rows["corpus"][:],
        lengths=train_rows["length"][:],
        validation_rows=validation_rows,
        data_collator=AugmentingCollator(feature_extractor, corpora, changes, seed=training_args.seed),
        eval_data_collator=FeatureCollator(feature_extractor, corpora),
        to_recognizer=lambda: MfccLstmRecognizer(
            model, feature_extractor, fit_detector(train_rows, feature_extractor)
        ),
    )


def _labelled_spectrograms(
    clips: Dataset,
    feature_extractor: MfccLstmFeatureExtractor,
    recipe: RecipeArguments,
    learned: Mapping[str, np.ndarray],
    num_augmented_copies: int = 0,
) -> Dataset:
    """Return spectrograms of clips as numpy arrays, with columns that have a value for each clip.

    A copy gets the values of the clip itself.
    """
    corpus_of_clip = np.asarray(clips["corpus"])
    parts, rows = [], []
    for corpus in dict.fromkeys(corpus_of_clip.tolist()):
        is_main = corpus == corpus_of_clip[0]
        num_copies = min(
            num_augmented_copies,
            recipe.num_augmented_copies if is_main else recipe.num_copies_of_other_corpora,
        )
        of_corpus = np.flatnonzero(corpus_of_clip == corpus)
        rows.append(np.repeat(of_corpus, num_copies + 1))
        parts.append(
            extract_spectrograms(
                clips.select(of_corpus),
                feature_extractor,
                num_augmented_copies=num_copies,
                augmentation=WAVEFORM_ONLY,
                seed=recipe.augmentation_seed,
                num_proc=recipe.num_proc,
                cache_dir=Path(recipe.feature_cache_dir) if recipe.feature_cache_dir else None,
            )
        )
    spectrograms = concatenate_datasets(parts)
    for name, values in learned.items():
        spectrograms = spectrograms.add_column(name, list(values[np.concatenate(rows)]))
    return spectrograms.with_format("numpy", columns=["mel_spectrogram", "length", "corpus", *learned])


def fit_detector(
    spectrograms: Dataset, feature_extractor: MfccLstmFeatureExtractor
) -> OutOfDistributionDetector | None:
    """Fit the out-of-distribution detector; return `None` where there are too few clips.

    Args:
        spectrograms: As `extract_spectrograms` gives them; copies are left out.
        feature_extractor: With the statistics of the training.
    """
    recorded = spectrograms.with_format("numpy", columns=["copy", "actor", "corpus"])
    rows = np.flatnonzero(recorded["copy"][:] == 0)
    if len(rows) < MIN_CLIPS:
        return None
    clips = spectrograms.with_format("torch", columns=["mel_spectrogram"]).select(rows)
    features = (feature_extractor.features_of(clip["mel_spectrogram"]).numpy() for clip in clips)
    return OutOfDistributionDetector.fit(features, recorded["actor"][:][rows], recorded["corpus"][:][rows])
