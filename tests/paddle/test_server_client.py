from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from typing import Any

import pytest
from PIL import Image
from support.vlm_server import MODEL, Behaviour, VlmServer

from batchocr.engines.paddleocr_vl.server import Server
from batchocr.engines.paddleocr_vl.server_client import ServerClient
from batchocr.errors import EngineError, SetupError

KEY = "sk-0123456789-secret"
BACKENDS = ("vllm-server", "sglang-server", "fastdeploy-server", "mlx-vlm-server", "llama-cpp-server")
Clients = Callable[..., ServerClient]


@pytest.fixture
def server() -> Iterator[VlmServer]:
    with VlmServer(key=KEY) as started:
        yield started


@pytest.fixture
def client_of(server: VlmServer) -> Iterator[Clients]:
    made = []

    def make(**changes: Any) -> ServerClient:
        values: dict[str, Any] = {
            "backend": "vllm-server", "url": server.url, "key": KEY, "model": MODEL, "named": False, "at_once": 8,
            "timeout_s": 20.0, "retries": 1, **changes,
        }  # fmt: skip
        client = ServerClient(Server(**values))
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


def message() -> list[dict[str, Any]]:
    data = io.BytesIO()
    Image.new("RGB", (40, 20)).save(data, "JPEG")
    url = "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "OCR:"}]
    return [{"role": "user", "content": content}]


def text(client: ServerClient) -> str:
    answer = client.create_chat_completion(message(), return_future=True, timeout=600, temperature=0).result()
    words = answer.choices[0].message.content
    assert isinstance(words, str)
    return words


@pytest.mark.parametrize(
    "behaviour", ["429", "500", "cut_json", "cut_body", "error_body", "html", "resets"]
)  # fmt: skip
def test_passing_trouble_is_got_over_by_asking_again(
    server: VlmServer, client_of: Clients, behaviour: Behaviour
) -> None:
    server.next(behaviour)
    assert text(client_of()) == "Served words 40x20"
    assert len(server.chats) == 2


@pytest.mark.parametrize(
    ("behaviour", "words", "fatal", "requests"),
    [
        ("429", "it answered 429 (too many requests) (asked 2 times)", False, 2),
        ("500", "it answered 500 (told to fail) (asked 2 times)", False, 2),
        ("cut_json", "its answer is no whole JSON (asked 2 times)", False, 2),
        ("cut_body", "the connection failed", False, 2),
        ("error_body", "its answer holds no text (CUDA out of memory) (asked 2 times)", False, 2),
        ("html", "its answer holds no text", False, 2),
        ("resets", "the connection failed", False, 2),
        ("400", "it answered 400 (told to fail)", False, 1),
        ("401", "it answered 401 (Incorrect API key provided: ***)", True, 1),
        ("404", f"it answered 404 (The model `{MODEL}` does not exist.)", True, 1),
        ("dies", "it is gone", True, 1),
    ],
)
def test_lasting_trouble_is_told_in_the_servers_words(
    server: VlmServer, client_of: Clients, behaviour: Behaviour, words: str, fatal: bool, requests: int
) -> None:
    server.always(behaviour)
    with pytest.raises(EngineError) as caught:
        text(client_of())
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"the vllm-server at {server.url}: ")
    assert KEY not in str(caught.value)
    assert caught.value.fatal is fatal
    assert len(server.chats) == requests


@pytest.mark.parametrize("behaviour", ["hangs", "trickles", "slow"])
def test_request_without_a_whole_answer_in_time_is_given_up(
    server: VlmServer, client_of: Clients, behaviour: Behaviour
) -> None:
    server.delay_s = 60.0
    server.always(behaviour)
    with pytest.raises(EngineError, match=r"no whole answer within request_timeout_s=0\.5") as caught:
        text(client_of(timeout_s=0.5))
    assert not caught.value.fatal
    assert len(server.chats) == 1


def test_wait_that_the_server_asks_for_is_kept_unless_it_is_longer_than_the_request_may_take(
    server: VlmServer, client_of: Clients
) -> None:
    server.retry_after = "3600"
    server.always("429")
    with pytest.raises(EngineError, match="left alone for 3600 s, longer than request_timeout_s allows"):
        text(client_of(retries=5))
    assert len(server.chats) == 1


