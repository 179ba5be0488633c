"""A slip on the command line of a training is a sentence, and `--help` shows our options first."""

import pytest

from ser.training.arguments import check_trackers, parse_training_arguments
from ser.training.cli import DataArguments
from ser.training.recipe import RecipeTrainingArguments

NEEDED = ["--data_dir", "x", "--output_dir", "y"]


def parse(*words: str):
    return parse_training_arguments((DataArguments,), "Trains.", [*NEEDED, *words])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--num_epochs", "3"], "no option --num_epochs. Did you mean --num_proc or --num_train_epochs"),
        (["--save_total_limit", "1"], "save_total_limit must be 2 or more"),
        (["--load_best_model_at_end", "true"], "Error: "),
        (["--neftune_noise_alpha", "5"], "this one has none"),
        (["--init_from", "z", "--freeze", "nose"], None),
    ],
)
def test_options_that_cannot_be_are_refused_in_a_sentence(words, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse(*words)
    if said is None:  # argparse has said so itself
        assert stopped.value.code == 2
        assert "--freeze" in capsys.readouterr().err
    else:
        assert said in str(stopped.value.code)
        assert str(stopped.value.code).startswith("Error: ")


def test_help_shows_our_options_and_all_on_request(capsys):
    shown = {}
    for option in ("--help", "--help_all"):
        with pytest.raises(SystemExit):
            parse(option)
        shown[option] = capsys.readouterr().out
    assert "--test_actors" in shown["--help"]
    assert "--learning_rate" in shown["--help"]
    assert "--deepspeed" not in shown["--help"]
    assert "--deepspeed" in shown["--help_all"]
    assert shown["--help"].count("\n") < 0.5 * shown["--help_all"].count("\n")


def test_a_tracker_that_is_not_installed_is_named(tmp_path):
    args = RecipeTrainingArguments(output_dir=str(tmp_path), report_to="neptune")
    with pytest.raises(ValueError, match=r"--report_to neptune: .* pass --report_to none"):
        check_trackers(args)


def test_the_processor_decides_the_precision_unless_told(tmp_path, monkeypatch):
    for has, given, expected in ((True, None, True), (False, None, False), (False, True, True)):
        monkeypatch.setattr("torch.cpu.get_capabilities", lambda has=has: {"avx512_bf16": has})
        assert RecipeTrainingArguments(output_dir=str(tmp_path), bf16=given).bf16 is expected
