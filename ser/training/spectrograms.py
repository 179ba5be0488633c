"""Mel spectrograms of whole corpora: decoded, augmented and cached by actor, with `Dataset.map`."""

import inspect
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import datasets
import numpy as np
import torch
from datasets import Array2D, Dataset, concatenate_datasets
from datasets.fingerprint import Hasher

from ser import feature_extraction_mfcc_lstm
from ser.audio import decoding, load_audio
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.training import augmentation
from ser.training.augmentation import AugmentationRecipe, augment_waveform


def extract_spectrograms(
    dataset: Dataset,
    feature_extractor: MfccLstmFeatureExtractor,
    *,
    num_augmented_copies: int = 0,
    augmentation: AugmentationRecipe | None = None,
    seed: int = 0,
    num_proc: int | None = None,
    cache_dir: str | Path | None = None,
) -> Dataset:
    """Replace the column `audio` by `mel_spectrogram`, and add randomly changed copies if asked for.

    Args:
        dataset: Clips with `audio` (undecoded) and `actor`. Ask for copies of training clips only.
        feature_extractor: Its spectrogram settings are used, its normalisation is not.
        num_augmented_copies: Changed copies beside each clip; 0 gives the clips alone.
        augmentation: How copies are changed; the default recipe if not given.
        seed: Seed of the changes, which do not depend on `num_proc`.
        num_proc: Number of processes.
        cache_dir: Folder of the cache, with one file for each actor and settings; the cache folder of
            datasets if not given.

    Returns:
        One row per clip and copy, in the order of `dataset`, each clip followed by its copies:
        `mel_spectrogram` in decibels, of shape `(num_frames, num_mel_bins)`, its `length` in frames, `copy`
        (0 is the clip itself) and the other columns of `dataset`. Copies take the prosodies in turn.

    Raises:
        AudioError: If a clip cannot be read.
    """
    settings = {
        "feature_extractor": MfccLstmFeatureExtractor(**_spectrogram_settings(feature_extractor)),
        "num_augmented_copies": num_augmented_copies,
        "augmentation": augmentation or AugmentationRecipe(),
        "seed": seed,
    }
    columns = {name: feature for name, feature in dataset.features.items() if name != "audio"}
    columns["copy"] = datasets.Value("int32")
    columns["length"] = datasets.Value("int32")
    columns["mel_spectrogram"] = Array2D(shape=(None, feature_extractor.num_mel_bins), dtype="float32")
    folder = Path(cache_dir or datasets.config.HF_DATASETS_CACHE) / "ser-spectrograms"
    folder.mkdir(parents=True, exist_ok=True)

    actor_of_row = np.asarray(dataset["actor"])
    parts, rows = [], []
    for actor in np.unique(actor_of_row):
        rows.append(np.flatnonzero(actor_of_row == actor))
        clips = dataset.select(rows[-1])
        files = [_file_key(audio) for audio in clips["audio"]]
        # The cached file contains the other columns, so its key depends on them too.
        other_columns = f"{columns} {clips.remove_columns('audio').to_dict()}"
        key = Hasher.hash((_cache_key(settings), files, other_columns))
        parts.append(
            clips.map(
                _extract_batch,
                batched=True,
                batch_size=10,
                with_indices=True,
                fn_kwargs=settings,
                remove_columns=dataset.column_names,
                features=datasets.Features(columns),
                num_proc=None if num_proc == 1 else num_proc,  # 1 would start a process for each actor
                cache_file_name=str(folder / f"{key}.arrow"),
                load_from_cache_file=True,
                desc=f"Spectrograms of actor {actor}",
            )
        )
    return _in_order(concatenate_datasets(parts), np.concatenate(rows))


def _in_order(features: Dataset, rows: np.ndarray) -> Dataset:
    """Sort features by `rows`, the row of each clip; copies stay with their clip."""
    order = np.argsort(rows)
    if (order == np.arange(len(rows))).all():
        return features  # without an index, which costs time
    num_per_clip = len(features) // len(rows)
    return features.select((order[:, None] * num_per_clip + np.arange(num_per_clip)).ravel())


