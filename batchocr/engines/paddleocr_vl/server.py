"""The server that reads blocks for PaddleOCR-VL: where it is, whether it is in order, what to do when it is not.

Checked when the engine is loaded, so that a run with a dead server, a wrong key or another model ends before its first
page. The key is in no message: what a server or a library says is masked before it goes anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from batchocr.engines.paddle.models import VL_VERSIONS
from batchocr.errors import ConfigError, SetupError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from batchocr.engines.paddleocr_vl.options import PaddleOcrVlOptions

HEALTH_S = 10.0  # a server that reads pages all the while answers such a question at once all the same
CONNECT_S = 10.0
WORDS_AT_MOST = 300
NO_KEY = "null"  # what clients send to servers that want none; the client library demands something
# How each server is started, for messages.
COMMANDS: Mapping[str, str] = {
    "vllm-server": "paddleocr genai_server --model_name {model} --backend vllm --port 8118",
    "sglang-server": "paddleocr genai_server --model_name {model} --backend sglang --port 8118",
    "fastdeploy-server": "paddleocr genai_server --model_name {model} --backend fastdeploy --port 8118",
    "mlx-vlm-server": "mlx_vlm.server --port 8118",
    "llama-cpp-server": "llama-server -m {model}.gguf --mmproj {model}-mmproj.gguf --port 8118 --temp 0",
}
# These answer 404 to a request for a model under any other name than theirs; the others take what they have.
STRICT_NAMES = frozenset({"vllm-server", "fastdeploy-server"})


@dataclass(frozen=True)
class Server:
    """How to reach the server, and how to treat it.

    Attributes:
        backend: as PaddleOCR spells it, such as `vllm-server`.
        url: base of its OpenAI-style interface, without credentials.
        key: shown as bearer token, or None.
        model: the name to ask for.
        named: the user has given that name.
        at_once: requests in hand at the same time, from this process.
        timeout_s: within which a request must be answered, with its retries and the waiting between them.
        retries: further tries of a request that has failed.
    """

    backend: str
    url: str
    key: str | None = field(repr=False)
    model: str
    named: bool
    at_once: int
    timeout_s: float
    retries: int

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"the {self.backend} at {self.url}"

    def masked(self, words: str) -> str:
        """Gives what somebody says in one line of bounded length, without the key."""
        words = " ".join((words.replace(self.key, "***") if self.key else words).split())
        return words if len(words) <= WORDS_AT_MOST else words[: WORDS_AT_MOST - 1] + "…"

    def client(self) -> AsyncOpenAI:
        """Gives a client of the kind that the pipeline itself has; it tries everything once."""
        from openai import AsyncOpenAI, Timeout

        timeout = Timeout(self.timeout_s, connect=min(CONNECT_S, self.timeout_s))
        return AsyncOpenAI(base_url=self.url, api_key=self.key or NO_KEY, max_retries=0, timeout=timeout)


def server_of(options: PaddleOcrVlOptions) -> Server:
    """Gives the server that the options name.

    Args:
        options: with a server backend.

    Raises:
        ConfigError: the url is none, or holds credentials.
    """
    backend, url = options.vl_rec_backend, options.vl_rec_server_url
    example = "write for example vl_rec_server_url=http://127.0.0.1:8118/v1"
    assert url is not None  # the options see to it
    if not _is_url(url):
        raise ConfigError(f"engine paddleocr-vl: vl_rec_server_url is no http:// or https:// url; {example}")
    if "@" in url or "?" in url:
        raise ConfigError(
            "engine paddleocr-vl: vl_rec_server_url has credentials or a query in it, which would be stored with the "
            "run; give a key as vl_rec_api_key, which is not"
        )
    return Server(
        backend=backend,
        url=url,
        key=options.vl_rec_api_key.get_secret_value() if options.vl_rec_api_key else None,
        model=options.vl_rec_api_model_name or options.vl_rec_model_name or VL_VERSIONS[options.pipeline_version][1],
        named=bool(options.vl_rec_api_model_name),
        at_once=options.vl_rec_max_concurrency or 200,
        timeout_s=options.request_timeout_s,
        retries=options.request_retries,
    )


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, brackets that are no address
        return False


async def check_server(server: Server, client: AsyncOpenAI) -> None:
    """Asks the server whether it is there, takes the key and has the model; takes 10 s at most.

    Raises:
        SetupError: it is not in order; says what answered and what to do.
    """
    models = await _models(server, client)
    if not models or server.model in models or not (server.named or server.backend in STRICT_NAMES):
        return
    raise SetupError(
        f"{_capital(server.label)} serves {_listed(server, models)}, not {server.model}; name one of them with "
        f"vl_rec_api_model_name, or start it with that model: {_command(server)}"
    )


async def is_alive(client: AsyncOpenAI) -> bool:
    """Tells whether a server gives any answer at all."""
    import openai

    try:
        await asyncio.wait_for(client.get("/models", cast_to=object), HEALTH_S)
    except (openai.APIConnectionError, asyncio.TimeoutError):
        return False
    except (openai.APIError, ValueError):
        return True
    return True


async def _models(server: Server, client: AsyncOpenAI) -> list[str]:
    """Gives the names of the models that the server has; none if it lists none."""
    import openai

    try:
        answer = await asyncio.wait_for(_questions(server, client), HEALTH_S)
    # What these say may quote the key, so they are not chained.
    except (asyncio.TimeoutError, openai.APITimeoutError):
        raise _unfit(server, f"does not answer within {HEALTH_S:g} s", "see what it is doing, or") from None
    except openai.APIConnectionError as err:
        raise _unfit(server, f"cannot be reached ({reason(server, err)})", "check the url, or") from None
    except openai.APIStatusError as err:
        raise _unfit(server, *_status(server, err)) from None
    except ValueError:
        answer = None
    listed = answer.get("data", answer.get("models")) if isinstance(answer, Mapping) else None
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        found = "answers /models with something that is no list of models"
        raise _unfit(server, found, "check that the url is the server's own, mostly one that ends in /v1, or")
    return [str(entry["id"]) for entry in listed if isinstance(entry, Mapping) and "id" in entry]


async def _questions(server: Server, client: AsyncOpenAI) -> object:
    """Asks what must succeed; gives the answer to /models."""
    if server.backend == "llama-cpp-server":
        # It lists its model while that is still being loaded, and without a key: only these two tell.
        root = client.base_url.copy_with(path=client.base_url.path.rstrip("/").removesuffix("/v1") or "/")
        await client.get(_below(root, "health"), cast_to=object)
        await _llama_takes_key(client, _below(root, "props"))
    return await client.get("/models", cast_to=object)


def _below(root: Any, name: str) -> str:
    return str(root.copy_with(path=f"{root.path.rstrip('/')}/{name}"))


async def _llama_takes_key(client: AsyncOpenAI, url: str) -> None:
    import openai

    try:
        await client.get(url, cast_to=object)
    except (openai.AuthenticationError, openai.PermissionDeniedError):
        raise
    except (openai.APIStatusError, ValueError):
        return  # it has no such page, but has not refused the key


def _status(server: Server, err: Any) -> tuple[str, str]:
    """Gives what is wrong and what to do about it, for an answer that says so."""
    words = f"{err.status_code} ({words_of(server, err)})"
    if err.status_code in {401, 403}:
        if server.key:
            return f"refuses the key: {words}", "check vl_rec_api_key, or"
        return f"wants a key: {words}", "set vl_rec_api_key, or"
    if err.status_code == 404:
        return f"has no page /models: {words}", "check that the url is its base, mostly one that ends in /v1, or"
    return f"answers {words}", "wait until it is ready, or"


def _unfit(server: Server, found: str, remedy: str) -> SetupError:
    return SetupError(f"{_capital(server.label)} {found}; {remedy} start it: {_command(server)}")


def words_of(server: Server, err: Any) -> str:
    """Gives what the server said with an error, masked."""
    body = getattr(err, "body", None)
    words = body.get("message") if isinstance(body, Mapping) else body
    return server.masked(str(words or err.message))


def reason(server: Server, err: BaseException) -> str:
    """Gives why a connection failed, from the library's innermost words, masked."""
    while err.__cause__ is not None:
        err = err.__cause__
    return server.masked(str(err) or type(err).__name__)


def _command(server: Server) -> str:
    return COMMANDS[server.backend].format(model=server.model)


def _listed(server: Server, models: Sequence[str]) -> str:
    return server.masked(", ".join(models[:5]) + (" …" if len(models) > 5 else ""))


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
