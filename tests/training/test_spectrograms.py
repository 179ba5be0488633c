"""Spectrograms of a corpus: the same for any number of processes, kept on disk, of the given clips alone."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from datasets import ClassLabel, Dataset

from ser.audio import AudioError
from ser.corpora import load_ravdess
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.training import spectrograms as features
from ser.training.augmentation import AugmentationRecipe
from ser.training.spectrograms import extract_spectrograms, feature_statistics

RATE = 16_000
EXTRACTOR = MfccLstmFeatureExtractor()


@pytest.fixture(scope="module")
def clips(tiny_ravdess: Path) -> Dataset:
    """Four clips each of two actors."""
    rows = [*range(4), *range(60, 64)]
    return load_ravdess(tiny_ravdess, actors=(1, 2, 3, 4)).select(rows)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Counts how often each file is read, in this process."""
    files: Counter = Counter()

    def spy(clip, sampling_rate):
        files[clip["path"]] += 1
        return load_audio(clip, sampling_rate)

    load_audio = features.load_audio
    monkeypatch.setattr(features, "load_audio", spy)
    return files


def paths(dataset: Dataset) -> list[str]:
    return [audio["path"] for audio in dataset["audio"]]


def matrices(extracted: Dataset) -> list[np.ndarray]:
    return [np.asarray(row, dtype=np.float32) for row in extracted["mel_spectrogram"]]


def assert_same(first: Dataset, second: Dataset) -> None:
    assert first.column_names == second.column_names
    for ours, theirs in zip(first, second, strict=True):
        assert ours == theirs  # bit for bit, in every column


def differ(first: Dataset, second: Dataset) -> list[bool]:
    pairs = zip(matrices(first), matrices(second), strict=True)
    return [ours.shape != theirs.shape or not np.array_equal(ours, theirs) for ours, theirs in pairs]


def test_every_clip_has_its_features_and_its_columns(clips, tmp_path):
    extracted = extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    others = [name for name in clips.column_names if name != "audio"]
    assert set(extracted.column_names) == {*others, "copy", "length", "mel_spectrogram"}
    for name in others:
        assert extracted[name][:] == clips[name][:]
        assert extracted.features[name] == clips.features[name]
    for path, ours in zip(paths(clips), matrices(extracted), strict=True):
        waveform, _ = soundfile.read(path, dtype="float32")
        np.testing.assert_allclose(ours, EXTRACTOR.mel_spectrogram(waveform).numpy(), atol=2e-3)
    assert extracted["length"][:] == [len(matrix) for matrix in matrices(extracted)]


def test_copies_follow_their_clip(clips, tmp_path):
    plain = extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    extracted = extract_spectrograms(clips, EXTRACTOR, num_augmented_copies=2, cache_dir=tmp_path)
    assert extracted["copy"][:] == [0, 1, 2] * 8
    for name in ("emotion", "actor", "statement", "repetition"):
        assert extracted[name][:] == np.repeat(clips[name][:], 3).tolist()
    originals = [row for row, copy in enumerate(extracted["copy"]) if copy == 0]
    assert_same(extracted.select(originals), plain)
    waveforms = [matrix.tobytes() for matrix in matrices(extracted)]
    assert len(set(waveforms)) == 24, "two copies are the same"


def test_every_clip_has_its_own_changes(clips, tmp_path):
    """Noise that is the same for all clips, or for all actors, would be learnt."""
    sound = clips["audio"][0]
    thrice = clips.select([0, 1, 4]).map(lambda _: {"audio": sound}, load_from_cache_file=False)
    extracted = extract_spectrograms(thrice, EXTRACTOR, num_augmented_copies=1, cache_dir=tmp_path)
    original, first, same, second, same_too, third = (m.tobytes() for m in matrices(extracted))
    assert original == same == same_too
    assert len({first, second, third}) == 3


def test_two_processes_give_what_one_gives(clips, tmp_path):
    one, two = (
        extract_spectrograms(
            clips, EXTRACTOR, num_augmented_copies=1, num_proc=num_proc, cache_dir=tmp_path / str(num_proc)
        )
        for num_proc in (None, 2)
    )
    assert_same(one, two)


def test_copies_come_from_the_seed(clips, tmp_path):
    first, again, other = (
        extract_spectrograms(clips, EXTRACTOR, num_augmented_copies=1, seed=seed, cache_dir=tmp_path / folder)
        for seed, folder in ((5, "first"), (5, "again"), (6, "other"))
    )
    assert_same(first, again)
    assert differ(first, other) == [False, True] * 8  # the clips themselves are not changed


def test_features_are_kept(clips, tmp_path, heard):
    first = extract_spectrograms(clips, EXTRACTOR, num_augmented_copies=1, cache_dir=tmp_path)
    assert heard == Counter(paths(clips))
    again = extract_spectrograms(clips, EXTRACTOR, num_augmented_copies=1, cache_dir=tmp_path)
    assert heard == Counter(paths(clips)), "read again"
    assert_same(first, again)


def test_another_division_of_the_actors_reads_nothing_again(clips, tmp_path, heard):
    both = extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    second_actor = clips.select(range(4, 8))
    assert_same(extract_spectrograms(second_actor, EXTRACTOR, cache_dir=tmp_path), both.select(range(4, 8)))
    assert sum(heard.values()) == 8


