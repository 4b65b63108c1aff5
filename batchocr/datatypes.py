"""Frozen values that cross rooms.

Plain data only: no behaviour beyond a derived property, no I/O, no third-party import at run time.
Coordinates are pixels of the page image with the origin at the top left, `(x0, y0, x1, y1)`; page numbers count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from batchocr.errors import ExitCode, FailureKind

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels: TypeAlias = npt.NDArray[np.uint8]

BBox: TypeAlias = tuple[float, float, float, float]


class PageState(str, Enum):
    """State of one page."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    BLANK = "blank"


class DocumentState(str, Enum):
    """State of one document; it follows from its pages."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class AttemptState(str, Enum):
    """State of one try of a task by one worker."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


class RunState(str, Enum):
    """State of one execution of a job."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class DocumentFormat(str, Enum):
    """What a file is, by its content."""

    PDF = "pdf"
    PNG = "png"
    JPEG = "jpeg"
    TIFF = "tiff"
    WEBP = "webp"
    BMP = "bmp"


@dataclass(frozen=True)
class FileIdentity:
    """What tells cheaply that a file is still the one that was hashed.

    Attributes:
        size_bytes: length of the file.
        mtime_ns: last modification, nanoseconds since the epoch.
        inode: inode number, 0 where the file system has none.
    """

    size_bytes: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True)
class InputRoot:
    """A folder that inputs were found under.

    Attributes:
        path: absolute path of the folder.
        label: its name as it appears in front of a document's source when a run has several roots.
    """

    path: str
    label: str


@dataclass(frozen=True)
class SourceFile:
    """One input file that discovery found.

    Attributes:
        root: the folder that it was found under.
        relative: its path below `root`, POSIX separators; may hold surrogate escapes.
        path: its absolute path.
        identity: size, time and inode at discovery.
    """

    root: InputRoot
    relative: str
    path: str
    identity: FileIdentity


@dataclass(frozen=True)
class RefusedFile:
    """One input that discovery will not touch, and why (a symlink that leaves the folder, a file nobody may read).

    Attributes:
        root: the folder that it was found under.
        relative: its path below `root`.
        reason: for a person, with the remedy.
    """

    root: InputRoot
    relative: str
    reason: str


@dataclass(frozen=True)
class FoundFolder:
    """What discovery found in one folder.

    Attributes:
        root: the input root.
        parent: the folder below the root, POSIX, "" for the root itself.
        files: documents found, sorted by name.
        names: every name in that folder that could clash with a document's output folder: all sub-folders, and all
            files whose ending belongs to a format we read.
        refused: inputs that were refused.
    """

    root: InputRoot
    parent: str
    files: tuple[SourceFile, ...]
    names: tuple[str, ...]
    refused: tuple[RefusedFile, ...] = ()


@dataclass(frozen=True)
class Limits:
    """What a document may cost the prober and the renderer (DESIGN.md section 6).

    Attributes:
        render_timeout_s: wall clock for one page, or for opening one document.
        render_memory_bytes: resident memory of the prober's or renderer's child.
        max_page_pixels: a larger page is scaled down, and the page's warnings say so.
        max_file_bytes: a larger file is refused.
        max_pages: a document with more pages is refused.
    """

    render_timeout_s: float = 30.0
    render_memory_bytes: int = 2 << 30
    max_page_pixels: int = 50_000_000
    max_file_bytes: int = 2 << 30
    max_pages: int = 20_000


@dataclass(frozen=True)
class Probe:
    """What the prober found in one file.

    Attributes:
        sha256: hex digest of the content.
        identity: of the very file that was hashed (fstat of the open file).
        format: what it is, by content.
        page_count: at least 1.
    """

    sha256: str
    identity: FileIdentity
    format: DocumentFormat
    page_count: int


@dataclass(frozen=True)
class DocumentRef:
    """All that a child needs to open one document.

    Attributes:
        path: absolute path.
        source: the name to show to users.
        sha256: hex digest of the content that was probed.
        identity: of the file that was probed; a mismatch on opening is `document_changed`.
        format: what it is, by content.
        page_count: number of pages, at least 1.
        password: for encrypted PDFs; never logged.
    """

    path: str
    source: str
    sha256: str
    identity: FileIdentity
    format: DocumentFormat
    page_count: int
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class TextWord:
    """One word of a PDF's text layer.

    Attributes:
        text: its characters, as Unicode.
        bbox: where it stands, px of the page image.
        font_size_px: height of the font in px of the page image.
        bold: the font is bold.
        line: words with the same number belong to one line of the content stream.
    """

    text: str
    bbox: BBox
    font_size_px: float
    bold: bool
    line: int


@dataclass(frozen=True)
class TextLayer:
    """What a PDF page says of itself.

    Attributes:
        words: in the order of the content stream.
        invisible_share: share of characters drawn in the invisible render mode (a scan's hidden OCR text), 0 to 1.
        unmapped_share: share of characters without a trustworthy Unicode value, 0 to 1.
        image_boxes: raster images placed on the page, px of the page image.
    """

    words: tuple[TextWord, ...]
    invisible_share: float
    unmapped_share: float
    image_boxes: tuple[BBox, ...]


@dataclass(frozen=True)
class PageImage:
    """One page as an engine gets it.

    Attributes:
        page_no: counts from 1.
        pixels: BGR, uint8, shape (height, width, 3), C-contiguous. Valid until the engine asks for the next page.
        dpi: pixels per inch of `pixels`.
        source: the document's name, for messages.
        text_layer: of a PDF page when the engine wants it, else None.
        warnings: what was done to the page on its way (for example scaled down).
    """

    page_no: int
    pixels: Pixels
    dpi: float
    source: str
    text_layer: TextLayer | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """One region of a page.

    Attributes:
        label: as PaddleOCR's layout models spell them: doc_title, paragraph_title, text, table, image, chart, formula,
            figure_title, header, footer, number, footnote, algorithm, list, seal …
        bbox: px of the page image.
        order: place in the reading order, from 1; None for what is not read in line (page headers, footers, numbers).
        text: plain text, lines separated by newlines.
        html: `<table>…</table>` of a table, else empty.
        score: confidence 0 to 1, or None.
        level: heading level 1 to 6 for titles, else None.
        image: key in `PageResult.images` of the crop that shows this block, or None.
    """

    label: str
    bbox: BBox
    order: int | None
    text: str = ""
    html: str = ""
    score: float | None = None
    level: int | None = None
    image: str | None = None


@dataclass(frozen=True)
class PageResult:
    """What an engine read on one page.

    Attributes:
        page_no: counts from 1.
        width_px, height_px: size of the page image that `bbox`es refer to.
        blocks: regions; none at all means the page is blank.
        markdown: the page as Markdown with links to keys of `images`; None lets batchocr write it from the blocks.
        images: key (a plain file stem such as `image_1`) to BGR uint8 pixels.
        visualizations: kind (such as `ocr`) to BGR uint8 pixels; `layout` is drawn from the blocks if not given.
        raw: the engine's own JSON-safe data about the page.
        warnings: what the reader should know about this page.
    """

    page_no: int
    width_px: int
    height_px: int
    blocks: tuple[Block, ...]
    markdown: str | None = None
    images: Mapping[str, Pixels] = field(default_factory=dict)
    visualizations: Mapping[str, Pixels] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageFailure:
    """Why a page has no result.

    Attributes:
        page_no: counts from 1.
        kind: from the closed list.
        message: what happened, for a person.
        fatal: the device is no longer usable, so the worker must be replaced.
        detail: traceback or the like, for the log.
    """

    page_no: int
    kind: FailureKind
    message: str
    fatal: bool = False
    detail: str = ""


PageOutcome: TypeAlias = PageResult | PageFailure


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says of itself before a run.

    Attributes:
        name: registered name.
        output_version: changes when the same page would give other output; part of the fingerprint.
        weights: file name to sha256 of the weights in use.
        batch_invariant: a page's result does not depend on its neighbours, the worker or the device.
        needs_image: pages must be rendered.
        wants_text_layer: pages of PDFs should come with their text layer.
        devices: kinds of device it runs on, for example ("cpu",) or ("gpu", "cpu").
        in_flight: pages it works on at once.
        page_timeout_s: default time without a finished page before a worker counts as hung.
        load_timeout_s: default time for loading.
        options: the resolved options that change outputs, JSON-safe; part of the fingerprint.
        threads: CPU threads per worker, set in its environment.
        versions: library name to version, for the manifest.
    """

    name: str
    output_version: int
    weights: Mapping[str, str]
    batch_invariant: bool
    needs_image: bool
    wants_text_layer: bool
    devices: tuple[str, ...]
    in_flight: int
    page_timeout_s: float
    load_timeout_s: float
    options: Mapping[str, Any]
    threads: int
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """A page range of one document, lent to one worker.

    Attributes:
        task_id: the ledger's number.
        content_id: the ledger's number of the content that the pages belong to.
        document: what to open.
        page_nos: the pages to recognize, ascending.
        segment: absolute path of the spool segment to append to.
        fresh_engine: build the engine anew first (a page that failed before is tried alone).
    """

    task_id: int
    content_id: int
    document: DocumentRef
    page_nos: tuple[int, ...]
    segment: str
    fresh_engine: bool = False


@dataclass(frozen=True)
class PageRanges:
    """Ascending, non-overlapping page ranges, both ends included: compact however many pages there are."""

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, page_nos: Iterable[int]) -> PageRanges:
        """Gives the ranges of these page numbers."""
        ranges: list[tuple[int, int]] = []
        for page_no in sorted(set(page_nos)):
            if ranges and page_no == ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], page_no)
            else:
                ranges.append((page_no, page_no))
        return cls(tuple(ranges))

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __str__(self) -> str:
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in self.ranges)


