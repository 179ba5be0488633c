"""A stand-in for the Hugging Face Hub on this machine: repositories with commits, over HTTP, in memory.

It speaks as much of the Hub's protocol as pushing and pulling models, Spaces and datasets needs, and it can
break off in the middle of a push.
"""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

API = re.compile(
    r"/api/(?P<kind>model|dataset|space)s/(?P<name>[^/]+/[^/]+)(?:/(?P<action>[\w-]+)(?:/(?P<rest>.*))?)?"
)
LFS = re.compile(r"(?:/(?:dataset|space)s)?/[^/]+/[^/]+\.git/info/lfs/objects/batch")
BIG_FILES = (".parquet", ".safetensors")  # the Hub takes these apart from the commit that names them
RESOLVE = re.compile(
    r"(?:/(?P<kind>dataset|space)s)?/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"
)


@dataclass
class Repository:
    """One repository: every commit's id with all its files, newest last."""

    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)

    def __post_init__(self):
        self.commit({"README.md": None})

    def commit(self, changes: dict[str, bytes | None]) -> str:
        """Add a commit: `None` removes a file."""
        files = dict(self.commits[-1][1]) if self.commits else {}
        for path, content in changes.items():
            files.pop(path, None)
            if content is not None:
                files[path] = content
        seed = repr((len(self.commits), sorted(files.items()))).encode()
        self.commits.append((_sha1(seed), files))
        return self.commits[-1][0]

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """The commit that a branch or a commit's id names."""
        if revision == "main":
            return self.commits[-1]
        return next((commit for commit in self.commits if commit[0] == revision), None)

    @property
    def files(self) -> dict[str, bytes]:
        """What is there now."""
        return self.commits[-1][1]


