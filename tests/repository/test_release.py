"""The release plan names commands that exist."""

import pytest
from documented_commands import check_command

from tools.release import main, release_steps


@pytest.mark.parametrize("name", release_steps())
def test_every_command_is_understood_by_its_program(name: str, monkeypatch: pytest.MonkeyPatch):
    command = release_steps()[name]
    check_command(" ".join(["python" if "python" in command[0] else command[0], *command[1:]]), monkeypatch)


def test_a_dry_run_prints_the_commands_from_the_given_step(capsys: pytest.CaptureFixture[str]):
    main(["--dry_run", "--start_at", "report"])
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "report",
        "lint",
        "test",
        "conformance",
    ]
