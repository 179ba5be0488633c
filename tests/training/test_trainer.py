"""Training learns, repeats bit for bit, keeps the best checkpoint and never hears whom it is tested on."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset, concatenate_datasets
from safetensors.torch import load_file
from train_together import TINY, train_tiny, train_tiny_together

from ser.corpora import load_ravdess, load_ravdess_song
from ser.corpora.speakers import speaker_name
from ser.evaluation.protocols import Fold
from ser.feature_extraction_mfcc_lstm import MfccLstmFeatureExtractor
from ser.labels import EMOTIONS
from ser.recognizer import EmotionRecognizer
from ser.training import mfcc_lstm
from ser.training import spectrograms as features
from ser.training import trainer as training
from ser.training.augmentation import WAVEFORM_ONLY
from ser.training.collation import AugmentingCollator, FeatureCollator
from ser.training.mel_augmentation import MelAugmentationRecipe
from ser.training.recipe import ARCHITECTURES, SIGNAL_SETTINGS, RecipeArguments, RecipeTrainingArguments
from ser.training.sampler import CorpusSampler
from ser.training.spectrograms import extract_spectrograms, feature_statistics


@pytest.fixture(autouse=True)
def tiny_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "tiny", TINY)


@pytest.fixture(scope="module")
def clips(tiny_ravdess: Path) -> Dataset:
    return load_ravdess(tiny_ravdess, actors=(1, 2, 3, 4))


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Spectrograms are computed once for the tests that do not count how often they are."""
    return tmp_path_factory.mktemp("features")


@pytest.fixture
def train(clips: Dataset, cache_dir: Path, tmp_path: Path) -> Callable:
    """`train(train_actors, validation_actors, recipe={}, keep_best=..., **training_args)`."""

    def run(train_clips=(1, 2), validation_actors=(), recipe: dict | None = None, **arguments):
        settings = {"output_dir": str(tmp_path / "out"), "max_steps": 3, "disable_tqdm": True}
        training_args = RecipeTrainingArguments(**(settings | {"save_strategy": "no"} | arguments))
        if validation_actors:
            training_args.keep_best()
        settings = {"architecture": "tiny", "num_augmented_copies": 1, "num_proc": None}
        settings["feature_cache_dir"] = str(cache_dir)
        return training.train_classifier(
            train_clips if isinstance(train_clips, Dataset) else of(clips, *train_clips),
            of(clips, *validation_actors) if validation_actors else None,
            RecipeArguments(**(settings | (recipe or {}))),
            training_args,
        )

    return run


def of(clips: Dataset, *actors: int) -> Dataset:
    return clips.select(np.flatnonzero(np.isin(clips["actor"], names(*actors))))


def names(*actors: int) -> list[str]:
    return [speaker_name("ravdess", actor) for actor in actors]


def paths(clips: Dataset) -> set[str]:
    return {audio["path"] for audio in clips["audio"]}


def weights(recognizer) -> dict[str, torch.Tensor]:
    return recognizer.model.state_dict()


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


