"""Everything here runs the real paddleocr and paddlex, with tiny networks that are made once per test session."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.missing import missing

from batchocr.engines.paddle.runtime import guest_libraries

HERE = Path(__file__).resolve().parent
# As a worker has them: no questions to model hubs, one thread, no noise of Paddle's C++ side.
ENVIRONMENT = {"PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "1", "OMP_NUM_THREADS": "1", "GLOG_minloglevel": "2"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test of this folder; the libraries' own warnings are not ours to mend."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.paddle)
            item.add_marker(pytest.mark.filterwarnings("ignore:::(paddle|paddlex|paddleocr)(\\.|$)"))
            # A pipeline takes seconds to start, more where other tests run beside.
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session", autouse=True)
def paddle_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gives a folder with all that `support.tiny_models` makes.

    It is `PADDLE_PDX_CACHE_HOME` from the start, since PaddleX looks at that once, when it is imported.
    """
    for module in ("paddle", "paddleocr", "paddlex"):
        if find_spec(module) is None:
            missing(f"{module} is not installed here: make test-paddle uses .venv-paddle")
    home = tmp_path_factory.mktemp("paddle") / "home"
    made = subprocess.run(
        [sys.executable, "-m", "support.tiny_models", str(home)],
        cwd=HERE.parent, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PADDLE_PDX_CACHE_HOME", str(home))
        yield home


@pytest.fixture
def tiny_models(paddle_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes engines here and in every child use the tiny models, as workers do; gives their folder."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return paddle_home


@pytest.fixture(scope="session")
def pipeline() -> Any:
    """Gives PaddleOCR's own pipeline, v1.6 on the CPU, as its users build it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        with guest_libraries():
            from paddleocr import PaddleOCRVL

            return PaddleOCRVL(device="cpu", cpu_threads=1)
