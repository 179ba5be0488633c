"""What attackers send to the demo over HTTP is refused, bounded, and never reaches another file or host."""

import json
import os
import socket
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from gradio.utils import get_upload_folder
from opened_files import opened_files
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ser.demo import cli as app
from ser.demo import guard
from ser.demo.examples import EXAMPLES_DIR
from ser.demo.guard import own_names
from ser.demo.recordings import Recordings

CLIP = EXAMPLES_DIR / "sad_03-01-04-02-01-01-24.flac"
REPO = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def api(demo_url: str):
    with httpx.Client(base_url=demo_url, timeout=60) as client:
        yield client


def upload(api: httpx.Client, content: bytes = b"x" * 200, name: str = "clip.wav", **headers: str):
    return api.post("/gradio_api/upload", files={"files": (name, content)}, headers=headers)


def predict(api: httpx.Client, path: str, **file) -> str:
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}, **file}]
    call = api.post("/gradio_api/call/predict", json={"data": data})
    if call.status_code != 200:
        return str(call.status_code)
    return api.get(f"/gradio_api/call/predict/{call.json()['event_id']}").text


def test_an_upload_is_heard(api):
    (path,) = upload(api, CLIP.read_bytes(), CLIP.name).json()
    assert "event: complete" in predict(api, path)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../../../../etc/passwd",
        "{uploads}/../../../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%252e%252e/%252e%252e/etc/passwd",
        "..\\..\\etc\\passwd",
        "/proc/self/environ",
        "file:///etc/passwd",
        "\\\\host\\share",
        "{repo}/app.py",
        "{repo}/checkpoint/config.json",
        "{repo}/.git/config",
        "{uploads}",
        "{uploads}/.",
        "",
        "\0",
    ],
)
def test_no_other_file_is_served_or_heard(api, path: str):
    path = path.format(uploads=get_upload_folder(), repo=REPO)
    with opened_files(REPO / "checkpoint") as opened:
        for route in ("/gradio_api/file=", "/file=", "/static/", "/assets/", "/svelte/"):
            served = api.get(f"{route}{path}".replace("\0", "%00"))
            assert served.status_code in (400, 403, 404, 405, 422) or "gradio" in served.text[:3000], path
            for secret in ("root:", "def main", "[core]", "PATH=", "model_type"):
                assert secret not in served.text[:100_000] or served.text.startswith("<!"), (route, path)
        answer = predict(api, path)
    assert "event: complete" not in answer
    for secret in ("root:", "def main", "[core]", "model_type", "Traceback"):
        assert secret not in answer
    assert not opened


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/clip.wav",
        "http://localhost:{port}/clip.wav",
        "http://[::1]:{port}/clip.wav",
        "http://2130706433:{port}/clip.wav",
        "http://0x7f.1:{port}/clip.wav",
        "http://0.0.0.0:{port}/clip.wav",
        "http://[::ffff:127.0.0.1]:{port}/clip.wav",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/clip.wav",
        "ftp://127.0.0.1:{port}/clip.wav",
        "gopher://127.0.0.1:{port}/clip.wav",
    ],
)
def test_no_address_of_this_machine_or_its_network_is_asked(api, address: str):
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.2)
        url = address.format(port=inside.getsockname()[1])
        answers = [predict(api, url), predict(api, CLIP.name, url=url)]
        answers += [f"{api.get(f'/gradio_api/{route}={url}').status_code}" for route in ("file", "proxy")]
        with pytest.raises(TimeoutError):
            inside.accept()
    for answer in answers:
        assert "event: complete" not in answer
        assert answer != "200"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", ""]
)
def test_another_host_name_is_refused(api, host: str):
    for route in ("/", "/config", "/gradio_api/info", "/gradio_api/file=x"):
        assert api.get(route, headers={"Host": host}).status_code == 400
    assert upload(api, Host=host, Origin=f"http://{host}").status_code == 400


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://"])
def test_pages_of_other_sites_are_refused(api, origin: str):
    assert upload(api, Origin=origin).status_code == 403
    assert api.get("/config", headers={"Origin": origin}).status_code == 403
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    permission = api.options("/gradio_api/upload", headers=preflight).headers.get(
        "access-control-allow-origin"
    )
    assert (
        permission is None or permission == "http://127.0.0.1:1"
    )  # another port, to which only Gradio says yes


def test_behind_a_proxy_its_page_is_let_in_under_the_name_of_the_proxy():
    served = Starlette(
        routes=[Route("/gradio_api/call/predict", lambda _: PlainTextResponse("heard"), methods=["POST"])],
        middleware=guard.guards(own_names("0.0.0.0", ["voices.example"]))["middleware"],
    )

    def asked(host: str, origin: str) -> int:
        headers = {"Host": host, "Origin": origin}
        return TestClient(served).post("/gradio_api/call/predict", content=b"{}", headers=headers).status_code

    assert asked("voices.example", "https://voices.example") == 200
    assert asked("127.0.0.1:7860", "https://voices.example") == 403  # the proxy kept the name to itself
    assert asked("other.example", "https://other.example") == 400


def test_its_own_page_is_let_in(api, demo_url):
    assert upload(api, Origin=demo_url.rstrip("/")).status_code == 200


def test_routes_that_the_page_never_calls_are_closed(api):
    for route in guard.CLOSED:
        assert api.get(route, params={"session_hash": "x"}).status_code == 404
        assert api.post(route, files={"video": b"x"}).status_code == 404


