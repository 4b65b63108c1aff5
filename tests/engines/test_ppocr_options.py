from __future__ import annotations

import pytest
from pydantic import ValidationError

from batchocr.engines.ppocr.options import PpOcrOptions


def test_misspelt_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="modus"):
        PpOcrOptions.model_validate({"modus": "ocr"})


def test_bf16_is_refused_where_the_runtime_cannot_do_it() -> None:
    with pytest.raises(ValidationError, match="bf16 needs runtime openvino"):
        PpOcrOptions(runtime="onnxruntime", precision="bf16")


def test_every_option_is_described() -> None:
    assert [name for name, field in PpOcrOptions.model_fields.items() if not field.description] == []
