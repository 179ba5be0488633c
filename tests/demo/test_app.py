"""The door to the demo: its command line, its defaults and that it opens."""

import gc
import inspect
import pathlib
from pathlib import Path

import gradio as gr
import httpx
import pytest

from ser import EmotionRecognizer
from ser.demo import cli as app
from ser.demo.models import Models
from ser.demo.page import build_demo, launch_options

REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch):
    for name in ("SER_MODEL", "SPACE_ID", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_the_default_is_the_shipped_model_for_this_machine_alone():
    options = app.parse_arguments([])
    assert options.model[0] == str(REPO / "checkpoint")
    assert options.model[1:] in ([], [str(REPO / "checkpoint-accurate")])
    assert (options.server_name, options.server_port) == ("127.0.0.1", 7860)


def test_environment_and_command_line_choose_model_and_address(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SER_MODEL", "someone/model, another")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "127.0.0.2")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "7999")
    options = app.parse_arguments([])
    assert options.model == ["someone/model", "another"]
    assert (options.server_name, options.server_port) == ("127.0.0.2", 7999)
    assert app.parse_arguments(["--model", "mine", "yours"]).model == ["mine", "yours"]


def test_a_space_is_reached_from_outside(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SPACE_ID", "someone/space")
    assert app.parse_arguments([]).server_name == "0.0.0.0"


def test_a_model_that_is_not_there_ends_in_a_sentence(tmp_path: Path):
    with pytest.raises(SystemExit, match="cannot be loaded"):
        app.main(["--model", str(tmp_path / "nothing")])


def test_after_the_import_of_gradio_python_is_as_before():
    with app.quick_import():
        assert not gc.isenabled()
        with pytest.raises(OSError, match="type stubs"):
            inspect.getfile(gr.Audio)
        assert inspect.getfile(Path) == pathlib.__file__
    assert gc.isenabled()
    assert Path(inspect.getfile(gr.Audio)).name == "audio.py"


def test_each_visitor_is_heard_on_one_core(untrained_checkpoint: Path, monkeypatch: pytest.MonkeyPatch):
    """More would take the cores from the visitors beside them and save nobody any time."""
    told: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", told.append)
    app.load_recognizer(str(untrained_checkpoint))
    assert told == [1]


def test_a_machine_too_busy_to_answer_at_once_still_serves(
    untrained_checkpoint: Path, recognizer: EmotionRecognizer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gradio.networking.url_ok", lambda url: False)
    demo = build_demo(Models([str(untrained_checkpoint)], lambda _: recognizer))
    demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    demo.close(verbose=False)


def test_sessions_do_not_pile_up(
    untrained_checkpoint: Path, recognizer: EmotionRecognizer, monkeypatch: pytest.MonkeyPatch
):
    """Every call of a program is a session of its own: without a limit, memory grows with each."""
    monkeypatch.setattr("ser.demo.page.MAX_SESSIONS", 3)
    demo = build_demo(Models([str(untrained_checkpoint)], lambda _: recognizer))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    try:
        for _ in range(6):
            answer = httpx.post(f"{url}gradio_api/call/predict", json={"data": [None]}, timeout=30).json()
            httpx.get(f"{url}gradio_api/call/predict/{answer['event_id']}", timeout=30)
        assert len(demo.state_holder.session_data) == 3
    finally:
        demo.close(verbose=False)


@pytest.mark.usefixtures("demo_url")
def test_a_taken_port_is_named(untrained_checkpoint: Path, free_port: int):
    with pytest.raises(SystemExit, match=f"cannot be served.*{free_port}"):
        app.main(["--model", str(untrained_checkpoint), "--server_port", str(free_port)])


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", ""])
def test_a_wrong_port_is_an_error_of_the_command_line(port: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        app.parse_arguments([f"--server_port={port}"])
    assert "expected a port from 1 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no.such.host.invalid", "203.0.113.1", "[::zz]"])
def test_an_address_that_is_not_this_machine_ends_in_a_sentence(name: str, untrained_checkpoint: Path):
    with pytest.raises(SystemExit, match="cannot be served at"):
        app.main(["--model", str(untrained_checkpoint), "--server_name", name])


def test_it_listens_on_every_address_of_ipv6_too(free_port: int):
    app.check_address("::", free_port + 1)
