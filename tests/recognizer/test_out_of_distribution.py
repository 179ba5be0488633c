"""Recordings unlike the training clips are detected, and the detector's file is read or refused."""

from pathlib import Path

import numpy as np
import pytest
from random_checkpoint import save_random_checkpoint
from safetensors.numpy import save_file
from scipy.spatial.distance import mahalanobis

from ser import AudioError, EmotionRecognizer
from ser.recognizer.out_of_distribution import (
    FILE_NAME,
    OutOfDistributionDetector,
    summarise_features,
)

RATE = 16_000


def voices(num_clips: int, seed: int, offset: float = 0.0, movement: float = 1.0) -> list[np.ndarray]:
    """MFCC of clips that move about their mean from frame to frame."""
    rng = np.random.default_rng(seed)
    return [offset + movement * rng.standard_normal((rng.integers(60, 200), 4)) for _ in range(num_clips)]


@pytest.fixture(scope="module")
def fitted() -> OutOfDistributionDetector:
    return OutOfDistributionDetector.fit(voices(200, seed=0), np.arange(200) % 5)


def test_a_summary_is_mean_deviation_and_movement():
    features = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0], [6.0, 5.0]])
    expected = [3, 5, np.sqrt(5), 0, np.sqrt(0.75), 0]
    np.testing.assert_allclose(summarise_features(features), expected)


def test_unseen_speakers_pass_and_other_sounds_do_not(fitted: OutOfDistributionDetector):
    assert np.mean([fitted.is_out_of_distribution(clip) for clip in voices(300, seed=1)]) < 0.05
    assert all(fitted.is_out_of_distribution(clip) for clip in voices(50, seed=2, offset=2.0))
    assert all(
        fitted.is_out_of_distribution(clip) for clip in voices(50, seed=3, movement=0.2)
    )  # a steady hum


def test_distances_are_those_of_mahalanobis(fitted: OutOfDistributionDetector):
    summaries = np.stack([summarise_features(clip) for clip in voices(5, seed=4, offset=0.3)])
    expected = [mahalanobis(each, fitted.mean, fitted.precision) ** 2 for each in summaries]
    np.testing.assert_allclose(fitted.distances(summaries), expected)


def test_a_speaker_is_measured_from_the_others():
    """One speaker is far from the rest: measured from clips that include their own they would look usual."""
    clips = voices(60, seed=5) + voices(60, seed=6) + voices(60, seed=7, offset=1.0)
    with_outlier = OutOfDistributionDetector.fit(clips, np.repeat([1, 2, 3], 60))
    assert with_outlier.threshold > 3 * OutOfDistributionDetector.fit(clips, np.zeros(180)).threshold


def test_a_small_corpus_counts_like_a_large_one():
    """Of 20 clips apart from 400 the usual ones still lie below the threshold."""
    clips = voices(400, seed=8) + voices(20, seed=9, offset=0.5)
    speakers, corpora = np.arange(420) % 4, np.repeat(["large", "small"], [400, 20])
    assert (
        OutOfDistributionDetector.fit(clips, speakers, corpora).threshold
        > OutOfDistributionDetector.fit(clips, speakers).threshold
    )


def test_it_travels_with_the_checkpoint(tmp_path: Path):
    save_random_checkpoint(tmp_path)
    recognizer = EmotionRecognizer.from_pretrained(tmp_path)
    hum = np.sin(np.arange(2 * RATE) * 0.05).astype(np.float32)
    assert recognizer.detector is None
    assert recognizer.is_out_of_distribution((hum, RATE)) is None  # it cannot tell
    size = recognizer.feature_extractor.feature_size
    for threshold, is_out_of_distribution in ((0.0, True), (np.inf, False)):
        recognizer.detector = OutOfDistributionDetector(np.zeros(3 * size), np.eye(3 * size), threshold)
        recognizer.save_pretrained(tmp_path)
        loaded = EmotionRecognizer.from_pretrained(tmp_path)
        assert loaded.is_out_of_distribution((hum, RATE)) == is_out_of_distribution
    with pytest.raises(AudioError):
        loaded.is_out_of_distribution((np.full(RATE, np.nan, np.float32), RATE))


@pytest.mark.parametrize("damage", ["cut", "lacks one", "sizes"])
def test_a_damaged_file_is_an_error(fitted: OutOfDistributionDetector, tmp_path: Path, damage: str):
    fitted.save(tmp_path)
    file = tmp_path / FILE_NAME
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-40])
    elif damage == "lacks one":
        save_file({"mean": fitted.mean, "precision": fitted.precision}, file)
    else:
        OutOfDistributionDetector(fitted.mean[:-1], fitted.precision, 1.0).save(tmp_path)
    with pytest.raises(ValueError, match=r"does not hold|do not fit"):
        OutOfDistributionDetector.load(file)
