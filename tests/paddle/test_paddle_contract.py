"""What every engine must pass, passed by those that need Paddle."""

from __future__ import annotations

from collections.abc import Iterator

import contract.test_engines as contract
import pytest
from support.ppocr_models import make_ppocr_onnx

from batchocr.engines.base import Engine
from batchocr.engines.registry import engine_class

globals().update({name: value for name, value in vars(contract).items() if name.startswith("test_")})


@pytest.fixture(scope="module", params=["paddleocr-vl", "paddlex"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    name = request.param
    contract.OPTIONS[name] = (
        {"cpu_threads": 1} if name == "paddleocr-vl" else make_ppocr_onnx(tmp_path_factory.mktemp("ppocr"))
    )
    engine_type = engine_class(name)
    built = engine_type(engine_type.Options.model_validate(contract.OPTIONS[name]))
    built.load("cpu")
    yield built
    built.close()
