"""What is turned away at the door, before Gradio reads a byte of it: too much, too big, from elsewhere."""

import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ser.demo.recordings import Recordings

LOOPBACK = ("localhost", "127.0.0.1")
EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104
UPLOAD = "/gradio_api/upload"
MAX_UPLOAD_BYTES = 500 * 2**20  # one request of the tab for many files; each of them has a limit of its own
MAX_BODY_BYTES = 2 * 2**20  # of anything else: JSON that names files
# Gradio's, of which this demo uses none: each would leave files here, or call what the page does not offer.
CLOSED = ("/gradio_api/process_recording", "/gradio_api/deep_link", "/gradio_api/component_server")


class RequestGuard:
    """Refuses requests that this page would never send.

    Args:
        app: The application behind it.
        recordings: Where uploads end up.
        from_anywhere: Whether pages of other sites may call this one, as they may any public service.
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
        elif scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(UPLOAD):
            await self._upload(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        num_bytes = int(Headers(scope=scope)["content-length"])
        if not self.recordings.begin_upload(num_bytes):
            busy = "Too many recordings are being heard at this moment. Try again in a minute."
            await PlainTextResponse(busy, 503, {"Retry-After": "60"})(scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            self.recordings.end_upload(num_bytes)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason, or None for a request that may pass."""
        headers, path = Headers(scope=scope), scope["path"]
        origin = headers.get("origin")
        if origin and not self.from_anywhere and urlsplit(origin).netloc != headers.get("host"):
            return 403, "Pages of other sites may not call this demo."
        if path.startswith(CLOSED):
            return 404, "Not offered here."
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return None
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return 411, "Say how long the request is: Content-Length."
        limit = MAX_UPLOAD_BYTES if path.startswith(UPLOAD) else MAX_BODY_BYTES
        if int(length) > limit:
            return 413, f"The request has {int(length)} bytes; at most {limit} are read."
        return None


def own_names(server_name: str, allowed_hosts: list[str]) -> list[str]:
    """Under which names browsers may ask for the demo.

    A page of another site can make its own name point to this machine (DNS rebinding) and then read whatever
    it asks for. It cannot keep the browser from telling the name.

    Args:
        server_name: The address listened on.
        allowed_hosts: Further names, such as that of a reverse proxy; "*" allows all.
    """
    names = {*LOOPBACK, *allowed_hosts}
    if server_name in EVERY_ADDRESS:
        names.add(socket.gethostname())
    else:
        names.add(server_name)
    return sorted(names)


def guards(allowed_hosts: list[str] | None = None) -> dict[str, Any]:
    """What of `Blocks.launch` guards the demo, as `app_kwargs`. Call it when the page is built.

    Args:
        allowed_hosts: From `own_names`; only this machine's own by default. Where "*" is among them the demo
            is public, as a Space is, and pages of other sites may call it, too.
    """
    allowed_hosts = allowed_hosts or list(LOOPBACK)
    recordings = Recordings(Path(gr.utils.get_upload_folder()))
    return {
        "middleware": [
            Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts, www_redirect=False),
            Middleware(RequestGuard, recordings=recordings, from_anywhere="*" in allowed_hosts),
        ],
        "lifespan": recordings.swept,
    }


def default_allowed_hosts() -> list[str]:
    """Names from SER_ALLOWED_HOSTS, separated by commas; on a Space, which is public in any case, all."""
    if names := os.environ.get("SER_ALLOWED_HOSTS"):
        return [name.strip() for name in names.split(",") if name.strip()]
    return ["*"] if os.environ.get("SPACE_ID") else []
