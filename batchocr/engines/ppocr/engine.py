"""The embedded engine `ppocr`: every page's text from its text layer or by OCR, then its layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from batchocr.datatypes import EngineInfo, PageFailure, PageImage, PageOutcome
from batchocr.engines.base import Engine, EngineOptions
from batchocr.engines.ppocr.int8 import with_ranges
from batchocr.engines.ppocr.options import PpOcrOptions
from batchocr.engines.ppocr.weights import REMEDY, Weights, find_weights
from batchocr.errors import EngineError, FailureKind, SetupError

if TYPE_CHECKING:
    from batchocr.engines.ppocr.page_reader import PageReader

OUTPUT_VERSION = 2
# Any of these gives the module cv2.
OPENCV = ("opencv-python-headless", "opencv-contrib-python-headless", "opencv-python", "opencv-contrib-python")
# Any of these gives the module of the same name as the runtime.
DISTRIBUTIONS = {
    "openvino": ("openvino",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "torch": ("torch",),
}


class PpOcrEngine(Engine):
    """PP-OCR with the weights in the `rapidocr` wheel or a user's own, on OpenVINO, ONNX Runtime or PyTorch."""

    name: ClassVar[str] = "ppocr"
    Options: ClassVar[type[EngineOptions]] = PpOcrOptions

    @classmethod
    def describe(cls, options: EngineOptions) -> EngineInfo:
        """Gives what the engine is. Imports neither runtime nor OpenCV.

        Raises:
            SetupError: a library or the weights are missing, or the weights do not fit.
        """
        assert isinstance(options, PpOcrOptions)
        reads_images = options.mode != "text"
        for module in ("cv2", options.runtime) if reads_images else ("cv2",):
            if find_spec(module) is None:
                extra = 'install it with: pip install "batchocr[torch]"' if module == "torch" else REMEDY
                raise SetupError(f"engine ppocr: the library {module} is not installed; {extra}")
        packages = (*DISTRIBUTIONS[options.runtime], "rapidocr", *OPENCV) if reads_images else OPENCV
        devices = _devices(options.runtime) if reads_images else ("cpu",)
        return EngineInfo(
            name=cls.name,
            output_version=OUTPUT_VERSION,
            weights=_weights(options).hashes() if reads_images else {},
            # A GPU takes sums in another order than a CPU.
            batch_invariant=devices == ("cpu",),
            needs_image=True,
            wants_text_layer=options.mode != "ocr",
            devices=devices,
            in_flight=1,
            page_timeout_s=120.0,
            load_timeout_s=600.0,
            # The number of threads decides in which order sums are taken. Where weights lie changes nothing: their
            # hashes count.
            options=options.model_dump(mode="json", exclude={"det_model_dir", "rec_model_dir"}),
            threads=options.threads,
            versions=_versions(packages),
        )

    def __init__(self, options: EngineOptions) -> None:
        assert isinstance(options, PpOcrOptions)
        self._options = options
        self._reads_images = options.mode != "text"
        self._reader: PageReader | None = None

    @classmethod
    def needs_pixels(cls, page: PageImage) -> bool:
        """Tells that the text layer of a thumbnail is not to be trusted or not all that there is to read."""
        from batchocr.engines.ppocr.layer_alone import needs_pixels

        return needs_pixels(page)

    def load(self, device: str) -> None:
        """Opens the networks; about a second on the CPU.

        Raises:
            SetupError: a library or the weights are missing, or the runtime cannot use the device.
        """
        kind = device.partition(":")[0]
        if kind not in {"cpu", "gpu"}:
            raise SetupError(f"engine ppocr does not run on {device}; use --devices cpu or gpu")
        if kind == "gpu" and self._options.runtime == "openvino":
            raise SetupError(
                f"engine ppocr runs on {device} with runtime torch or onnxruntime only; use --devices cpu, or "
                "--engine-option runtime=torch"
            )
        weights = _weights(self._options).on(device if kind == "gpu" else "cpu") if self._reads_images else None
        try:
            from batchocr.engines.ppocr.page_reader import PageReader
        except ImportError as err:
            raise SetupError(f"engine ppocr: a library cannot be imported ({err}); {REMEDY}") from err
        self._reader = PageReader(self._options, weights)

    def recognize(self, pages: Iterable[PageImage]) -> Iterator[PageOutcome]:
        """Gives one outcome per page, in order; a page that fails leaves the others alone.

        Raises:
            EngineError: the engine is not loaded.
        """
        if self._reader is None:
            raise EngineError("engine ppocr is asked to recognize before it is loaded", fatal=True)
        for page in pages:
            yield _outcome(self._reader, page)

    def release_memory(self) -> None:
        """Gives back what the runtime keeps for the shapes it has seen."""
        if self._reader is not None:
            self._reader.release_memory()

    def close(self) -> None:
        """Lets go of the networks."""
        self._reader = None


def _weights(options: PpOcrOptions) -> Weights:
    weights = find_weights(options.det_model_dir, options.rec_model_dir)
    return with_ranges(weights) if options.precision == "int8" else weights


def _devices(runtime: str) -> tuple[str, ...]:
    """Gives the kinds of device that the installed build of a runtime can use, without importing it."""
    if runtime == "torch":
        with_cuda = not _versions(["torch"]).get("torch", "").endswith("+cpu")
    else:
        spec = find_spec(runtime)
        folder = Path(spec.origin).parent / "capi" if spec and spec.origin else Path()
        with_cuda = runtime == "onnxruntime" and any(folder.glob("*onnxruntime_providers_cuda.*"))
    return ("cpu", "gpu") if with_cuda else ("cpu",)


def _outcome(reader: PageReader, page: PageImage) -> PageOutcome:
    try:
        return reader.read(page)
    except EngineError as err:
        return _failure(page, err.kind, str(err))
    except MemoryError as err:
        return _failure(page, FailureKind.ENGINE_OUT_OF_MEMORY, str(err) or "memory ran out")


def _failure(page: PageImage, kind: FailureKind, reason: str) -> PageFailure:
    remedy = "; use fewer workers or a lower dpi" if kind is FailureKind.ENGINE_OUT_OF_MEMORY else ""
    return PageFailure(page.page_no, kind, f"{page.source} page {page.page_no}: ppocr failed: {reason}{remedy}")


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
