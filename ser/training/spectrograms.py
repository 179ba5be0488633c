"""Mel spectrograms of whole corpora: decoded, augmented and kept on disk by actor, through `Dataset.map`."""

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

    The rest of the way to features is short, and training changes spectrograms anew in every epoch before it.

    Args:
        dataset: Clips with `audio` (undecoded) and `actor`. Ask for copies of training clips only.
        feature_extractor: Its spectrogram settings are used, its normalisation is not.
        num_augmented_copies: Changed copies beside each clip; 0 gives the clips alone.
        augmentation: How copies are changed; the default recipe if not given.
        seed: Copy `c` of clip `i` of an actor draws from `copy_rng`, whatever
            `num_proc` is.
        num_proc: Processes to work with.
        cache_dir: Where results are kept, one file per actor and settings, so that another split of the
            actors computes nothing again; datasets' own cache folder if not given.

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
        # What is kept holds the other columns too, so that they, too, tell one result from another.
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
                num_proc=None if num_proc == 1 else num_proc,  # one would start a process for every actor
                cache_file_name=str(folder / f"{key}.arrow"),
                load_from_cache_file=True,
                desc=f"Spectrograms of actor {actor}",
            )
        )
    return _in_order(concatenate_datasets(parts), np.concatenate(rows))


def _in_order(features: Dataset, rows: np.ndarray) -> Dataset:
    """Sort features by the rows of their clips, one of `rows` for each clip; copies stay with their clip."""
    order = np.argsort(rows)
    if (order == np.arange(len(rows))).all():
        return features  # an index to read through would cost time
    num_per_clip = len(features) // len(rows)
    return features.select((order[:, None] * num_per_clip + np.arange(num_per_clip)).ravel())


def copy_rng(seed: int, actor: str, index: int, number: int) -> np.random.Generator:
    """Return what draws the changes of copy `number` of clip `index` of an actor, in whatever process."""
    return np.random.default_rng((seed, zlib.crc32(actor.encode()), index, number))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread: processes share the cores, and sums are the same for any number of them."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)  # training in this process gets back what it had


@_one_thread()
def _extract_batch(
    clips: dict[str, list],
    indices: list[int],
    feature_extractor: MfccLstmFeatureExtractor,
    num_augmented_copies: int,
    augmentation: AugmentationRecipe,
    seed: int,
) -> dict[str, list]:
    """Rows of some clips of one actor: each clip, then its copies."""
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
    """Mean and standard deviation of each coefficient over all frames of `mel_spectrogram`.

    Args:
        spectrograms: As `extract_spectrograms` gives them.
        feature_extractor: Makes the coefficients; its own statistics are left out.
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
    """The settings of an extractor that its spectrograms depend on."""
    names = ("sampling_rate", "num_mel_bins", "n_fft", "win_length", "hop_length")
    return {name: getattr(feature_extractor, name) for name in (*names, "trim_top_db", "target_level_db")}


def _cache_key(settings: dict) -> dict:
    """The settings and the code that features depend on: another version of either computes them anew."""
    code = [inspect.getsource(module) for module in (decoding, augmentation, feature_extraction_mfcc_lstm)]
    extractor = settings["feature_extractor"].to_json_string()
    return {**settings, "feature_extractor": extractor, "code": [*code, inspect.getsource(_extract_batch)]}


def _file_key(audio: dict) -> tuple:
    """What changes when a clip's file does."""
    if audio["bytes"] is not None:
        return (audio["path"], Hasher.hash(audio["bytes"]))
    status = Path(audio["path"]).stat()
    return (audio["path"], status.st_size, status.st_mtime_ns)