@dataclass(frozen=True)
class FailedPages:
    """A run of neighbouring pages that failed for one reason, or (first_page None) a whole document."""

    first_page: int | None
    last_page: int | None
    kind: FailureKind
    message: str


@dataclass(frozen=True)
class Assembly:
    """The order to the finisher: join page records into one document's folder and commit it.

    Attributes:
        document_id: the ledger's number.
        source: the document's name as users see it; may hold surrogate escapes.
        folder: output folder, POSIX, relative to `output`.
        output: absolute path of the output root.
        state_dir: absolute path of the folder that holds staging/, trash/ and kept/.
        commit_id: unique per try to commit.
        sha256: of the document's content.
        size_bytes: of the document.
        format: of the document.
        page_count: pages of the document.
        page_nos: pages that were asked for.
        failed: pages that have no result.
        segments: absolute paths of the spool segments that hold the pages.
        formats: what to write: md, json, xlsx, images, pdf.
        page_markers: write `<!-- page: N -->` into the Markdown.
        fingerprint: of the settings, engine and weights.
        engine: for the manifest: name, output version, weights, options, versions (JSON-safe).
        dpi: rendering resolution of PDF pages.
        visualization_dpi: resolution of the visualization PDFs' pages.
        force: a folder with files that are not ours is moved to kept/ instead of refused.
    """

    document_id: int
    source: str
    folder: str
    output: str
    state_dir: str
    commit_id: str
    sha256: str
    size_bytes: int
    format: DocumentFormat
    page_count: int
    page_nos: PageRanges
    failed: tuple[FailedPages, ...]
    segments: tuple[str, ...]
    formats: tuple[str, ...]
    page_markers: bool
    fingerprint: str
    engine: Mapping[str, Any]
    dpi: int
    visualization_dpi: int
    force: bool = False


