"""The embedded engine `ppocr`: every page's text from its text layer or by OCR, then its layout, on the CPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar

from batchocr.datatypes import EngineInfo, PageFailure, PageImage, PageOutcome
from batchocr.engines.base import Engine, EngineOptions
from batchocr.engines.ppocr.options import PpOcrOptions
from batchocr.engines.ppocr.weights import REMEDY, find_weights
from batchocr.errors import EngineError, FailureKind, SetupError

if TYPE_CHECKING:
    from batchocr.engines.ppocr.page_reader import PageReader

OUTPUT_VERSION = 1
# Any of these gives the module cv2.
OPENCV = ("opencv-python-headless", "opencv-contrib-python-headless", "opencv-python", "opencv-contrib-python")


class PpOcrEngine(Engine):
    """PP-OCR with the weights in the `rapidocr` wheel, on OpenVINO or ONNX Runtime."""

    name: ClassVar[str] = "ppocr"
    Options: ClassVar[type[EngineOptions]] = PpOcrOptions

    @classmethod
    def describe(cls, options: EngineOptions) -> EngineInfo:
        """Gives what the engine is. Imports neither runtime nor OpenCV.

        Raises:
            SetupError: a library or the weights are missing.
        """
        assert isinstance(options, PpOcrOptions)
        reads_images = options.mode != "text"
        for module in ("cv2", options.runtime) if reads_images else ("cv2",):
            if find_spec(module) is None:
                raise SetupError(f"engine ppocr: the library {module} is not installed; {REMEDY}")
        packages = (options.runtime, "rapidocr", *OPENCV) if reads_images else OPENCV
        return EngineInfo(
            name=cls.name,
            output_version=OUTPUT_VERSION,
            weights=find_weights().hashes() if reads_images else {},
            batch_invariant=True,
            needs_image=True,
            wants_text_layer=options.mode != "ocr",
            devices=("cpu",),
            in_flight=1,
            page_timeout_s=120.0,
            load_timeout_s=600.0,
            # The number of threads decides in which order sums are taken.
            options=options.model_dump(mode="json"),
            threads=options.threads,
            versions=_versions(packages),
        )

    def __init__(self, options: EngineOptions) -> None:
        assert isinstance(options, PpOcrOptions)
        self._options = options
        self._reader: PageReader | None = None

    def load(self, device: str) -> None:
        """Opens the networks on the CPU; about a second.

        Raises:
            SetupError: a library or the weights are missing, or the device is not the CPU.
        """
        if device.partition(":")[0] != "cpu":
            raise SetupError(f"engine ppocr runs on the CPU only, not on {device}; use --devices cpu")
        weights = find_weights() if self._options.mode != "text" else None
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
