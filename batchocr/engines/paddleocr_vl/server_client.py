"""Asks the server for the pipeline, block by block: with a time-out that holds, retries, and errors that say something.

The pipeline's own client waits ten minutes between any two bytes, tries no broken answer again, and ends a page that
got none with a TypeError. Its requests go through a `ServerClient` instead, which takes the same calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import warnings
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from batchocr.engines.paddleocr_vl.flight import OneAtATime
from batchocr.engines.paddleocr_vl.server import Server, check_server, is_alive, reason, words_of
from batchocr.errors import EngineError

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

logger = logging.getLogger(__name__)

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
CLOSE_S = 5.0
PASSING = frozenset({408, 409, 425, 429})  # as is everything from 500 on
# The next request would meet the same; a fresh worker asks the server what is wrong before it goes on.
FOR_ALL = frozenset({401, 403, 404})


@dataclass(frozen=True)
class _Trouble:
    """Why a request has no answer.

    Attributes:
        words: what happened, masked.
        passing: it may go better the next time.
        for_all: every other request would meet the same.
        connection: there was no answer at all.
        wait_s: how long the server wants to be left alone, if it has said so.
    """

    words: str
    passing: bool = True
    for_all: bool = False
    connection: bool = False
    wait_s: float | None = None


class ServerClient:
    """Stands in for the pipeline's `GenAIClient`. Any thread may call it; requests run on a thread of its own.

    Attributes:
        backend: as PaddleOCR spells it; the pipeline shapes its requests by it.
    """

    def __init__(self, server: Server) -> None:
        self.backend = server.backend
        self._server = server
        self._client = server.client()
        self._slots = asyncio.Semaphore(server.at_once)
        self._pending: set[Future[ChatCompletion]] = set()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="server requests", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Asks the server whether it is in order; blocks for 10 s at most.

        Raises:
            SetupError: it is not; says what answered and what to do.
        """
        asyncio.run_coroutine_threadsafe(check_server(self._server, self._client), self._loop).result()

    def create_chat_completion(
        self, messages: list[dict[str, Any]], *, return_future: bool = True, timeout: float = 0, **settings: Any
    ) -> Future[ChatCompletion]:
        """Sends a request; the future gives the answer, which has a text.

        Args:
            messages: with the prompt and the picture.
            return_future: as the pipeline calls it, always true.
            timeout: what the pipeline has by default; the user's counts instead.
            settings: the rest of the request.

        The future raises `EngineError`, fatal if no other request would fare better.
        """
        future = asyncio.run_coroutine_threadsafe(self._answer(messages, settings), self._loop)
        with self._lock:
            self._pending.add(future)
        future.add_done_callback(self._forget)
        return future

    def cancel(self) -> None:
        """Breaks off the requests in hand; whoever waits for one is told."""
        with self._lock:
            pending = list(self._pending)
        for future in pending:
            future.cancel()

    def close(self) -> None:
        """Breaks off the requests in hand and ends the thread."""
        if self._loop.is_closed():
            return
        self.cancel()
        with contextlib.suppress(FutureTimeout):  # a connection that does not close ends with the process
            asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result(CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()

    def _forget(self, future: Future[ChatCompletion]) -> None:
        with self._lock:
            self._pending.discard(future)

    async def _answer(self, messages: list[dict[str, Any]], settings: dict[str, Any]) -> ChatCompletion:
        async with self._slots:  # waiting for a slot is not the server's fault, so it does not count
            deadline = self._loop.time() + self._server.timeout_s
            for tries in range(1, self._server.retries + 2):
                answer = await self._ask(messages, settings, deadline)
                if not isinstance(answer, _Trouble):
                    return answer
                wait_s = _wait_s(answer, tries)
                if not answer.passing or tries > self._server.retries or self._loop.time() + wait_s > deadline:
                    break
                logger.info("%s: %s; asked again in %.1f s", self._server.label, answer.words, wait_s)
                await asyncio.sleep(wait_s)
        raise await self._error(answer, tries)

    async def _ask(
        self, messages: list[dict[str, Any]], settings: dict[str, Any], deadline: float
    ) -> ChatCompletion | _Trouble:
        import openai

        server = self._server
        request = self._client.chat.completions.create(model=server.model, messages=messages, **settings)
        try:
            answer = await asyncio.wait_for(request, deadline - self._loop.time())
        except asyncio.TimeoutError:
            return _Trouble(f"no whole answer within request_timeout_s={server.timeout_s:g}", passing=False)
        except openai.APIConnectionError as err:
            return _Trouble(f"the connection failed ({reason(server, err)})", connection=True)
        except openai.APIStatusError as err:
            code = err.status_code
            return _Trouble(
                f"it answered {code} ({words_of(server, err)})",
                passing=code in PASSING or code >= 500,
                for_all=code in FOR_ALL,
                wait_s=_asked_wait_s(err.response.headers.get("retry-after", "")),
            )
        except (openai.APIResponseValidationError, ValueError):
            return _Trouble("its answer is no whole JSON")
        return answer if _has_text(answer) else _Trouble(f"its answer holds no text ({server.masked(_said(answer))})")

    async def _error(self, trouble: _Trouble, tries: int) -> EngineError:
        message = f"{self._server.label}: {trouble.words}{f' (asked {tries} times)' if tries > 1 else ''}"
        if trouble.wait_s and trouble.wait_s > self._server.timeout_s:
            message += f"; it wants to be left alone for {trouble.wait_s:g} s, longer than request_timeout_s allows"
        if trouble.connection and not await is_alive(self._client):
            return EngineError(f"{message}; it is gone", fatal=True, blameless=True)
        return EngineError(message, fatal=trouble.for_all, blameless=trouble.for_all)


def attach(pipeline: Any, client: ServerClient) -> None:
    """Lets a pipeline ask the server through this client, and several threads read pages with it at once.

    Args:
        pipeline: `PaddleOCRVL.paddlex_pipeline._pipeline`; its own client never asks anything.
        client: of the server.
    """
    pipeline.vl_rec_model._genai_client = client
    lock = threading.Lock()
    for name in ("layout_det_model", "doc_preprocessor_pipeline"):
        if hasattr(pipeline, name):
            setattr(pipeline, name, OneAtATime(getattr(pipeline, name), lock))
    # Said about every page, although nobody has set them.
    warnings.filterwarnings("ignore", message=".* does not support `(min|max)_pixels`")


def _has_text(answer: Any) -> bool:
    """Tells whether an answer has what the pipeline takes from it; the library checks nothing."""
    choices = getattr(answer, "choices", None)
    if not isinstance(choices, list) or not choices:
        return False
    message = getattr(choices[0], "message", None)
    return isinstance(getattr(message, "content", None), str)


def _said(answer: Any) -> str:
    """Gives the words of an answer that is none."""
    error = getattr(answer, "error", None)
    words = error.get("message") if isinstance(error, dict) else error
    return str(words or answer)


def _asked_wait_s(retry_after: str) -> float | None:
    """Gives the seconds that a `Retry-After` header asks for; None if it has none that make sense."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=timezone.utc)
    return max(0.0, (until - datetime.now(timezone.utc)).total_seconds())


def _wait_s(trouble: _Trouble, tries: int) -> float:
    """Gives the time until the next try: what the server asked for, else longer each time and never in step."""
    if trouble.wait_s is not None:
        return trouble.wait_s
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (tries - 1)) * random.uniform(0.75, 1.25)
