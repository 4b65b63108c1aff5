"""Whole runs of `paddleocr-vl` against a server that misbehaves on command; the layout model runs on onnxruntime."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.e2e_commands import batchocr, states, status
from support.tiny_models import banded_pdf, make_layout_onnx
from support.vlm_server import Behaviour, VlmServer

KEY = "sk-0123456789-secret"
BACKENDS = ("vllm-server", "sglang-server", "fastdeploy-server", "mlx-vlm-server", "llama-cpp-server")
PASSING: tuple[Behaviour, ...] = ("429", "500", "cut_json", "cut_body", "error_body", "html", "resets", "slow")
TEXT = ("text", None, "text", None, "text")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_layout_onnx(tmp_path_factory.mktemp("models") / "layout")


@pytest.fixture
def server() -> Iterator[VlmServer]:
    with VlmServer(key=KEY) as started:
        yield started


@pytest.fixture
def run(tmp_path: Path, layout: Path, server: VlmServer) -> Run:
    """Gives `batchocr run in -o out` with the engine; keywords are engine options."""
    (tmp_path / "in").mkdir()
    hide = tmp_path / "hide"
    hide.mkdir()
    # In every process of the run, importing paddle fails as if it were not installed.
    (hide / "sitecustomize.py").write_text("import sys\nsys.modules['paddle'] = None\n")

    def start(*flags: str, devices: str = "cpu:0", **options: Any) -> subprocess.CompletedProcess[str]:
        values = {
            "vl_rec_backend": "vllm-server", "vl_rec_server_url": server.url, "vl_rec_api_key": KEY,
            "layout_detection_model_dir": str(layout), "engine": "onnxruntime", "server_pages": 4,
            "request_timeout_s": 20, "request_retries": 2, **options,
        }  # fmt: skip
        given = [part for name, value in values.items() for part in ("--engine-option", f"{name}={json.dumps(value)}")]
        path = os.pathsep.join([str(hide), *filter(None, [os.environ.get("PYTHONPATH")])])
        return batchocr(
            "run", "in", "-o", "out", "--engine", "paddleocr-vl", "--devices", devices, "--dpi", "72", *given, *flags,
            cwd=tmp_path, timeout_s=200, PYTHONPATH=path,
        )  # fmt: skip

    return start


def failures(output: Path) -> dict[int, str]:
    """Gives page to reason of what failed in the only document."""
    (entry,) = status(output)["documents"]
    return {failure["page"]: failure["message"] for failure in entry["failures"]}


def assert_no_secret(folder: Path, secret: str = KEY) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), f"{path} holds the key"


@pytest.mark.parametrize("backend", BACKENDS)
def test_documents_are_read_without_paddle_through_every_passing_trouble(
    tmp_path: Path, server: VlmServer, run: Run, backend: str
) -> None:
    banded_pdf(tmp_path / "in" / "a.pdf", [TEXT, ("table",), ("display_formula",), TEXT, ("image", "text"), (None,)])
    server.next(*PASSING)

    done = run(vl_rec_backend=backend, vl_rec_api_model_name=server.model)

    assert done.returncode == 0, done.stderr
    assert states(tmp_path / "out") == {"a.pdf": "done"}
    text = (tmp_path / "out" / "a" / "a.md").read_text("utf-8")
    assert text.count("Served words") == 7
    assert "<table" in text
    assert "E=mc^2" in text
    assert (tmp_path / "out" / "a" / "a.xlsx").exists()
    assert server.most_at_once > 1
    assert {chat.key for chat in server.chats} == {KEY}
    assert {chat.image_type for chat in server.chats} == {"image/png" if backend.startswith("llama") else "image/jpeg"}
    assert_no_secret(tmp_path / "out")
    assert KEY not in done.stderr + done.stdout


def test_page_whose_requests_keep_failing_fails_alone_and_says_why(tmp_path: Path, server: VlmServer, run: Run) -> None:
    kinds = ("table", "display_formula", "chart", "seal")
    banded_pdf(tmp_path / "in" / "a.pdf", [TEXT, *((kind, "text") for kind in kinds), TEXT])
    server.always("500", query="Table Recognition:")
    server.always("cut_json", query="Formula Recognition:")
    server.always("trickles", query="Chart Recognition:")
    server.always("error_body", query="Seal Recognition:")

    done = run(
        "--page-timeout-s", "40", request_timeout_s=2, request_retries=0,
        use_chart_recognition=True, use_seal_recognition=True,
    )  # fmt: skip

    assert done.returncode == 6, done.stderr
    assert states(tmp_path / "out") == {"a.pdf": "partial"}
    told = failures(tmp_path / "out")
    assert list(told) == [2, 3, 4, 5]
    assert "it answered 500 (told to fail)" in told[2]
    assert "its answer is no whole JSON" in told[3]
    assert "no whole answer within request_timeout_s=2" in told[4]
    assert "its answer holds no text (CUDA out of memory)" in told[5]
    assert all(server.url in message and "a.pdf page" in message for message in told.values())
    text = (tmp_path / "out" / "a" / "a.md").read_text("utf-8")
    assert text.count("Served words") == 6
    assert "Traceback" not in done.stderr
    assert_no_secret(tmp_path / "out")


def test_run_whose_server_dies_stops_and_the_same_command_goes_on(tmp_path: Path, server: VlmServer, run: Run) -> None:
    banded_pdf(tmp_path / "in" / "a.pdf", [("text",)] * 12)
    server.next(*["ok"] * 6, "dies")

    stopped = run(request_retries=1, server_pages=2)
    asked = len(server.chats)
    server.start()
    finished = run("--json", server_pages=2)

    assert stopped.returncode == 7, stopped.stderr
    assert f"{server.url} cannot be reached" in stopped.stderr
    assert "paddleocr genai_server" in stopped.stderr
    assert finished.returncode == 0, finished.stderr
    assert states(tmp_path / "out") == {"a.pdf": "done"}
    left = json.loads(finished.stdout)["pages_done"]
    assert 0 < left <= 12 - 4  # what was delivered before is not asked for again
    assert len(server.chats) - asked == left
    assert_no_secret(tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vl_rec_api_key": "sk-9876543210-wrong"}, "refuses the key: 401 (Incorrect API key provided: ***)"),
        ({"vl_rec_api_model_name": "another"}, "serves PaddleOCR-VL-1.6-0.9B, not another"),
        ({"vl_rec_server_url": "http://127.0.0.1:9/v1"}, "at http://127.0.0.1:9/v1 cannot be reached"),
    ],
)
def test_server_that_is_not_in_order_stops_the_run_before_its_first_page(
    tmp_path: Path, server: VlmServer, run: Run, options: dict[str, str], words: str
) -> None:
    banded_pdf(tmp_path / "in" / "a.pdf", [TEXT])
    done = run(**options)
    assert done.returncode == 4, done.stderr
    assert words in done.stderr
    assert not server.chats
    for secret in (KEY, "sk-9876543210-wrong"):
        assert secret not in done.stderr
        assert_no_secret(tmp_path / "out", secret)


def test_credentials_in_the_url_stop_the_run_before_anything_is_stored(tmp_path: Path, run: Run) -> None:
    banded_pdf(tmp_path / "in" / "a.pdf", [TEXT])
    done = run(vl_rec_server_url="http://bob:geheim@127.0.0.1:9/v1")
    assert done.returncode == 2, done.stderr
    assert "geheim" not in done.stderr
    assert_no_secret(tmp_path / "out", "geheim")


def test_each_device_is_a_client_of_its_own(tmp_path: Path, server: VlmServer, run: Run) -> None:
    banded_pdf(tmp_path / "in" / "a.pdf", [("text",)] * 40)
    server.delay_s = 0.5
    server.always("slow")

    done = run("--task-pages", "2", devices="cpu:0,cpu:1", server_pages=1)

    assert done.returncode == 0, done.stderr
    assert server.most_at_once == 2
