from __future__ import annotations

import pytest
from pydantic import ValidationError

from batchocr.engines.ppocr.options import PpOcrOptions, Precision


def test_misspelt_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="modus"):
        PpOcrOptions.model_validate({"modus": "ocr"})


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_precision_is_refused_where_the_runtime_cannot_do_it(precision: Precision) -> None:
    with pytest.raises(ValidationError, match=f"{precision} needs runtime openvino"):
        PpOcrOptions(runtime="onnxruntime", precision=precision)


def test_every_option_is_described() -> None:
    assert [name for name, field in PpOcrOptions.model_fields.items() if not field.description] == []
