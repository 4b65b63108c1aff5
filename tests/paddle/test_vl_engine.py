"""The engine `paddleocr-vl` in this process, on the real pipeline with tiny networks."""

from __future__ import annotations

import faulthandler
import gc
import inspect
import json
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from support.tiny_models import banded_page

from batchocr.datatypes import PageImage, PageResult
from batchocr.engines.paddle.runtime import guest_libraries
from batchocr.engines.paddleocr_vl.engine import PaddleOcrVlEngine
from batchocr.engines.paddleocr_vl.fixes import switch_off_missing_kernels
from batchocr.engines.paddleocr_vl.options import PaddleOcrVlOptions
from batchocr.engines.paddleocr_vl.results import page_result
from batchocr.errors import EngineError, FailureKind, SetupError

FULL = ("doc_title", "text", "table", "image", "display_formula", "chart", "seal", "header")
WORDS = "Tiny words from a page."

pytestmark = pytest.mark.usefixtures("tiny_models")


def built(**options: Any) -> PaddleOcrVlEngine:
    engine = PaddleOcrVlEngine(PaddleOcrVlOptions.model_validate({"cpu_threads": 1, **options}))
    engine.load("cpu")
    return engine


@pytest.fixture(scope="module")
def engine(paddle_home: Path) -> Iterator[PaddleOcrVlEngine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PADDLE_PDX_CACHE_HOME", str(paddle_home))
        loaded = built()
    yield loaded
    loaded.close()


def page(*bands: str | None, page_no: int = 1) -> PageImage:
    pixels = np.ascontiguousarray(np.asarray(banded_page(bands))[:, :, ::-1])
    return PageImage(page_no, pixels, 72.0, "a.pdf")


def read(engine: PaddleOcrVlEngine, *pages: PageImage) -> list[PageResult]:
    outcomes = list(engine.recognize(pages))
    assert all(isinstance(outcome, PageResult) for outcome in outcomes)
    return outcomes  # type: ignore[return-value]


def test_description_names_weights_and_sets_the_allocator() -> None:
    info = PaddleOcrVlEngine.describe(PaddleOcrVlOptions())
    assert set(info.weights) == {"layout_detection PP-DocLayoutV3", "vl_rec PaddleOCR-VL-1.6-0.9B"}
    assert info.environment["FLAGS_allocator_strategy"] == "naive_best_fit"
    assert (info.in_flight, info.devices[0], info.page_timeout_s) == (1, "gpu", 3600.0)
    assert {"paddleocr", "paddlex", "paddlepaddle"} <= info.versions.keys()
    json.dumps(info.options)


def test_every_declared_setting_is_one_that_paddleocr_has() -> None:
    with guest_libraries():
        from paddleocr import PaddleOCRVL
        from paddleocr._common_args import parse_common_args

    build, predict = (set(inspect.signature(method).parameters) for method in (PaddleOCRVL, PaddleOCRVL.predict_iter))
    common = set(parse_common_args({}, default_enable_hpi=None))
    given = {
        "vl_rec_backend": "vllm-server", "vl_rec_server_url": "http://127.0.0.1/v1", "temperature": 0.1, "top_p": 0.1,
        "repetition_penalty": 1.1, "min_pixels": 1, "max_pixels": 9, "max_new_tokens": 9, "vl_rec_api_key": "k",
        "layout_threshold": 0.1, "layout_nms": True, "use_seal_recognition": True, "enable_hpi": False,
        "use_layout_detection": False, "prompt_label": "ocr",
    }  # fmt: skip
    options = PaddleOcrVlOptions.model_validate(given)
    assert set(options.predict_arguments()) <= predict
    assert set(options.build_arguments()) - build <= common | {"use_tensorrt", "precision"}
    ours = set(PaddleOcrVlOptions.model_fields)
    assert build - {"kwargs", "use_queues"} <= ours
    assert predict - {"self", "input", "kwargs", "use_queues"} <= ours


def test_signals_and_logging_are_ours_again_after_loading() -> None:
    def terminate(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        built().close()
        with pytest.raises(InterruptedError):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert faulthandler.is_enabled()
    logger = logging.getLogger("paddlex")
    assert (logger.propagate, logger.handlers, logger.level) == (True, [], logging.WARNING)


def test_page_is_read_without_touching_its_pixels_and_the_result_outlives_them(engine: PaddleOcrVlEngine) -> None:
    given = page(*FULL)
    before = given.pixels.copy()

    (result,) = read(engine, given)
    assert np.array_equal(given.pixels, before)
    images = {name: pixels.copy() for name, pixels in result.images.items()}
    given.pixels[:] = 7

    assert [block.label for block in result.blocks] == list(FULL)
    assert result.blocks[1].text == WORDS
    assert result.blocks[2].text == "A\tB\n1\t2"
    assert result.blocks[4].text == "$$  E=mc^2  $$"
    assert set(images) == {"image_1", "image_2", "image_3"}
    assert all(np.array_equal(result.images[name], pixels) for name, pixels in images.items())
    assert result.visualizations["layout"].shape == before.shape
    assert (result.width_px, result.height_px, result.warnings) == (620, 880, ())
    json.dumps(dict(result.raw), allow_nan=False)


def test_blank_page_has_no_blocks_and_every_page_is_answered_by_its_number(engine: PaddleOcrVlEngine) -> None:
    results = read(engine, page("text", page_no=7), page(page_no=3), page("text", page_no=5))
    assert [(result.page_no, len(result.blocks)) for result in results] == [(7, 1), (3, 0), (5, 1)]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_sliver_of_a_page_is_answered(engine: PaddleOcrVlEngine, size: tuple[int, int]) -> None:
    given = PageImage(1, np.full((*size, 3), 255, np.uint8), 72.0, "a.pdf")
    (result,) = read(engine, given)
    assert (result.height_px, result.width_px) == size


def test_markdown_is_the_pipelines_own_but_for_the_names_of_images(engine: PaddleOcrVlEngine, pipeline: Any) -> None:
    given = page(*FULL)
    (own,) = pipeline.predict(given.pixels, use_queues=False)
    expected = own.markdown["markdown_texts"]
    for number, path in enumerate(own.markdown["markdown_images"], start=1):
        expected = expected.replace(path, f"image_{number}")

    (result,) = read(engine, given)

    assert result.markdown == expected
    assert result.markdown == page_result(own, given, visualize=False).markdown


def test_page_can_be_turned_flattened_and_read_as_charts_and_seals() -> None:
    engine = built(
        use_doc_orientation_classify=True, use_doc_unwarping=True, use_chart_recognition=True, use_seal_recognition=True
    )
    (result,) = read(engine, page(*FULL))
    found = {block.label: block for block in result.blocks}
    assert found["chart"].text == "year\tsum\n2023\t7"
    assert found["seal"].text == "SEAL"
    assert found["seal"].image is not None
    assert set(result.visualizations) == {"layout", "preprocessed"}
    assert result.raw["paddlex"]["doc_preprocessor_res"]["angle"] == 0


def test_layout_can_be_found_by_onnxruntime_while_paddle_reads(tiny_models: Path) -> None:
    engine = built(
        engine="onnxruntime", engine_config={"intra_op_num_threads": 1},
        layout_detection_model_dir=tiny_models / "variants" / "layout-onnx",
    )  # fmt: skip
    (result,) = read(engine, page(*FULL))
    assert [block.label for block in result.blocks] == list(FULL)


def test_page_can_be_read_as_one_table() -> None:
    engine = built(use_layout_detection=False, prompt_label="table")
    (result,) = read(engine, page("table"))
    assert [(block.label, block.text) for block in result.blocks] == [("table", "A\tB\n1\t2")]


def test_runaway_generation_is_read_again_kept_and_told(tiny_models: Path) -> None:
    engine = built(vl_rec_model_dir=tiny_models / "variants" / "endless", max_new_tokens=60)
    (result,) = read(engine, page("text", "table"))
    assert result.raw["findings"] == [{"block_id": 0, "finding": "repeated", "replaced": False}]
    assert "repeats itself" in result.warnings[0]
    assert WORDS in result.blocks[0].text


def test_text_cut_off_at_the_most_tokens_is_told() -> None:
    (result,) = read(built(max_new_tokens=1), page("text"))
    assert result.raw["findings"] == [{"block_id": 0, "finding": "cut_off", "replaced": False}]
    assert result.blocks[0].text == "Tiny words"


def test_second_reading_that_is_better_stands_in_the_outputs(tiny_models: Path) -> None:
    silent, able = built(vl_rec_model_dir=tiny_models / "variants" / "silent"), built()
    silent_reader = silent._pipeline.paddlex_pipeline._pipeline.vl_rec_model
    able_reader = able._pipeline.paddlex_pipeline._pipeline.vl_rec_model
    first = silent_reader.predict

    def predict(asked: Any, **arguments: Any) -> Any:
        reader = first if arguments["max_pixels"] == 1003520 else able_reader.predict
        yield from reader(asked, **arguments)

    silent_reader.predict = predict
    (result,) = read(silent, page("text"))

    assert result.blocks[0].text == WORDS
    assert WORDS in (result.markdown or "")
    assert result.raw["findings"] == [{"block_id": 0, "finding": "empty", "replaced": True}]


def test_kernel_that_is_missing_is_switched_off_with_a_warning(
    engine: PaddleOcrVlEngine, caplog: pytest.LogCaptureFixture
) -> None:
    reader = engine._pipeline.paddlex_pipeline._pipeline.vl_rec_model
    assert not switch_off_missing_kernels(reader)
    reader.infer.config.fuse_rms_norm = True  # as on a GPU; the CPU has no such kernel

    assert switch_off_missing_kernels(reader)

    assert reader.infer.config.fuse_rms_norm is False
    assert "fused RMSNorm" in caplog.text
    assert read(engine, page("text"))[0].blocks[0].text == WORDS


def test_memory_that_runs_out_is_told_as_such(engine: PaddleOcrVlEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = engine._pipeline.paddlex_pipeline._pipeline.vl_rec_model

    def predict(*_: object, **__: object) -> Any:
        raise RuntimeError("ResourceExhaustedError: Out of memory error on GPU 0. Cannot allocate 2.0GB")

    monkeypatch.setattr(reader, "predict", predict)
    with pytest.raises(EngineError, match=r"Cannot allocate 2\.0GB") as caught:
        read(engine, page("text"))
    assert caught.value.kind is FailureKind.ENGINE_OUT_OF_MEMORY
    monkeypatch.undo()
    assert read(engine, page("text"))


def test_device_that_the_build_lacks_is_refused_with_paddles_words(paddle_home: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot be built on gpu:0: .*CUDA"):
        PaddleOcrVlEngine(PaddleOcrVlOptions(cpu_threads=1)).load("gpu:0")


@pytest.mark.slow
def test_memory_stays_flat_over_150_pages(engine: PaddleOcrVlEngine) -> None:
    given = page(*FULL)
    process = psutil.Process()

    def read_pages(count: int) -> int:
        for _ in engine.recognize(PageImage(number, given.pixels, 72.0, "a.pdf") for number in range(1, count + 1)):
            pass
        gc.collect()
        return process.memory_info().rss

    before = read_pages(20)
    assert read_pages(130) - before < 30 << 20
