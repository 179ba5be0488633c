import json

import pytest

from ser.evaluation.training_record import (
    RECORD_NAME,
    changed_settings,
    read_training_record,
    training_speakers,
)


def test_the_record_of_a_checkpoint_is_read_back(tmp_path):
    (tmp_path / RECORD_NAME).write_text(json.dumps({"train_actors": [1, 2]}))
    assert read_training_record(tmp_path) == {"train_actors": [1, 2]}


def test_a_checkpoint_without_a_record_gives_none(tmp_path):
    assert read_training_record(tmp_path) is None
    assert training_speakers(None) is None
    assert training_speakers({"recipe": {}}) is None


@pytest.mark.parametrize(("content", "message"), [("{cut", "is not JSON"), ("[1, 2]", "holds a list")])
def test_a_damaged_record_raises(tmp_path, content, message):
    (tmp_path / RECORD_NAME).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_training_record(tmp_path)


def test_actors_a_model_was_chosen_by_count_as_heard():
    record = {"train_actors": [3, "emodb:3"], "validation_actors": ["nemo:WR0"], "test_actors": [4]}
    assert training_speakers(record) == {"ravdess:03", "emodb:03", "nemo:WR0"}


def test_recipes_differ_in_what_shapes_weights_and_in_what_both_know():
    before = {"recipe": {"noise_prob": 0.6, "num_proc": 2}, "training_arguments": {"seed": 0, "max_steps": 3}}
    assert changed_settings(before, before) == ""
    now = {"recipe": {"noise_prob": 0.1, "num_proc": 8, "new": 1}, "training_arguments": {"seed": 5}}
    assert changed_settings(before, now) == "noise_prob 0.6, now 0.1"


def test_settings_that_an_encoder_does_not_use_do_not_tell_its_trainings_apart():
    before, now = (
        {"recipe": {"model_name_or_path": "whisper", "noise_prob": value}, "training_arguments": {}}
        for value in (0.6, 0.1)
    )
    assert changed_settings(before, now) == ""
    del before["recipe"]["model_name_or_path"], now["recipe"]["model_name_or_path"]
    assert changed_settings(before, now) == "noise_prob 0.6, now 0.1"


def test_how_corpora_are_mixed_does_not_matter_to_a_training_on_one():
    before, now = (
        {"recipe": {"min_ravdess_share": share}, "training_arguments": {}} for share in (0.35, 0.45)
    )
    assert changed_settings({**before, "train_corpora": ["nemo", "ravdess"]}, now) != ""
    assert changed_settings({**before, "train_corpora": ["ravdess"]}, now) == ""
