"""A hub of models on this machine that speaks as much of Hugging Face's protocol as a download needs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "a" * 40
OWNER = "PaddlePaddle"


class Hub(ThreadingHTTPServer):
    """Serves folders as repositories.

    Attributes:
        folders: those below it are the repositories.
        stuck: while it is not set, files are not sent.
    """

    daemon_threads = True

    def __init__(self, folders: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.folders = folders
        self.stuck = threading.Event()
        self.stuck.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def hub_of(folders: Path) -> Iterator[Hub]:
    """Runs a hub of these folders on a thread."""
    with Hub(folders) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            hub.stuck.set()
            hub.shutdown()
            thread.join()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        match urlsplit(self.path).path.strip("/").split("/"):
            case ["api", "models", owner, name, "revision", _] if self._files(name):
                about = {"id": f"{owner}/{name}", "sha": COMMIT, "siblings": [], "private": False, "tags": []}
                self._send(200, json.dumps(about).encode(), {}, with_body=with_body)
            case ["api", "models", _, name, "tree", _]:
                files = [{"type": "file", "path": file.name, "size": file.stat().st_size, "oid": "b" * 40}
                         for file in self._files(name)]  # fmt: skip
                self._send(200, json.dumps(files).encode(), {}, with_body=with_body)
            case [_, name, "resolve", _, file]:
                if with_body:
                    self.server.stuck.wait(60)
                content = (self.server.folders / name / file).read_bytes()
                headers = {"ETag": f'"{sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
                self._send(200, content, headers, with_body=with_body)
            case _:
                self._send(404, b'{"error": "not here"}', {"X-Error-Code": "RepoNotFound"}, with_body=with_body)

    def _files(self, name: str) -> list[Path]:
        folder = self.server.folders / name
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def _send(self, code: int, content: bytes, headers: dict[str, str], *, with_body: bool) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""