def test_bodies_are_limited_and_must_say_their_size(api, monkeypatch):
    assert api.post("/gradio_api/call/predict", content=b"[" * (2**21 + 1)).status_code == 413
    assert api.post("/gradio_api/upload", content=iter([b"x"])).status_code == 411
    monkeypatch.setattr(guard, "MAX_UPLOAD_BYTES", 10_000)
    assert upload(api, bytes(20_000)).status_code == 413


def test_a_file_beyond_its_limit_is_refused(api):
    response = upload(api, bytes(51 * 2**20), "large.wav")
    assert response.status_code == 413


@pytest.mark.parametrize(
    "name", ["../../evil.wav", "/etc/evil.wav", "a/../../b.wav", "x" * 500 + ".wav", ".."]
)
def test_names_of_uploads_lead_nowhere_else(api, name: str):
    response = upload(api, name=name)
    if response.status_code == 200:
        (path,) = response.json()
        assert Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve())
        assert len(Path(path).relative_to(get_upload_folder()).parts) == 2
    else:
        assert response.status_code in (400, 413, 422)


def test_parts_of_forms_that_nobody_asked_for_are_bounded_too(api):
    """They stay under a name that Gradio forgets; the sweep of the whole folder finds them."""
    folder = Path(get_upload_folder())
    before, kept = set(folder.rglob("*")), Recordings(folder)
    api.post("/gradio_api/upload", files={"other": ("clip.wav", b"y" * 300)})
    left = [path for path in folder.rglob("*") if path not in before and path.is_file()]
    assert left
    for path in left:
        os.utime(path, times=(0, 0))
    kept.sweep()
    assert not any(path.exists() for path in left)


def test_names_of_the_machine_are_allowed_and_others_on_demand(monkeypatch):
    assert own_names("127.0.0.1", []) == ["127.0.0.1", "localhost"]
    assert socket.gethostname().lower() in own_names("0.0.0.0", [])
    assert "voices.example" in own_names("0.0.0.0", ["voices.example"])
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setenv("SER_ALLOWED_HOSTS", "a.example, b.example")
    assert app.parse_arguments([]).allowed_hosts == ["a.example", "b.example"]
    monkeypatch.delenv("SER_ALLOWED_HOSTS")
    assert app.parse_arguments([]).allowed_hosts == []
    monkeypatch.setenv("SPACE_ID", "someone/space")  # public in any case, and behind a proxy
    assert app.parse_arguments([]).allowed_hosts == ["*"]


def status(given: str, host: str) -> int:
    """What a request for `host` is answered where `given` is allowed."""
    page = Route("/", lambda _: PlainTextResponse("in"))
    middleware = guard.guards(own_names("127.0.0.1", [given]))["middleware"]
    client = TestClient(Starlette(routes=[page], middleware=middleware))
    return client.get("/", headers={"Host": host}).status_code


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("a.example.org:8443", "a.example.org:8443"),
        ("https://B.example.org/", "b.example.org"),
        ("*.example.org", "c.example.org:80"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[::1]:7860", "[::1]:7860"),
    ],
)
def test_an_allowed_host_may_come_with_scheme_and_port(given: str, host: str):
    assert status(given, host) == 200
    assert status(given, "evil.example") == 400


@pytest.mark.parametrize(
    "given", ["", "a b", "https://a.example/page", "a*.example", "ftp://a.example", "a.example:http", "*.*"]
)
def test_what_is_no_host_is_refused_in_a_sentence(given: str):
    with pytest.raises(ValueError, match="An allowed host must be a name such as"):
        own_names("127.0.0.1", [given])


def test_an_address_is_no_name_that_could_be_rebound():
    for host in ("192.168.1.5:7860", "0.0.0.0", "[::1]:7860", "[fe80::1]"):
        assert status("a.example", host) == 200
    for host in ("192.168.1.5.evil.example", "[::1].evil.example", "[::1", "2130706433", "0x7f.1"):
        assert status("a.example", host) == 400


@pytest.mark.parametrize("prefix", ["", "/voices"])
def test_behind_a_proxy_that_keeps_the_prefix_the_same_limits_hold(prefix: str, monkeypatch):
    served = FastAPI(root_path="/voices", middleware=guard.guards()["middleware"])
    for path in (guard.UPLOAD, "/gradio_api/call/predict", *guard.CLOSED):
        served.add_api_route(path, lambda: "in", methods=["GET", "POST"])
    client = TestClient(served, base_url="http://localhost")
    monkeypatch.setattr(guard, "MAX_BODY_BYTES", 1_000)
    monkeypatch.setattr(guard, "MAX_UPLOAD_BYTES", 5_000)
    assert client.post(prefix + guard.UPLOAD, content=bytes(2_000)).status_code == 200
    assert client.post(prefix + guard.UPLOAD, content=bytes(6_000)).status_code == 413
    assert client.post(prefix + "/gradio_api/call/predict", content=bytes(2_000)).status_code == 413
    for path in guard.CLOSED:
        assert client.get(prefix + path).status_code == 404
        assert client.get(prefix + path + "/").status_code == 404


def test_the_page_names_no_folder_of_this_machine(api):
    page = api.get("/").text + json.dumps(api.get("/config").json())
    assert str(REPO) not in page
    assert os.path.expanduser("~") + "/" not in page  # noqa: PTH111
