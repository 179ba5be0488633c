"""Refuses requests before Gradio reads them: too many, too large, or from another site."""

import re
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from starlette._utils import get_route_path, parse_host_header  # as the router and its own guard read them
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ser.demo.recordings import Recordings

LOOPBACK = ("localhost", "127.0.0.1")
EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104
UPLOAD = "/gradio_api/upload"
MAX_UPLOAD_BYTES = 500 * 2**20  # one request of the tab for many files; each file has its own limit
MAX_BODY_BYTES = 2 * 2**20  # every other request is JSON that names files
# Routes of Gradio that the page does not use: they would leave files here, or call what it does not offer.
CLOSED = ("/gradio_api/process_recording", "/gradio_api/deep_link", "/gradio_api/component_server")
# A host as one copies it from a browser, with or without scheme and port.
HOST = re.compile(
    r"(?:https?://)?(?P<name>\*|(?:\*\.)?[\w-]+(?:\.[\w-]+)*|\[[0-9a-f:]+\])\.?(?::\d+)?/?", re.IGNORECASE
)


class HostGuard(TrustedHostMiddleware):
    """Answers only under names that are allowed, and under any IP address.

    A page of another site can make its own name point to this machine (DNS rebinding) and then read every
    answer. The browser still sends that name, which is refused here. An IP address cannot be made to point
    elsewhere.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request to an IP address; check the name in any other request."""
        is_request = scope["type"] in ("http", "websocket")
        host = parse_host_header(Headers(scope=scope).get("host")) if is_request else None
        answer = self.app if host is not None and _is_address(host.host.strip("[]")) else super().__call__
        await answer(scope, receive, send)


class RequestGuard:
    """Refuses requests that this page would never send.

    Paths are compared as the router compares them, after the root path: behind a proxy that keeps the prefix
    of a sub-path, the same limits hold.

    Args:
        app: The application behind it.
        recordings: The folder that receives uploads.
        from_anywhere: Whether pages of other sites may call this one, as with any public service.
    """

    def __init__(self, app: ASGIApp, recordings: Recordings, from_anywhere: bool):
        self.app = app
        self.recordings = recordings
        self.from_anywhere = from_anywhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, or answer that it is refused."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is not None:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)
        elif (
            scope["type"] == "http" and scope["method"] == "POST" and get_route_path(scope).startswith(UPLOAD)
        ):
            await self._upload(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        num_bytes = int(Headers(scope=scope)["content-length"])
        if not self.recordings.begin_upload(num_bytes):
            busy = "The demo is analysing too many recordings. Try again in a minute."
            await PlainTextResponse(busy, 503, {"Retry-After": "60"})(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self.recordings.end_upload(num_bytes)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and reason, or None for a request that may pass."""
        headers, path = Headers(scope=scope), get_route_path(scope)
        origin = headers.get("origin")
        if origin and not self.from_anywhere and urlsplit(origin).netloc != headers.get("host"):
            return 403, "Pages of other sites may not call this demo."
        if path.startswith(CLOSED):
            return 404, "Not offered here."
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return None
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return 411, "The request needs the header Content-Length."
        limit = MAX_UPLOAD_BYTES if path.startswith(UPLOAD) else MAX_BODY_BYTES
        if int(length) > limit:
            return 413, f"The request has {int(length)} bytes; at most {limit} are read."
        return None


def own_names(server_name: str, allowed_hosts: list[str]) -> list[str]:
    """List the names under which browsers may ask for the demo.

    Args:
        server_name: The address listened on.
        allowed_hosts: Further names, such as that of a reverse proxy, with or without scheme and port;
            "*.example.org" allows all names below one, "*" allows all.

    Raises:
        ValueError: If one of them is not the name of a host.
    """
    names = {*LOOPBACK, *map(_host_name, allowed_hosts)}
    names.add(socket.gethostname().lower() if server_name in EVERY_ADDRESS else server_name)
    return sorted(names)


def _host_name(given: str) -> str:
    """Return the bare name of a host."""
    match = HOST.fullmatch(given.strip())
    if match is None:
        raise ValueError(
            "An allowed host must be a name such as demo.example.org, *.example.org for all names below one, "
            f"or * for all; got {given!r}."
        )
    return match["name"].strip("[]").lower().encode("idna").decode()


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def guards(allowed_hosts: list[str] | None = None) -> dict[str, Any]:
    """Return the `app_kwargs` of `Blocks.launch` that guard the demo. Call it when the page is built.

    Args:
        allowed_hosts: From `own_names`; only this machine's own by default. With "*" the demo is public, as a
            Space is, and pages of other sites may call it too.
    """
    allowed_hosts = allowed_hosts or list(LOOPBACK)
    recordings = Recordings(Path(gr.utils.get_upload_folder()))
    return {
        "middleware": [
            Middleware(HostGuard, allowed_hosts=allowed_hosts, www_redirect=False),
            Middleware(RequestGuard, recordings=recordings, from_anywhere="*" in allowed_hosts),
        ],
        "lifespan": recordings.swept,
    }
