"""An OpenAI-style server that answers as PaddleOCR-VL would, and misbehaves on command.

    with VlmServer() as server:
        server.next("500", "ok")            # what the next chat requests meet, in turn
        server.always("slow")               # what every chat request meets when nothing else is said
        server.always("429", query="Table Recognition:")  # what requests with that prompt meet

By hand: `python -m support.vlm_server --port 8118 --behave slow` in the folder tests/.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

from PIL import Image

Behaviour = Literal[
    "ok", "slow", "hangs", "trickles", "dies", "resets", "cut_json", "cut_body", "error_body", "html", "empty",
    "too_long", "400", "401", "404", "429", "500",
]  # fmt: skip
REPLIES = {
    "Table Recognition:": "<fcel>A<fcel>B<nl><fcel>1<fcel>2<nl>",
    "Formula Recognition:": r"\[ E=mc^2 \]",
}
MODEL = "PaddleOCR-VL-1.6-0.9B"
TRICKLE_S = 0.05


@dataclass(frozen=True)
class Request:
    """One request as it came in.

    Attributes:
        method: GET or POST.
        path: with the leading slash.
        key: what the client showed as its key; empty if nothing.
        query: the prompt of a chat request, else empty.
        image_type: such as `image/jpeg`, else empty.
        image_size: width and height of the picture, px.
        settings: the rest of a chat request's body.
    """

    method: str
    path: str
    key: str
    query: str = ""
    image_type: str = ""
    image_size: tuple[int, int] = (0, 0)
    settings: dict[str, Any] | None = None


class VlmServer:
    """The server, on a free port of this machine; a context manager.

    Attributes:
        model: the name it serves; a request for another meets 404.
        key: what clients must show as `Authorization: Bearer KEY`; None lets everybody in.
        delay_s: how long `slow` takes.
        retry_after: the header's value in `429`; None leaves it out.
        loading: `/health` says 503, as llama.cpp does while it loads.
        open_models: `/models` wants no key, as with llama.cpp.
        requests: everything that came in.
        most_at_once: the largest number of chat requests that were in hand at the same time.
    """

    def __init__(self, *, model: str = MODEL, key: str | None = None, port: int = 0) -> None:
        self.model = model
        self.key = key
        self.delay_s = 0.3
        self.retry_after: str | None = "0"
        self.loading = False
        self.open_models = False
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._port = port
        self._lock = threading.Lock()
        self._in_hand = 0
        self._script: deque[Behaviour] = deque()
        self._rules: dict[str | None, Behaviour] = {None: "ok"}
        self._connections: set[socket.socket] = set()
        self._closing = threading.Event()
        self._http: ThreadingHTTPServer | None = None

    def __enter__(self) -> VlmServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What clients are told."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def chats(self) -> list[Request]:
        """The chat requests that came in."""
        return [request for request in self.requests if request.method == "POST"]

    def next(self, *behaviours: Behaviour) -> None:
        """Adds to what the next chat requests meet, in turn."""
        self._script.extend(behaviours)

    def always(self, behaviour: Behaviour, *, query: str | None = None) -> None:
        """Says what chat requests meet when nothing is scripted: all of them, or those with that prompt."""
        self._rules[query] = behaviour

    def start(self) -> None:
        """Listens; after `stop`, on the same port again."""
        self._closing.clear()
        self._http = _Http(self, self._port)
        self._port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        """Closes the listening socket and every connection, whatever they are at."""
        http, self._http = self._http, None
        if http is None:
            return
        http.shutdown()
        http.server_close()
        self._closing.set()
        with self._lock:
            for connection in self._connections:
                _reset(connection)
            self._connections.clear()

    def take(self, connection: socket.socket) -> None:
        """Notes a connection."""
        with self._lock:
            self._connections.add(connection)

    def drop(self, connection: socket.socket) -> None:
        """Forgets a connection."""
        with self._lock:
            self._connections.discard(connection)

    def begin(self, request: Request) -> Behaviour:
        """Notes a request and gives what it meets."""
        with self._lock:
            self.requests.append(request)
            if request.method != "POST":
                return "ok"
            self._in_hand += 1
            self.most_at_once = max(self.most_at_once, self._in_hand)
            if self._script:
                return self._script.popleft()
            return self._rules.get(request.query, self._rules[None])

    def end(self) -> None:
        """Notes that a chat request is out of hand."""
        with self._lock:
            self._in_hand -= 1

    def wait(self, seconds: float | None) -> bool:
        """Waits; tells whether the server was stopped meanwhile."""
        return self._closing.wait(seconds)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, owner: VlmServer, port: int) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: broken connections are what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        self.server.owner.take(self.connection)

    def finish(self) -> None:
        self.server.owner.drop(self.connection)
        super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Keeps the tests' output clean."""

    def do_GET(self) -> None:
        owner = self.server.owner
        key = self._key()
        owner.begin(Request("GET", self.path, key))
        public = self.path == "/health" or (owner.open_models and self.path == "/v1/models")
        if not public and owner.key not in {None, key}:
            self._refuse_key(key)
        elif self.path == "/v1/models":
            self._send({"object": "list", "data": [{"id": owner.model, "object": "model"}]})
        elif self.path == "/health":
            self._send({"status": "ok"}) if not owner.loading else self._error(503, "Loading model")
        else:
            self._error(404, "Not Found")

    def do_POST(self) -> None:
        owner = self.server.owner
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        picture, prompt = body.pop("messages")[0]["content"]
        head, _, data = picture["image_url"]["url"].partition(";base64,")
        size = Image.open(io.BytesIO(base64.b64decode(data))).size
        request = Request("POST", self.path, self._key(), prompt["text"], head.removeprefix("data:"), size, body)
        behaviour = owner.begin(request)
        try:
            self._answer(request, behaviour)
        finally:
            owner.end()

    def _answer(self, request: Request, behaviour: Behaviour) -> None:
        owner = self.server.owner
        if self.path != "/v1/chat/completions":
            self._error(404, "Not Found")
        elif behaviour == "401" or owner.key not in {None, request.key}:
            self._refuse_key(request.key)
        elif behaviour == "404" or (request.settings or {}).get("model") != owner.model:
            self._error(404, f"The model `{(request.settings or {}).get('model')}` does not exist.")
        elif behaviour in {"400", "500"}:
            self._error(int(behaviour), "told to fail")
        elif behaviour == "429":
            headers = {} if owner.retry_after is None else {"Retry-After": owner.retry_after}
            self._error(429, "too many requests", **headers)
        elif behaviour == "error_body":
            self._send({"error": {"message": "CUDA out of memory", "code": 500}})
        elif behaviour == "html":
            self._send_bytes(b"<html>A proxy says hello.</html>", "text/html")
        elif behaviour == "dies":
            owner.stop()
        elif behaviour == "resets":
            _reset(self.connection)
        elif behaviour == "hangs":
            owner.wait(None)
        else:
            self._chat(request, behaviour)

    def _chat(self, request: Request, behaviour: Behaviour) -> None:
        width, height = request.image_size
        text = "" if behaviour == "empty" else REPLIES.get(request.query, f"Served words {width}x{height}")
        reason = "length" if behaviour == "too_long" else "stop"
        choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text}}
        answer = {
            "id": "chat-1", "object": "chat.completion", "created": 1, "model": self.server.owner.model,
            "choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }  # fmt: skip
        data = json.dumps(answer).encode()
        if behaviour == "slow":
            self.server.owner.wait(self.server.owner.delay_s)
            self._send_bytes(data)
        elif behaviour == "cut_json":
            self._send_bytes(data[: len(data) // 2])
        elif behaviour == "cut_body":
            self._start(200, "application/json", len(data))
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        elif behaviour == "trickles":
            self._trickle()
        else:
            self._send_bytes(data)

    def _trickle(self) -> None:
        """Sends white space, which JSON may begin with, byte by byte for ever."""
        self._start(200, "application/json", 10**9)
        while not self.server.owner.wait(TRICKLE_S):
            self.wfile.write(b" ")
            self.wfile.flush()

    def _key(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _refuse_key(self, key: str) -> None:
        self._error(401, f"Incorrect API key provided: {key}")

    def _error(self, status: int, message: str, **headers: str) -> None:
        self._send({"error": {"message": message, "type": "told", "code": status}}, status, **headers)

    def _send(self, answer: object, status: int = 200, **headers: str) -> None:
        self._send_bytes(json.dumps(answer).encode(), status=status, **headers)

    def _send_bytes(self, data: bytes, kind: str = "application/json", status: int = 200, **headers: str) -> None:
        self._start(status, kind, len(data), **headers)
        self.wfile.write(data)

    def _start(self, status: int, kind: str, size: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(size), **headers}.items():
            self.send_header(name, value)
        self.end_headers()


def _reset(connection: socket.socket) -> None:
    """Breaks a connection off, as the system does when a process is killed."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def main() -> None:
    """Serves until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8118)
    parser.add_argument("--key")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--behave", default="ok", choices=Behaviour.__args__)
    arguments = parser.parse_args()
    with VlmServer(model=arguments.model, key=arguments.key, port=arguments.port) as server:
        server.always(arguments.behave)
        print(server.url, flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
