"""What is handed to engines, workers and the finisher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from batchocr.datatypes.documents import DocumentRef, PageRanges
from batchocr.datatypes.failures import FailedPages
from batchocr.datatypes.states import DocumentFormat


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
        environment: variables that its worker must have before it starts, such as allocator flags.
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
    environment: Mapping[str, str] = field(default_factory=dict)


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
        scale: share of the resolution to draw the pages at, under 1 after the engine ran out of memory.
    """

    task_id: int
    content_id: int
    document: DocumentRef
    page_nos: tuple[int, ...]
    segment: str
    fresh_engine: bool = False
    scale: float = 1.0


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
        formats: what to write: md, json, xlsx, images, pdf, docx, paddlex-json.
        page_markers: write `<!-- page: N -->` into the Markdown.
        fingerprint: of the settings, engine and weights.
        engine: for the manifest: name, output version, weights, options, versions (JSON-safe).
        dpi: rendering resolution of PDF pages.
        visualization_dpi: resolution of the visualization PDFs' pages.
        force: a folder with files that are not ours is moved to kept/ instead of refused.
        join_tables: join a table with its continuation on the next page.
        relevel_titles: make heading levels agree in the whole document.
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
    join_tables: bool = False
    relevel_titles: bool = False
