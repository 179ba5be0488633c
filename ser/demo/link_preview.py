"""Title and description of the page for the programs that preview a link: they run no JavaScript."""

import gzip
import re
from html import escape

from starlette._utils import get_route_path
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHERS_PREVIEW = re.compile(
    rb"<title>.*?</title>|"
    rb"<meta\s[^>]*(?:og:|twitter:)(?:title|description|image|url|creator|type|card)[^>]*>"
)
PREVIEW = (
    "<title>{title}</title>"
    '<meta name="description" content="{description}">'
    '<meta property="og:type" content="website">'
    '<meta property="og:title" content="{title}">'
    '<meta property="og:description" content="{description}">'
    '<meta name="twitter:card" content="summary">'
)


class LinkPreview:
    """Replaces Gradio's own preview, which says "Gradio" and "Click to try out the app!".

    Args:
        app: The application behind it.
        title: Title of the page.
        description: A sentence about it.
    """

    def __init__(self, app: ASGIApp, title: str, description: str):
        self.app = app
        self.preview = PREVIEW.format(title=escape(title), description=escape(description)).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request; rewrite the answer if it is the page itself."""
        if scope["type"] != "http" or scope["method"] != "GET" or get_route_path(scope) not in ("", "/"):
            await self.app(scope, receive, send)
            return
        takes_gzip = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        # Nobody behind compresses what has yet to be rewritten.
        raw = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message = {}
        chunks: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            chunks.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._send(b"".join(chunks), start, takes_gzip, send)

        await self.app({**scope, "headers": raw}, receive, collect)

    async def _send(self, page: bytes, start: Message, takes_gzip: bool, send: Send) -> None:
        page = OTHERS_PREVIEW.sub(b"", page).replace(b"<head>", b"<head>" + self.preview, 1)
        headers = MutableHeaders(raw=list(start["headers"]))
        if takes_gzip:
            page = gzip.compress(page, 5)
            headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(page))
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": page})