def test_only_the_given_clips_are_read(clips, tmp_path, heard):
    given = clips.select([1, 6])
    extract_spectrograms(given, EXTRACTOR, num_augmented_copies=2, cache_dir=tmp_path)
    assert heard == Counter(paths(given))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"num_augmented_copies": 2},
        {"augmentation": AugmentationRecipe(max_gain_db=1.0)},
        {"hop_length": 200},
        {"trim_top_db": 20.0},
        {"target_level_db": -20.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_are_computed_anew(clips, tmp_path, heard, change: dict):
    signal = {name: value for name, value in change.items() if hasattr(EXTRACTOR, name)}
    settings = {"num_augmented_copies": 1, **{k: v for k, v in change.items() if k not in signal}}
    extractor = MfccLstmFeatureExtractor(**signal)
    extract_spectrograms(clips.select([0]), EXTRACTOR, num_augmented_copies=1, cache_dir=tmp_path)
    extract_spectrograms(clips.select([0]), extractor, **settings, cache_dir=tmp_path)
    assert sum(heard.values()) == 2


def test_statistics_of_the_extractor_do_not_matter(clips, tmp_path, heard):
    plain = extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    normalising = MfccLstmFeatureExtractor(mean=[3.0] * 40, std=[2.0] * 40, dynamic_range_db=45.0)
    assert_same(extract_spectrograms(clips, normalising, cache_dir=tmp_path), plain)
    assert sum(heard.values()) == 8


def test_a_changed_file_is_read_anew(clips, tmp_path, heard):
    copy = tmp_path / "clip.wav"
    shutil.copy(paths(clips)[0], copy)
    clip = clips.select([0]).map(lambda row: {"audio": {"path": str(copy), "bytes": None}})
    first = extract_spectrograms(clip, EXTRACTOR, cache_dir=tmp_path)
    waveform, _ = soundfile.read(copy)
    soundfile.write(copy, 0.5 * waveform, RATE)
    assert differ(first, extract_spectrograms(clip, EXTRACTOR, cache_dir=tmp_path)) == [True]
    assert heard == {str(copy): 2}


def test_changed_code_computes_anew(clips, tmp_path, heard, monkeypatch):
    extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    heard.clear()
    monkeypatch.setattr(
        "ser.training.spectrograms.inspect.getsource", lambda code: f"another version of {code}"
    )
    extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    assert set(heard) == set(paths(clips))


def test_changed_columns_are_not_served_from_what_was_kept(clips, tmp_path):
    """A test of chance shuffles the labels: it must not be given the true ones."""
    extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    emotions = [7 - label for label in clips["emotion"]]
    names = [f"other {name}" for name in clips.features["emotion"].names]
    shuffled = clips.remove_columns("emotion").add_column("emotion", emotions)
    shuffled = shuffled.cast_column("emotion", ClassLabel(names=names))
    extracted = extract_spectrograms(shuffled, EXTRACTOR, cache_dir=tmp_path)
    assert extracted["emotion"][:] == emotions
    assert extracted.features["emotion"].names == names


def test_features_keep_the_order_of_the_clips(clips, tmp_path):
    rows = [5, 0, 7, 2, 4]
    ordered = extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    mixed = extract_spectrograms(clips.select(rows), EXTRACTOR, num_augmented_copies=1, cache_dir=tmp_path)
    assert mixed["copy"][:] == [0, 1] * 5
    assert_same(mixed.select(range(0, 10, 2)), ordered.select(rows))
    assert mixed["actor"][1::2] == mixed["actor"][::2]


def test_sounds_in_memory_are_taken(clips, tmp_path):
    in_memory = clips.map(
        lambda row: {"audio": {"path": None, "bytes": Path(row["audio"]["path"]).read_bytes()}}
    )
    expected = extract_spectrograms(clips, EXTRACTOR, cache_dir=tmp_path)
    assert not any(differ(extract_spectrograms(in_memory, EXTRACTOR, cache_dir=tmp_path), expected))


def test_a_broken_clip_is_an_audio_error_every_time(clips, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    dataset = clips.select([0, 1]).map(
        lambda row, index: row if index == 0 else {"audio": {"path": str(broken), "bytes": None}},
        with_indices=True,
    )
    for _ in range(2):
        with pytest.raises(AudioError, match=r"broken\.wav"):
            extract_spectrograms(dataset, EXTRACTOR, cache_dir=tmp_path)


def test_the_number_of_threads_is_left_alone(clips, tmp_path):
    num_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        extract_spectrograms(clips.select([0]), EXTRACTOR, cache_dir=tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(num_threads)


def test_statistics_are_numpys_over_all_frames(clips, tmp_path):
    extracted = extract_spectrograms(clips, EXTRACTOR, num_augmented_copies=1, cache_dir=tmp_path)
    plain = MfccLstmFeatureExtractor(do_normalize=False)
    features = [plain.features_of(torch.from_numpy(mel_db)).numpy() for mel_db in matrices(extracted)]
    frames = np.concatenate(features).astype(np.float64)
    for dataset in (extracted, extracted.with_format("numpy", columns=["mel_spectrogram", "actor"])):
        mean, std = feature_statistics(dataset, MfccLstmFeatureExtractor(mean=[5.0] * 40, std=[3.0] * 40))
        np.testing.assert_allclose(mean, frames.mean(axis=0), rtol=1e-9)
        np.testing.assert_allclose(std, frames.std(axis=0), rtol=1e-7)
    assert all(isinstance(value, float) for value in (*mean, *std))  # for the JSON of the extractor


def test_statistics_of_clips_of_one_length_or_without_change():
    loudness = np.random.default_rng(0).standard_normal((5, 7, 1))
    spectrograms = np.broadcast_to(loudness, (5, 7, 64)).astype(np.float32)
    same_length = Dataset.from_dict({"mel_spectrogram": spectrograms.tolist()})
    mean, std = feature_statistics(same_length, EXTRACTOR)
    assert mean[0] == pytest.approx(8 * loudness.mean(), rel=1e-5)  # 8 is the square root of 64
    assert mean[1] == pytest.approx(0, abs=1e-5)
    assert std[1] > 0  # to be divided by
