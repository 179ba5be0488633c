"""A file server on loopback that misbehaves as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ArchiveServer:
    """Serves `content`; a test changes the attributes and reads `requests` afterwards."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.content_type = "application/zip"
        self.resumes = True
        self.break_after: list[
            int
        ] = []  # bytes to send before hanging up, one number for each coming request
        self.statuses: list[int] = []  # answers before the real one
        self.states_length = True
        self.requests: list[dict[str, str]] = []
        self.url = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.requests.append(dict(request.headers))
        if self.statuses:
            request.send_error(self.statuses.pop(0))
            return
        start = self._start(request)
        if start is None:
            request.send_error(416)
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if self.states_length:
            request.send_header("Content-Length", str(len(body)))
        request.send_header("Content-Type", self.content_type)
        request.end_headers()
        request.wfile.write(body[: self.break_after.pop(0)] if self.break_after else body)

    def _start(self, request: BaseHTTPRequestHandler) -> int | None:
        asked = request.headers.get("Range")
        if not self.resumes or not asked:
            return 0
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        return start if start < len(self.content) else None


@contextmanager
def served(content: bytes) -> Iterator[ArchiveServer]:
    """Serve `content` on a free port until the block ends."""
    server = ArchiveServer(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}/corpus.zip"
        yield server
        http.shutdown()
        thread.join()