class HubStub:
    """`with HubStub() as hub:` serves at `hub.url`; `hub.token` is the one token that may write.

    Attributes:
        repositories: By kind and name, such as ("model", "someone/voices").
        break_off_at: An action, such as "commit": from its next request on the connection is cut, unanswered.
    """

    def __init__(self):
        self.token = "hf_right"
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.big_files: dict[str, bytes] = {}
        self.break_off_at: str | None = None
        self.is_gone = False
        hub = self

        class Handler(_Handler):
            stub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HubStub":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exception) -> None:
        self._server.shutdown()
        self._server.server_close()

    def come_back(self) -> None:
        """Answer again after breaking off."""
        self.break_off_at, self.is_gone = None, False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: HubStub

    def log_message(self, *args) -> None:
        """Say nothing on stderr."""

    def do_HEAD(self) -> None:
        self._answer()

    do_GET = do_POST = do_PUT = do_HEAD  # noqa: N815  # the names that http.server looks for

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(urlsplit(self.path).path)
        api, resolve = API.fullmatch(path), RESOLVE.fullmatch(path)
        if api and api["action"] and api["action"] == self.stub.break_off_at:
            self.stub.is_gone = True
        if self.stub.is_gone:
            self.close_connection = True
        elif path in ("/api/repos/create", "/api/validate-yaml"):
            self._with_token(self._create if path.endswith("create") else self._validate, body)
        elif LFS.fullmatch(path):
            self._with_token(self._offer_upload, body)
        elif path.startswith("/upload/"):
            self.stub.big_files[path.removeprefix("/upload/")] = body
            self._send(200, b"")
        elif api and api["action"] in ("preupload", "commit"):
            self._with_token(getattr(self, f"_{api['action']}"), body, api)
        elif api or resolve:
            self._read(api or resolve, body)
        else:
            self._send(404, {"error": f"The stub does not know {self.command} {path}."})

    def _with_token(self, handle, *arguments) -> None:
        if self.headers.get("Authorization") == f"Bearer {self.stub.token}":
            handle(*arguments)
        else:
            self._send(401, {"error": "Invalid username or password."})

    def _create(self, body: bytes) -> None:
        asked = json.loads(body)
        name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
        key = (asked.get("type") or "model", name)
        is_new = key not in self.stub.repositories
        self.stub.repositories.setdefault(key, Repository())
        prefix = "" if key[0] == "model" else f"{key[0]}s/"
        self._send(200 if is_new else 409, {"url": f"{self.stub.url}/{prefix}{name}"})

    def _validate(self, body: bytes) -> None:
        self._send(200, {"errors": [], "warnings": []})

    def _preupload(self, body: bytes, match: re.Match) -> None:
        present = self.stub.repositories[match["kind"], match["name"]].files
        answer = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(BIG_FILES) else "regular",
                "shouldIgnore": False,
                "oid": _oid(file["path"], present[file["path"]]) if file["path"] in present else None,
            }
            for file in json.loads(body)["files"]
        ]
        self._send(200, {"files": answer})

    def _offer_upload(self, body: bytes) -> None:
        objects = [
            {**asked, "actions": {"upload": {"href": f"{self.stub.url}/upload/{asked['oid']}"}}}
            for asked in json.loads(body)["objects"]
        ]
        self._send(200, {"transfer": "basic", "objects": objects})

    def _commit(self, body: bytes, match: re.Match) -> None:
        changes: dict[str, bytes | None] = {}
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                changes[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "lfsFile":
                changes[line["value"]["path"]] = self.stub.big_files[line["value"]["oid"]]
            elif line["key"] == "deletedFile":
                changes[line["value"]["path"]] = None
        commit = self.stub.repositories[match["kind"], match["name"]].commit(changes)
        url = f"{self.stub.url}/{match['name']}/commit/{commit}"
        self._send(200, {"success": True, "commitOid": commit, "commitUrl": url, "hookOutput": ""})

    def _read(self, match: re.Match, body: bytes) -> None:
        repository = self.stub.repositories.get((match["kind"] or "model", match["name"]))
        if repository is None:
            return self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        if match.re is RESOLVE:
            return self._resolve(repository, match["revision"], match["path"])
        revision, _, folder = (match["rest"] or "main").partition("/")
        found = repository.at(revision)
        if found is None:
            return self._send(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        commit, files = found
        if match["action"] == "tree":
            is_recursive = "recursive=True" in self.path
            entries = self._tree(files, f"{folder}/" if folder else "", is_recursive)
            if folder and not entries:
                return self._send(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return self._send(200, entries)
        if match["action"] == "paths-info":
            is_json = self.headers["Content-Type"] == "application/json"
            wanted = json.loads(body)["paths"] if is_json else parse_qs(body.decode()).get("paths", [])
            entries = self._tree(files, "", is_recursive=True)
            return self._send(200, [entry for entry in entries if entry["path"] in wanted])
        siblings = [{"rfilename": path} for path in sorted(files)]
        about = {"id": match["name"], "sha": commit, "siblings": siblings, "private": False, "tags": []}
        return self._send(200, about)

    @staticmethod
    def _tree(files: dict[str, bytes], folder: str, is_recursive: bool) -> list[dict]:
        entries: dict[str, dict] = {}
        for path, content in sorted(files.items()):
            if not path.startswith(folder):
                continue
            inner = path.removeprefix(folder).split("/")
            for depth in range(1, len(inner)):
                name = folder + "/".join(inner[:depth])
                entries[name] = {"type": "directory", "path": name, "size": 0, "oid": _sha1(name.encode())}
            entries[path] = {"type": "file", "path": path, "size": len(content), "oid": _sha1(content)}
        return [
            entry for path, entry in entries.items() if is_recursive or "/" not in path.removeprefix(folder)
        ]

    def _resolve(self, repository: Repository, revision: str, path: str) -> None:
        found = repository.at(revision)
        if found is None:
            return self._send(404, {"error": "Invalid rev id"}, {"X-Error-Code": "RevisionNotFound"})
        commit, files = found
        headers = {"X-Repo-Commit": commit}
        if path not in files:
            return self._send(404, {"error": "Entry not found"}, headers | {"X-Error-Code": "EntryNotFound"})
        content = files[path]
        etag = f'"{_sha1(content)}"'
        return self._send(200, content, headers | {"ETag": etag, "Accept-Ranges": "bytes"})

    def _send(self, status: int, content: bytes | dict | list, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def _oid(path: str, content: bytes) -> str:
    """What tells the client that a file is there already: SHA-256 of big files, git's own hash of others."""
    if path.endswith(BIG_FILES):
        return hashlib.sha256(content).hexdigest()
    return _sha1(b"blob %d\0" % len(content) + content)