def copy_rng(seed: int, actor: str, index: int, number: int) -> np.random.Generator:
    """Return the random generator of copy `number` of clip `index` of an actor, in any process."""
    return np.random.default_rng((seed, zlib.crc32(actor.encode()), index, number))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limit torch to one thread: processes share the cores, and results do not depend on their number."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


@_one_thread()
def _extract_batch(
    clips: dict[str, list],
    indices: list[int],
    feature_extractor: MfccLstmFeatureExtractor,
    num_augmented_copies: int,
    augmentation: AugmentationRecipe,
    seed: int,
) -> dict[str, list]:
    """Compute the rows of some clips of one actor: each clip, then its copies."""
    sampling_rate = feature_extractor.sampling_rate
    new = ("copy", "length", "mel_spectrogram")
    rows: dict[str, list] = {name: [] for name in (*clips, *new) if name != "audio"}
    for position, index in enumerate(indices):
        audio = clips["audio"][position]
        recorded = load_audio(audio, sampling_rate)
        start, stop = feature_extractor.trim_bounds(torch.from_numpy(recorded))
        waveforms = [recorded[start:stop]]
        for number in range(1, num_augmented_copies + 1):
            prosody = index * num_augmented_copies + number - 1
            rng = copy_rng(seed, clips["actor"][position], index, number)
            waveforms.append(augment_waveform(waveforms[0], sampling_rate, rng, augmentation, prosody))
        spectrograms = [
            feature_extractor.mel_spectrogram(torch.from_numpy(each)).numpy() for each in waveforms
        ]
        for name in clips:
            if name != "audio":
                rows[name] += [clips[name][position]] * len(waveforms)
        rows["copy"] += range(len(waveforms))
        rows["length"] += [len(each) for each in spectrograms]
        rows["mel_spectrogram"].extend(spectrograms)
    return rows


def feature_statistics(
    spectrograms: Dataset, feature_extractor: MfccLstmFeatureExtractor
) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each coefficient over all frames of `mel_spectrogram`.

    Args:
        spectrograms: As `extract_spectrograms` returns them.
        feature_extractor: Computes the coefficients; its own statistics are not used.
    """
    plain = copy(feature_extractor)
    plain.do_normalize = False
    total, total_square, num_frames = np.zeros(()), np.zeros(()), 0
    for row in spectrograms.with_format("numpy", columns=["mel_spectrogram"]):
        frames = plain.features_of(torch.from_numpy(row["mel_spectrogram"])).double().numpy()
        total, total_square = total + frames.sum(0), total_square + (frames**2).sum(0)
        num_frames += len(frames)
    mean = total / num_frames
    return mean.tolist(), np.sqrt(np.maximum(total_square / num_frames - mean**2, 1e-10)).tolist()


def _spectrogram_settings(feature_extractor: MfccLstmFeatureExtractor) -> dict:
    """Return the settings of an extractor that its spectrograms depend on."""
    names = ("sampling_rate", "num_mel_bins", "n_fft", "win_length", "hop_length")
    return {name: getattr(feature_extractor, name) for name in (*names, "trim_top_db", "target_level_db")}


def _cache_key(settings: dict) -> dict:
    """Return the settings and the code that spectrograms depend on."""
    code = [inspect.getsource(module) for module in (decoding, augmentation, feature_extraction_mfcc_lstm)]
    extractor = settings["feature_extractor"].to_json_string()
    return {**settings, "feature_extractor": extractor, "code": [*code, inspect.getsource(_extract_batch)]}


def _file_key(audio: dict) -> tuple:
    """Return a key that changes with the file of a clip."""
    if audio["bytes"] is not None:
        return (audio["path"], Hasher.hash(audio["bytes"]))
    status = Path(audio["path"]).stat()
    return (audio["path"], status.st_size, status.st_mtime_ns)
