from __future__ import annotations

from typing import Any

import pytest

from batchocr.engines.paddleocr_vl.options import PaddleOcrVlOptions
from batchocr.engines.paddleocr_vl.server import WORDS_AT_MOST, Server, server_of
from batchocr.errors import ConfigError

KEY = "sk-0123456789"


def server(**changes: Any) -> Server:
    values: dict[str, Any] = {
        "backend": "vllm-server", "url": "http://127.0.0.1:8118/v1", "key": KEY, "model": "m", "named": False,
        "at_once": 8, "timeout_s": 20.0, "retries": 1, **changes,
    }  # fmt: skip
    return Server(**values)


def test_representation_holds_no_key() -> None:
    assert KEY not in repr(server())


def test_what_a_server_says_is_masked_and_made_one_short_line() -> None:
    words = server().masked(f"Incorrect key {KEY}\n given: {KEY} " + "x" * 1000)
    assert words.startswith("Incorrect key *** given: *** xxx")
    assert len(words) == WORDS_AT_MOST


def test_options_say_which_model_is_asked_for() -> None:
    given = {"vl_rec_backend": "llama-cpp-server", "vl_rec_server_url": "http://[::1]:8118/v1", "vl_rec_api_key": KEY}
    default = server_of(PaddleOcrVlOptions.model_validate(given))
    named = server_of(PaddleOcrVlOptions.model_validate({**given, "vl_rec_api_model_name": "mine"}))
    assert (default.model, default.named) == ("PaddleOCR-VL-1.6-0.9B", False)
    assert (named.model, named.named) == ("mine", True)
    assert default.key == KEY


@pytest.mark.parametrize("url", ["http://bob:geheim@host/v1", "https://geheim@host", "https://host/v1?api-key=geheim"])
def test_url_with_credentials_is_refused_without_being_repeated(url: str) -> None:
    options = PaddleOcrVlOptions(vl_rec_backend="vllm-server", vl_rec_server_url=url)
    with pytest.raises(ConfigError, match="give a key as vl_rec_api_key") as caught:
        server_of(options)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8118/v1", "ftp://host/v1", "http://", "http://host:port/v1", "http://[::1/"]
)
def test_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    options = PaddleOcrVlOptions(vl_rec_backend="vllm-server", vl_rec_server_url=url)
    with pytest.raises(ConfigError, match=r"vl_rec_server_url is no http:// or https:// url; write for example"):
        server_of(options)