def test_requests_beyond_the_concurrency_wait_for_a_slot(server: VlmServer, client_of: Clients) -> None:
    server.always("slow")
    client = client_of(at_once=3)
    answers = [client.create_chat_completion(message()) for _ in range(9)]
    assert {answer.result().choices[0].message.content for answer in answers} == {"Served words 40x20"}
    assert server.most_at_once == 3


def test_waiting_for_a_slot_does_not_count_as_time_of_the_request(server: VlmServer, client_of: Clients) -> None:
    server.delay_s = 0.4
    server.always("slow")
    client = client_of(at_once=1, timeout_s=1.5)
    answers = [client.create_chat_completion(message()) for _ in range(5)]
    assert all(answer.result() for answer in answers)


def test_cancelled_requests_end_at_once_and_closing_leaves_no_thread(server: VlmServer, client_of: Clients) -> None:
    server.always("hangs")
    before = threading.active_count()
    client = client_of()
    answers = [client.create_chat_completion(message()) for _ in range(3)]
    client.cancel()
    for answer in answers:
        with pytest.raises(CancelledError):
            answer.result()
    client.close()
    client.close()
    server.stop()
    assert "server requests" not in {thread.name for thread in threading.enumerate()}
    assert threading.active_count() <= before


@pytest.mark.parametrize("backend", BACKENDS)
def test_server_in_order_passes_the_check(server: VlmServer, client_of: Clients, backend: str) -> None:
    client_of(backend=backend).check()
    assert {request.key for request in server.requests} == {KEY}
    assert not server.chats


@pytest.mark.parametrize("backend", BACKENDS)
def test_check_tells_a_wrong_key_from_a_missing_one(server: VlmServer, client_of: Clients, backend: str) -> None:
    server.open_models = backend == "llama-cpp-server"  # which lists its model without a key
    with pytest.raises(SetupError, match=r"refuses the key: 401 \(Incorrect API key provided: \*\*\*\)") as wrong:
        client_of(backend=backend, key="sk-another").check()
    with pytest.raises(SetupError, match=r"wants a key: 401 .* set vl_rec_api_key"):
        client_of(backend=backend, key=None).check()
    assert "sk-another" not in str(wrong.value)
    assert wrong.value.__cause__ is None


@pytest.mark.parametrize("backend", BACKENDS)
def test_check_of_a_server_that_is_not_there_says_how_it_is_started(
    server: VlmServer, client_of: Clients, backend: str
) -> None:
    server.stop()
    with pytest.raises(SetupError, match=f"The {backend} at {server.url} cannot be reached .* start it: "):
        client_of(backend=backend).check()


@pytest.mark.parametrize(
    ("backend", "named", "refused"),
    [("vllm-server", False, True), ("fastdeploy-server", False, True), ("sglang-server", False, False),
     ("llama-cpp-server", False, False), ("llama-cpp-server", True, True), ("mlx-vlm-server", True, True)],
)  # fmt: skip
def test_check_compares_the_model_where_the_name_counts(
    server: VlmServer, client_of: Clients, backend: str, named: bool, refused: bool
) -> None:
    server.model = "another-model"
    client = client_of(backend=backend, named=named)
    if refused:
        with pytest.raises(SetupError, match=f"serves another-model, not {MODEL}; .* vl_rec_api_model_name"):
            client.check()
    else:
        client.check()


def test_check_sees_that_llama_cpp_is_still_loading(server: VlmServer, client_of: Clients) -> None:
    server.loading = True
    with pytest.raises(SetupError, match=r"answers 503 \(Loading model\); wait until it is ready"):
        client_of(backend="llama-cpp-server").check()


def test_check_of_a_page_that_is_no_such_server(server: VlmServer, client_of: Clients) -> None:
    with pytest.raises(SetupError, match=r"has no page /models: 404 .* one that ends in /v1"):
        client_of(url=server.url + "/no/such/place").check()