class Heard:
    """Which files were read, and of which copies were made, in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: Counter = Counter()
        self.copied: Counter = Counter()
        load_audio, augment_waveform = features.load_audio, features.augment_waveform

        def spy_on_load(clip, sampling_rate):
            self.read[clip["path"]] += 1
            self.last = clip["path"]
            return load_audio(clip, sampling_rate)

        def spy_on_augment(*arguments):
            self.copied[self.last] += 1
            return augment_waveform(*arguments)

        monkeypatch.setattr(features, "load_audio", spy_on_load)
        monkeypatch.setattr(features, "augment_waveform", spy_on_augment)


def test_only_training_clips_are_copied_and_no_other_actor_is_heard(clips, train, tmp_path, monkeypatch):
    heard = Heard(monkeypatch)
    train((1,), (3,), recipe={"feature_cache_dir": str(tmp_path), "num_augmented_copies": 2}, save_steps=3)
    assert heard.read == Counter(paths(of(clips, 1, 3)))
    assert heard.copied == Counter(dict.fromkeys(paths(of(clips, 1)), 2))


def test_what_a_test_actor_says_changes_no_weight(write_ravdess, tmp_path):
    """The same corpus but for the sounds of actors 3 and 4 gives the same weights, bit for bit."""
    trained = []
    for name in ("first", "second"):
        corpus = write_ravdess(tmp_path / name)
        clips = load_ravdess(corpus, actors=(1, 2, 3, 4))
        if name == "second":
            for path in paths(of(clips, 3, 4)):
                Path(path).write_bytes(b"")
        _, recognizer = training.train_classifier(
            of(clips, 1, 2),
            None,
            RecipeArguments(
                architecture="tiny",
                num_augmented_copies=0,
                num_proc=None,
                feature_cache_dir=str(tmp_path / f"{name}-kept"),
            ),
            RecipeTrainingArguments(
                output_dir=str(tmp_path / "out"), max_steps=2, disable_tqdm=True, save_strategy="no"
            ),
        )
        trained.append(recognizer)
    assert same(*map(weights, trained))
    assert trained[0].feature_extractor.mean == trained[1].feature_extractor.mean


def test_the_loss_knows_how_rare_an_emotion_is_in_training(clips, train):
    counts = np.bincount(of(clips, 1, 2)["emotion"])
    assert len(set(counts)) > 1
    loss = train((1, 2))[0].corpus_loss
    assert loss.log_shares.exp().tolist() == [pytest.approx((counts / counts.sum()).tolist())]
    unbalanced = train((1, 2), recipe={"balanced_loss": False})[0].corpus_loss
    assert not unbalanced.log_shares.any()


def test_corpora_are_drawn_by_their_share(train, clips, write_ravdess, tmp_path):
    """Songs are a tenth of the clips and, with the power 0, half of what is drawn."""
    songs = load_ravdess_song(
        write_ravdess(tmp_path / "song", actors=[1], corpus="ravdess-song"), actors=[1]
    ).select(range(12))
    both = concatenate_datasets([of(clips, 1, 2), songs])
    trainer, _ = train(both, recipe={"corpus_power": 0.0, "num_augmented_copies": 1})
    rows = trainer.train_dataset
    assert len(rows) == 2 * (120 + 12)
    drawn = Counter(rows["corpus"][:][list(trainer._get_train_sampler())].tolist())
    assert drawn == {"ravdess": 132, "ravdess-song": 132}


def test_the_recipe_says_how_training_disturbs_clips(train):
    changes = train((1,), recipe={"noise_prob": 0.3})[0].data_collator.augmenter.recipe
    assert changes == MelAugmentationRecipe(noise_prob=0.3)
    default = train((1,))[0].data_collator.augmenter.recipe
    assert default == MelAugmentationRecipe()


def test_statistics_are_those_of_the_training_clips_and_copies_alone(clips, train, cache_dir):
    expected = {}
    for actors in ((1, 2), (1, 2, 3)):
        feature_extractor = MfccLstmFeatureExtractor(**SIGNAL_SETTINGS)
        extracted = extract_spectrograms(
            of(clips, *actors),
            feature_extractor,
            num_augmented_copies=1,
            augmentation=WAVEFORM_ONLY,
            cache_dir=cache_dir,
        )
        expected[actors] = feature_statistics(extracted, feature_extractor)
    for validation_actors in ((), (3,), (4,)):
        _, recognizer = train((1, 2), validation_actors, save_steps=3, max_steps=1)
        found = recognizer.feature_extractor.mean, recognizer.feature_extractor.std
        assert found == expected[1, 2]
    assert found != expected[1, 2, 3]


def test_validation_clips_do_not_train(train):
    """They choose among checkpoints; with one checkpoint there is no choice, and the weights are the same."""
    trained = [train((1, 2), (actor,), save_steps=3)[1] for actor in (3, 4)]
    assert same(*map(weights, trained))


def test_train_py_hands_over_training_actors_alone(tiny_ravdess, tmp_path, monkeypatch):
    from ser.training import cli as program

    class HandedOver(Exception):  # noqa: N818 -- nothing went wrong
        pass

    handed: dict = {}

    def stand_in(train_clips, validation_clips, *_):
        handed.update(train=train_clips, validation=validation_clips)
        raise HandedOver

    monkeypatch.setattr(program, "train_classifier", stand_in)
    options = ["--data_dir", tiny_ravdess, "--output_dir", tmp_path, "--actors", 1, 2, 3, 4]
    options += ["--test_actors", 2, "--num_validation_actors", 1]
    monkeypatch.setattr(sys, "argv", ["train.py", *map(str, options)])
    with pytest.raises(HandedOver):
        program.main()
    train_actors, validation_actors = (set(handed[side]["actor"]) for side in ("train", "validation"))
    assert len(train_actors) == 2
    assert len(validation_actors) == 1
    assert train_actors | validation_actors == set(names(1, 3, 4))


def test_cross_validation_trains_on_the_training_clips_of_its_fold_alone(clips, tmp_path, monkeypatch):
    from benchmarks.accuracy import cross_validate

    heard: dict = {}

    def stand_in(train_clips, validation_clips, *_):
        assert validation_clips is None, "chosen on whom?"
        heard["train"] = paths(train_clips)
        return None, SimpleNamespace(predict=predict, save_pretrained=lambda _: None)

    def predict(files):
        heard["test"] = set(files)
        return [dict.fromkeys(EMOTIONS, 0.125) for _ in files]

    monkeypatch.setattr(cross_validate, "train_classifier", stand_in)
    actor_of_clip = np.array(clips["actor"])
    fold = Fold(
        name="tiny-0",
        train=np.flatnonzero(actor_of_clip != "ravdess:02"),
        test=np.flatnonzero(actor_of_clip == "ravdess:02"),
        train_actors=tuple(names(1, 3, 4)),
        test_actors=tuple(names(2)),
        speaker_disjoint=True,
    )
    arguments = RecipeTrainingArguments(output_dir=str(tmp_path))
    result = cross_validate.run_fold(clips, fold, RecipeArguments(), arguments, tmp_path)
    assert heard == {"train": paths(of(clips, 1, 3, 4)), "test": paths(of(clips, 2))}
    assert result["clips"] == [Path(audio["path"]).stem for audio in of(clips, 2)["audio"]]
    assert result["labels"] == of(clips, 2)["emotion"][:]


def test_training_learns_what_unseen_actors_say(clips, train):
    """Emotions of the tiny corpus are pitch and level: easy to learn, and the same for every actor."""
    trainer, recognizer = train((1, 2, 3), max_steps=60, learning_rate=2e-2, logging_steps=10)
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert losses[-1] < 0.9 * losses[0]
    unseen = of(clips, 4)
    predictions = recognizer.predict([audio["path"] for audio in unseen["audio"]])
    guessed = [
        max(each, key=each.get) == EMOTIONS[label]
        for each, label in zip(predictions, unseen["emotion"], strict=True)
    ]
    assert np.mean(guessed) > 0.25  # twice what guessing reaches


def test_the_same_seed_gives_the_same_weights_bit_for_bit(train, tmp_path):
    """Also when the features of the second run come from what the first left on disk."""
    recipe = {"feature_cache_dir": str(tmp_path / "kept")}
    first, again, other = (weights(train(recipe=recipe, seed=seed)[1]) for seed in (5, 5, 6))
    assert same(first, again)
    assert not same(first, other)


def test_the_best_checkpoint_is_kept_and_training_stops_early(train, tmp_path, monkeypatch):
    """Scripted scores: the second evaluation is the best, the fourth is the second without a better one."""
    scores = iter([0.2, 0.9, 0.3, 0.1, 1.0])
    monkeypatch.setattr(training, "compute_classification_metrics", lambda _: {"uar": next(scores)})
    trainer, recognizer = train(
        validation_actors=(3,), recipe={"early_stopping_patience": 2}, max_steps=10, save_steps=2
    )
    assert trainer.state.global_step == 8
    assert trainer.state.best_metric == 0.9
    best, last = (load_file(tmp_path / f"out/checkpoint-{step}/model.safetensors") for step in (4, 8))
    assert same(best, weights(recognizer))
    assert not same(best, last)


def test_without_validation_the_last_weights_are_kept(train, tmp_path):
    trainer, recognizer = train(max_steps=4, save_strategy="steps", save_steps=2)
    assert not any("eval_loss" in line for line in trainer.state.log_history)
    last, before = (load_file(tmp_path / f"out/checkpoint-{step}/model.safetensors") for step in (4, 2))
    assert same(last, weights(recognizer))
    assert not same(before, weights(recognizer))


def test_evaluation_hears_clips_unchanged_between_changed_ones(train):
    trainer, _ = train(validation_actors=(3,), save_steps=3)
    collators = [type(trainer.data_collator)]
    losses = {trainer.evaluate()["eval_loss"] for _ in range(2)}
    assert len(losses) == 1
    collators.append(type(trainer.data_collator))
    assert collators == [AugmentingCollator] * 2
    assert type(trainer.get_eval_dataloader().collate_fn) is not AugmentingCollator
    assert isinstance(trainer.eval_data_collator, FeatureCollator)


def test_the_recogniser_is_what_the_recipe_says(train):
    recipe = {
        "architecture": "plain",
        "views": ["relative"],
        "temperature": 1.6,
        "not_sure_below": 0.2,
        "num_augmented_copies": 0,
    }
    trainer, recognizer = train(recipe=recipe, max_steps=1)
    assert recognizer.model is trainer.model
    assert not recognizer.model.training
    assert recognizer.model.config.conv_channels == []
    assert recognizer.model.config.views == ["relative"]
    assert recognizer.model.config.temperature == 1.6
    assert recognizer.not_sure_below == 0.2
    assert {name: getattr(recognizer.feature_extractor, name) for name in SIGNAL_SETTINGS} == SIGNAL_SETTINGS
    assert recognizer.emotions == EMOTIONS
    assert len(trainer.train_dataset) == 120


def test_a_model_trained_in_half_precision_answers_in_full(train, tmp_path):
    trainer, recognizer = train(max_steps=1, bf16=True)
    assert trainer.accelerator.mixed_precision == "bf16"
    recognizer.save_pretrained(tmp_path / "model")
    clip = np.random.default_rng(0).normal(0, 0.1, 8_000).astype(np.float32), 16_000
    loaded = EmotionRecognizer.from_pretrained(tmp_path / "model").predict(clip)
    assert recognizer.predict(clip) == pytest.approx(loaded, abs=1e-6)


def test_batches_are_of_like_length_in_another_order_every_epoch():
    lengths = np.random.default_rng(0).integers(50, 400, 1_000)
    one = {"corpora": ["a"] * 1_000, "shares": {"a": 1.0}}
    sampler = CorpusSampler(lengths, batch_size=32, seed=3, **one)
    orders = {}
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        orders[epoch] = list(sampler)
        assert sorted(orders[epoch]) == list(range(1_000))
        assert len(sampler) == 1_000
        batches = lengths[orders[epoch]][:992].reshape(-1, 32)
        assert batches.max(axis=1).mean() < 1.15 * lengths.mean()  # in random batches 1.7 times
        assert abs(np.corrcoef(np.arange(31), batches.mean(axis=1))[0, 1]) < 0.5
    assert orders[0] != orders[1]
    sampler.set_epoch(0)
    assert list(sampler) == orders[0]
    assert list(CorpusSampler(lengths, batch_size=32, seed=4, **one)) != orders[0]
    assert sorted(CorpusSampler([5, 3], 32, 4, ["a", "a"], {"a": 1.0})) == [0, 1]


def test_the_trainer_groups_by_length_and_epoch(train):
    trainer, _ = train(max_steps=1)
    loader = trainer.get_train_dataloader()
    first = [batch["input_features"].shape for batch in loader]
    loader.set_epoch(1)
    assert [batch["input_features"].shape for batch in loader] != first


def test_two_processes_give_the_figures_of_one(tiny_ravdess, tmp_path, monkeypatch):
    """All clips a step; what remains is that batch normalisation sees the clips of its own process."""
    # Put back afterwards.
    monkeypatch.setattr(mfcc_lstm, "MelAugmentationRecipe", mfcc_lstm.MelAugmentationRecipe)
    alone = train_tiny(tiny_ravdess, tmp_path / "features")
    together = train_tiny_together(tiny_ravdess, tmp_path / "features", tmp_path / "report.json")
    assert (alone["num_processes"], together["num_processes"]) == (1, 2)
    assert alone["losses"][-1] < 0.9 * alone["losses"][0], "nothing was learnt that could differ"
    assert together["losses"] == pytest.approx(alone["losses"], abs=0.1)
    assert together["scores"] == pytest.approx(alone["scores"], abs=0.1)
    np.testing.assert_allclose(together["probabilities"], alone["probabilities"], rtol=0, atol=0.1)
