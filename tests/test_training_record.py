import json

import pytest

from ser.training_record import RECORD_NAME, heard_actors, read_training_record


def test_the_record_of_a_checkpoint_is_read_back(tmp_path):
    (tmp_path / RECORD_NAME).write_text(json.dumps({"train_actors": [1, 2]}))
    assert read_training_record(tmp_path) == {"train_actors": [1, 2]}


def test_a_checkpoint_without_a_record_gives_none(tmp_path):
    assert read_training_record(tmp_path) is None
    assert heard_actors(None) is None
    assert heard_actors({"recipe": {}}) is None


@pytest.mark.parametrize(("content", "message"), [("{cut", "is not JSON"), ("[1, 2]", "holds a list")])
def test_a_damaged_record_raises(tmp_path, content, message):
    (tmp_path / RECORD_NAME).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_training_record(tmp_path)


def test_actors_a_model_was_chosen_by_count_as_heard():
    assert heard_actors({"train_actors": [1, 2], "validation_actors": [3], "test_actors": [4]}) == {1, 2, 3}
