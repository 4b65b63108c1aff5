"""The settings of the engine `paddleocr-vl`, each declared once and spelt as PaddleOCR spells it.

A setting left at None is as PaddleOCR's own configuration of the pipeline has it. What is not declared here is refused:
PaddleOCR swallows misspelt settings in silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field, SecretStr, model_validator
from typing_extensions import Self

from batchocr.engines.base import EngineOptions

Version: TypeAlias = Literal["v1", "v1.5", "v1.6"]
Backend: TypeAlias = Literal[
    "native", "vllm-server", "sglang-server", "fastdeploy-server", "mlx-vlm-server", "llama-cpp-server"
]
Runtime: TypeAlias = Literal["paddle", "paddle_static", "paddle_dynamic", "onnxruntime", "transformers"]
MergeMode: TypeAlias = Literal["large", "small", "union"]
PromptLabel: TypeAlias = Literal["ocr", "formula", "table", "chart", "spotting", "seal"]

# Of PaddleOCR's constructor, beside the models and the server.
_BUILD = (
    "pipeline_version", "layout_threshold", "layout_nms", "layout_unclip_ratio", "layout_merge_bboxes_mode",
    "use_doc_orientation_classify", "use_doc_unwarping", "use_layout_detection", "use_chart_recognition",
    "use_seal_recognition", "use_ocr_for_image_block", "format_block_content", "merge_layout_blocks",
    "markdown_ignore_labels", "vl_rec_backend", "vl_rec_server_url", "vl_rec_max_concurrency", "vl_rec_api_model_name",
    "vl_rec_api_key", "enable_hpi", "use_tensorrt", "precision", "enable_mkldnn", "mkldnn_cache_capacity",
    "cpu_threads", "enable_cinn",
)  # fmt: skip
_SAMPLING = ("repetition_penalty", "temperature", "top_p")
_PREDICT = (
    "layout_shape_mode", "prompt_label", *_SAMPLING, "min_pixels", "max_pixels", "max_new_tokens", "vlm_extra_args",
)  # fmt: skip
# Settings that say where, how fast or how patiently, not what: the same page gives the same output.
_SAME_OUTPUT = frozenset(
    {
        "vl_rec_server_url", "vl_rec_max_concurrency", "vl_rec_api_key", "server_pages", "request_timeout_s",
        "request_retries", "flags", "release_every_pages", "mkldnn_cache_capacity",
        # What these hold is part of the weights.
        "layout_detection_model_dir", "vl_rec_model_dir", "doc_orientation_classify_model_dir",
        "doc_unwarping_model_dir", "paddlex_config",
    }
)  # fmt: skip


class VlmPixels(EngineOptions):
    """Limits of the size, in pixels, at which the vision-language model sees the blocks of one kind."""

    ocr_min_pixels: int | None = Field(default=None, ge=1, description="text, px")
    ocr_max_pixels: int | None = Field(default=None, ge=1, description="text, px")
    table_min_pixels: int | None = Field(default=None, ge=1, description="tables, px")
    table_max_pixels: int | None = Field(default=None, ge=1, description="tables, px")
    chart_min_pixels: int | None = Field(default=None, ge=1, description="charts, px")
    chart_max_pixels: int | None = Field(default=None, ge=1, description="charts, px")
    formula_min_pixels: int | None = Field(default=None, ge=1, description="formulas, px")
    formula_max_pixels: int | None = Field(default=None, ge=1, description="formulas, px")
    seal_min_pixels: int | None = Field(default=None, ge=1, description="seals, px")
    seal_max_pixels: int | None = Field(default=None, ge=1, description="seals, px")


class PaddleOcrVlOptions(EngineOptions):
    """Options of the engine `paddleocr-vl`."""

    pipeline_version: Version = Field(default="v1.6", description="release of PaddleOCR-VL")
    paddlex_config: Path | None = Field(
        default=None, description="YAML file with the pipeline's configuration, in place of PaddleOCR's own"
    )

    layout_detection_model_name: Literal["PP-DocLayoutV2", "PP-DocLayoutV3"] | None = Field(
        default=None, description="model that finds the blocks"
    )
    layout_detection_model_dir: Path | None = Field(default=None, description="its folder")
    vl_rec_model_name: str | None = Field(default=None, description="model that reads the blocks")
    vl_rec_model_dir: Path | None = Field(default=None, description="its folder")
    doc_orientation_classify_model_name: str | None = Field(
        default=None, description="model that tells how a page stands"
    )
    doc_orientation_classify_model_dir: Path | None = Field(default=None, description="its folder")
    doc_unwarping_model_name: str | None = Field(default=None, description="model that flattens pages")
    doc_unwarping_model_dir: Path | None = Field(default=None, description="its folder")

    use_doc_orientation_classify: bool = Field(default=False, description="turn pages upright first")
    use_doc_unwarping: bool = Field(default=False, description="flatten photographed pages first; crops clean ones")
    use_layout_detection: bool = Field(
        default=True, description="find blocks and read each; False reads the page as one, as `prompt_label` says"
    )
    use_chart_recognition: bool = Field(default=False, description="read charts as tables; else they are images")
    use_seal_recognition: bool | None = Field(default=None, description="read seals; else they are images")
    use_ocr_for_image_block: bool | None = Field(default=None, description="read text in images too")
    format_block_content: bool | None = Field(
        default=None, description="write each block's content in the pipeline's JSON as Markdown"
    )
    merge_layout_blocks: bool | None = Field(default=None, description="join blocks of one column or line")
    markdown_ignore_labels: tuple[str, ...] | None = Field(
        default=None, description="labels of blocks that stay out of the Markdown (headers, footers, numbers …)"
    )
    layout_threshold: float | dict[int, float] | None = Field(
        default=None, description="a block is kept from this confidence (0 to 1), for all classes or by class number"
    )
    layout_nms: bool | None = Field(default=None, description="drop blocks that overlap better ones")
    layout_unclip_ratio: float | tuple[float, float] | dict[int, tuple[float, float]] | None = Field(
        default=None, description="how far blocks are widened: one ratio, (width, height), or by class number"
    )
    layout_merge_bboxes_mode: MergeMode | dict[int, MergeMode] | None = Field(
        default=None, description="which of nested blocks stays: the large, the small or both (union)"
    )
    layout_shape_mode: Literal["rect", "quad", "poly", "auto"] = Field(
        default="auto", description="outline of blocks; those of PP-DocLayoutV3 can be slanted"
    )
    prompt_label: PromptLabel | None = Field(
        default=None, description="what the whole page is read as, without layout detection  [default there: ocr]"
    )

    max_new_tokens: int | None = Field(
        default=None, ge=1, description="longest answer about one block, tokens  [default of PaddleOCR: 4096]"
    )
    min_pixels: int | None = Field(
        default=None, ge=1, description="smaller blocks are enlarged to so many px  [default of PaddleOCR: 112896]"
    )
    max_pixels: int | None = Field(
        default=None, ge=1, description="larger blocks are reduced to so many px  [default of PaddleOCR: 1003520]"
    )
    vlm_extra_args: VlmPixels = Field(default=VlmPixels(), description="the same limits by kind of block")
    repetition_penalty: float | None = Field(default=None, gt=0, description="of sampling; servers only")
    temperature: float | None = Field(default=None, ge=0, description="of sampling; servers only")
    top_p: float | None = Field(default=None, ge=0, le=1, description="of sampling; servers only")

    vl_rec_backend: Backend = Field(
        default="native", description="what runs the vision-language model: this process, or a server"
    )
    vl_rec_server_url: str | None = Field(
        default=None, description="of the server, for example http://127.0.0.1:8118/v1", repr=False
    )
    vl_rec_max_concurrency: int | None = Field(
        default=None, ge=1, description="requests in flight at once, per worker  [default of PaddleOCR: 200]"
    )
    vl_rec_api_model_name: str | None = Field(default=None, description="the model's name on the server")
    vl_rec_api_key: SecretStr | None = Field(default=None, description="key of the server; shown nowhere")
    server_pages: int = Field(default=8, ge=1, le=256, description="pages in flight at once, per worker, with a server")
    request_timeout_s: float = Field(
        default=600.0, gt=0, description="a request to the server that takes longer is given up, s"
    )
    request_retries: int = Field(default=2, ge=0, le=100, description="further tries of a request that failed")

    engine: Runtime | None = Field(
        default=None,
        description="library that computes the layout and preprocessing models (with a server backend, onnxruntime "
        "makes Paddle needless)  [default: Paddle]",
    )
    engine_config: dict[str, Any] | None = Field(
        default=None, description="settings of that library, for example {intra_op_num_threads: 1}"
    )
    enable_hpi: bool | None = Field(default=None, description="PaddleX's high-performance inference (needs its plugin)")
    use_tensorrt: bool = Field(default=False, description="Paddle's TensorRT subgraphs on the GPU")
    precision: Literal["fp32", "fp16"] = Field(default="fp32", description="arithmetic of TensorRT")
    enable_mkldnn: bool = Field(default=True, description="oneDNN on the CPU")
    mkldnn_cache_capacity: int = Field(default=10, ge=1, description="input shapes that oneDNN keeps compiled")
    cpu_threads: int = Field(default=4, ge=1, le=256, description="CPU threads per worker")
    enable_cinn: bool = Field(default=False, description="Paddle's compiler CINN")
    flags: dict[str, str] = Field(
        default_factory=dict,
        description="FLAGS_… of Paddle, set before it is imported, e.g. {fraction_of_gpu_memory_to_use: '0.8'}",
    )
    release_every_pages: int = Field(
        default=0, ge=0, description="give cached memory back every so many pages; 0: only between tasks"
    )
    check_blocks: bool = Field(
        default=True, description="read a block again, with fewer pixels, whose text runs away or is missing"
    )
    visualize: bool = Field(
        default=True, description="let the pipeline draw what it found, for the visualization PDFs; takes time per page"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.uses_server:
            if not self.vl_rec_server_url:
                raise ValueError(f"the backend {self.vl_rec_backend} needs vl_rec_server_url")
        elif given := [name for name in _SAMPLING if getattr(self, name) is not None]:
            raise ValueError(f"the native backend takes no {given[0]}; leave it out, or use a server backend")
        if self.prompt_label is not None and self.use_layout_detection:
            raise ValueError(
                "prompt_label says what a page without layout detection is; set use_layout_detection=false"
            )
        return self

    @property
    def uses_server(self) -> bool:
        """Blocks are read by a server, not in this process."""
        return self.vl_rec_backend != "native"

    def wanted_roles(self) -> tuple[str, ...]:
        """Gives the parts of the pipeline that have weights on this machine and are loaded."""
        asked = {
            "layout_detection": self.use_layout_detection,
            "vl_rec": not self.uses_server,
            "doc_orientation_classify": self.use_doc_orientation_classify,
            "doc_unwarping": self.use_doc_unwarping,
        }
        return tuple(role for role, wanted in asked.items() if wanted)

    def changing_outputs(self) -> dict[str, Any]:
        """Gives the options that change outputs, JSON-safe, for the fingerprint; never a key or a place."""
        return self.model_dump(mode="json", exclude=set(_SAME_OUTPUT))

    def build_arguments(self) -> dict[str, Any]:
        """Gives what PaddleOCR's constructor is told, but for the models, the configuration and the device.

        Over a configuration of the user's own, defaults of ours do not count.
        """
        own = self.paddlex_config is not None
        names = (name for name in _BUILD if name.startswith("vl_rec") or not own or name in self.model_fields_set)
        return self._arguments(names)

    def predict_arguments(self) -> dict[str, Any]:
        """Gives what the pipeline is told with every page."""
        return self._arguments(_PREDICT)

    def sampling_arguments(self) -> dict[str, Any]:
        """Gives those of them that the language model is told beside the limits of pixels."""
        return self._arguments((*_SAMPLING, "max_new_tokens"))

    def _arguments(self, names: Iterable[str]) -> dict[str, Any]:
        return {name: value for name in names if (value := _plain(getattr(self, name))) is not None}


def _plain(value: Any) -> Any:
    """Gives a setting as PaddleOCR takes it."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, VlmPixels):
        return value.model_dump(exclude_none=True)
    return list(value) if isinstance(value, tuple) else value