@dataclass(frozen=True)
class WorkerView:
    """One worker as a person sees it.

    Attributes:
        worker: name such as `gpu:0` or `cpu:1`, unique in the run.
        device: device as the user spelt it.
        state: starting, loading, idle, busy, restarting, retired.
        source: document in hand, or "".
        page_no: page in hand, or None.
        rss_bytes: resident memory of its process, 0 if unknown.
    """

    worker: str
    device: str
    state: str
    source: str = ""
    page_no: int | None = None
    rss_bytes: int = 0


@dataclass(frozen=True)
class RunProgress:
    """How far a run is, for progress bars.

    Attributes:
        pages_total: pages known so far that this run has to do.
        pages_done: pages with a result in this run (blank ones too).
        pages_failed: pages given up in this run.
        documents_total, documents_ended: documents of this run, skipped ones included.
        counting: the prober has not counted all documents yet, so the total still grows.
        elapsed_s: seconds since the run began.
        workers: one entry per worker.
    """

    pages_total: int
    pages_done: int
    pages_failed: int
    documents_total: int
    documents_ended: int
    counting: bool
    elapsed_s: float
    workers: tuple[WorkerView, ...] = ()


@dataclass(frozen=True)
class DocumentReport:
    """One document in a summary or status: its name, folder, state, pages and failures."""

    source: str
    folder: str
    state: DocumentState
    pages: int | None
    pages_done: int
    failures: tuple[FailedPages, ...] = ()


@dataclass(frozen=True)
class RunSummary:
    """What a run came to; `batchocr.run` returns it.

    Attributes:
        run_id: the ledger's name of the run.
        state: completed, failed or interrupted.
        exit_code: what the command answers.
        output: the output folder.
        engine: name of the engine.
        devices: devices that were used.
        documents: document state to count.
        pages_done: pages recognized in this run.
        pages_failed: pages that have failed, of all documents of this run.
        elapsed_s: wall clock, seconds.
        failures: every document that is not whole, with its reasons.
        message: why it stopped early, or "".
    """

    run_id: str
    state: RunState
    exit_code: ExitCode
    output: str
    engine: str
    devices: tuple[str, ...]
    documents: Mapping[str, int]
    pages_done: int
    pages_failed: int
    elapsed_s: float
    failures: tuple[DocumentReport, ...] = ()
    message: str = ""
