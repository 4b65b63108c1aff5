"""What the JSON that batchocr writes looks like, as models from which JSON Schemas are made.

The writers are plain functions elsewhere, quick and free of pydantic; a test holds real outputs against these models.
Keys may be added within a schema number, so the schemas allow unknown ones; states and failure kinds may be added too.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from batchocr.datatypes import DocumentFormat, DocumentState, RunState
from batchocr.errors import ExitCode, FailureKind

PageNumber = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Code: TypeAlias = Literal[tuple(int(code) for code in ExitCode)]  # type: ignore[valid-type]
Range = Annotated[tuple[PageNumber, PageNumber], Field(description="first and last page")]


class _Shape(BaseModel):
    """A JSON object. A field with a default may be missing from it."""

    model_config = ConfigDict(extra="allow")


class Engine(_Shape):
    """The engine that read a document."""

    name: str = Field(description="registered name")
    output_version: int = Field(description="grows when the same page would give other output")
    weights: dict[str, str] = Field(description="file name to sha256 of the weights")
    batch_invariant: bool = Field(description="a page's result does not depend on its neighbours, worker or device")
    options: dict[str, Any] = Field(description="the resolved options that change outputs")
    versions: dict[str, str] = Field(description="library to version")


class FailedRange(_Shape):
    """Pages that could not be read for one reason."""

    first_page: PageNumber | None = Field(description="null if it is about the whole document")
    last_page: PageNumber | None = Field(description="as the first for a single page")
    kind: FailureKind
    message: str = Field(description="for a person")


class Block(_Shape):
    """One block of a page."""

    label: str = Field(description="as PaddleOCR spells them: doc_title, text, table, image, formula, header …")
    bbox: Annotated[list[float], Field(min_length=4, max_length=4)] = Field(
        description="[x0, y0, x1, y1] in pixels of the page image"
    )
    order: int | None = Field(description="place in the reading order; null for what is not read in line")
    text: str
    html: str = Field(description="the table of a table block, else empty; as the engine gave it, not made safe")
    score: float | None = Field(description="confidence")
    level: int | None = Field(description="heading level")
    image: str | None = Field(description="the file in the document's folder that shows the block")
    continues: PageNumber = Field(default=1, description="page where the table begins that goes on here (join_tables)")
    continued_on: list[PageNumber] = Field(default=[], description="pages on which this table goes on (join_tables)")


class Page(_Shape):
    """One page of a document's JSON: an entry of its `pages`."""

    page_no: PageNumber = Field(description="counts from 1")
    state: Literal["done", "blank"]
    width_px: int = Field(description="width of the page image that the boxes refer to")
    height_px: int = Field(description="height of that image")
    dpi: float | None = Field(description="resolution of that image; null if there was none")
    warnings: list[str]
    blocks: list[Block]
    raw: dict[str, Any] = Field(default={}, description="the engine's own data")


class Document(_Shape):
    """NAME.json: the pages of a document."""

    schema_: Literal[1] = Field(alias="schema")
    source: str = Field(description="the document's name below the input")
    sha256: Sha256 = Field(description="of the document")
    page_count: PageNumber
    dpi: int = Field(description="resolution at which PDF pages are rendered")
    engine: Engine
    failed: list[FailedRange]
    pages: list[Page] = Field(description="every page that has a result, ascending")


class Warned(_Shape):
    """A warning, and the pages that it is about."""

    message: str
    pages: list[Range]


class Manifest(_Shape):
    """manifest.json: where a document's folder came from and what is in it."""

    schema_: Literal[1] = Field(alias="schema")
    batchocr: str = Field(description="the version that wrote it")
    source: str = Field(description="the document's name below the input")
    sha256: Sha256 = Field(description="of the document")
    size_bytes: Count
    format: DocumentFormat
    page_count: PageNumber
    folder: str = Field(description="this folder, relative to the output folder")
    pages: list[Range] = Field(description="pages that were asked for")
    done: list[Range] = Field(description="pages with content")
    blank: list[Range] = Field(description="pages without")
    failed: list[FailedRange]
    warnings: list[Warned]
    engine: Engine
    fingerprint: str = Field(description="hash of all that changes outputs")
    commit_id: str = Field(description="differs each time the folder is written")
    files: dict[str, Sha256] = Field(description="every other file of the folder")


class Failure(_Shape):
    """Why a document is not whole."""

    page: PageNumber | None = Field(description="null if it is about the whole document")
    last_page: PageNumber = Field(default=1, description="last page of a range; missing for a single page")
    kind: FailureKind
    message: str = Field(description="for a person")


class Times(_Shape):
    """Where the time of a document's pages went, sums. Steps overlap, so they add up to more than the clock says."""

    render_s: Seconds = Field(description="drawing or decoding images")
    queue_wait_s: Seconds = Field(description="for which images waited for the engine")
    recognize_s: Seconds = Field(description="for which the engine was busy with them")
    spool_s: Seconds = Field(description="encoding and writing results to the spool")


class DocumentStatus(_Shape):
    """One document of a run."""

    source: str
    folder: str = Field(description="relative to the output folder")
    state: DocumentState
    pages: Count | None = Field(description="that were asked for; null while they are not counted")
    pages_done: Count
    failures: list[Failure]
    times: Times
    write_s: Seconds | None = Field(description="what its folder took; null if unknown")


class Worker(Times):
    """What one worker did in a run; times are sums over the pages that it read."""

    worker: str
    device: str
    pages: Count
    loads: Count = Field(description="times that it loaded the engine")
    load_s: Seconds
    ready_s: Seconds = Field(description="from then until the last page of the run so far was answered")
    busy_s: Seconds = Field(description="part of it in which the engine had pages")
    idle_share: Share
    gpu_busy: Share | None = Field(description="mean share of time in which its GPU was at work, for whomever")
    gpu_bytes: Count | None = Field(description="most memory taken on its GPU, by whomever")


class RunFacts(_Shape):
    """Which run it is."""

    id: str
    state: RunState
    started_at: datetime
    ended_at: datetime | None
    engine: str
    devices: list[str]
    host: str
    pid: int
    version: str = Field(description="of batchocr")
    message: str = Field(description="why it stopped early, or empty")


class FailureCounts(_Shape):
    """How much failed in one way."""

    pages: Count
    whole_documents: Count = Field(description="documents that failed before any page of them counted")


FailuresByKind = Annotated[
    dict[FailureKind, FailureCounts], Field(description="failure kind to how much failed so, the most frequent first")
]


class Totals(_Shape):
    """Documents by state, pages by state, and failures by kind."""

    documents: Count
    pending: Count
    running: Count
    done: Count
    partial: Count
    failed: Count
    skipped: Count
    pages: Count = Field(description="as far as they are counted: the sum of the four that follow")
    pages_done: Count = Field(description="blank ones too")
    pages_failed: Count
    pages_skipped: Count = Field(description="of documents that were finished before this run")
    pages_pending: Count
    whole_documents_failed: Count = Field(description="documents that failed before any page of them counted")
    failures_by_kind: FailuresByKind


class Status(_Shape):
    """`batchocr status --json`: the last run to an output folder, also while it is going on."""

    schema_: Literal[1] = Field(alias="schema")
    run: RunFacts
    report: str | None = Field(description="path of report.html; null if there is none")
    totals: Totals
    workers: list[Worker]
    documents: list[DocumentStatus]


class Summary(_Shape):
    """`batchocr run --json` and `batchocr retry --json`: what the run came to."""

    schema_: Literal[1] = Field(alias="schema")
    run_id: str
    state: RunState
    exit_code: _Code
    output: str
    engine: str
    devices: list[str]
    documents: dict[DocumentState, Count] = Field(description="state to number of documents")
    pages: dict[Literal["done", "failed", "skipped", "pending"], Count] = Field(
        description="state to number of pages, of all documents of this run; skipped: finished before this run"
    )
    pages_done: Count = Field(description="read in this run")
    pages_failed: Count = Field(description="of all documents of this run")
    whole_documents_failed: Count = Field(description="documents that failed before any page of them counted")
    failures_by_kind: FailuresByKind
    elapsed_s: Seconds
    recycled: Count = Field(description="workers that were replaced because they had grown too large")
    failures: list[DocumentStatus] = Field(description="every document that is not whole")
    workers: list[Worker]
    message: str = Field(description="why it stopped early, or empty")
    state_dir: str | None = Field(description="where the ledger is; null if in the output folder")
    report: str | None = Field(
        description="path of report.html, of the run before if there was nothing to do; null if there is none"
    )


class IngestFailure(_Shape):
    """A document that an ingest could not read whole."""

    path: str = Field(description="of its file, as it was found")
    reasons: list[str]
    attempts: Count = Field(description="runs in which it failed so far")
    given_up: bool = Field(description="it is not tried again, unless it changes")
    moved_to: str | None = Field(description="where the file is now; null if it is where it was")


class Ingest(_Shape):
    """`batchocr ingest --json`, a line of `batchocr watch --json`, and what the command `notify` gets."""

    schema_: Literal[1] = Field(alias="schema")
    line: str = Field(description="all of it in one line, for the subject of a mail")
    job: str
    exit_code: _Code
    documents: Count = Field(description="read whole in this run, or found to be so")
    pages: Count = Field(description="read in this run")
    moved: Count
    deleted: Count
    failures: list[IngestFailure]
    changed: list[str] = Field(description="files that have changed while they were read; they are read next time")
    waiting: list[str] = Field(description="files that are still being written, or whose turn comes next time")
    vanished: list[str] = Field(description="files of earlier runs that somebody has deleted; their results stay")
    stuck: dict[str, str] = Field(description="file to why it could not be moved or deleted")
    mended: str | None = Field(description="a file whose move an earlier ingest could not finish")
    run_id: str | None = Field(description="of the run; null if there was nothing to read")
    message: str = Field(description="why the run stopped early, or empty")
    elapsed_s: Seconds


# Name of a schema to its model.
SCHEMAS: dict[str, type[_Shape]] = {
    "page": Page, "document": Document, "manifest": Manifest, "status": Status, "summary": Summary,
    "ingest": Ingest,
}  # fmt: skip


def json_schema(name: str) -> dict[str, Any]:
    """Gives one of `SCHEMAS` as JSON Schema, draft 2020-12.

    Raises:
        KeyError: there is none of that name.
    """
    return {
        "$schema": _Plain.schema_dialect,
        "$id": f"urn:batchocr:schema:{name}:1",
        **SCHEMAS[name].model_json_schema(schema_generator=_Plain),
    }


class _Plain(GenerateJsonSchema):
    """Leaves out titles, which only repeat names, and defaults, which only say that a key may be missing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Says that no field has a title."""
        return False

    def default_schema(self, schema: Any) -> dict[str, Any]:
        """Gives the schema of the field alone."""
        return self.generate_inner(schema["schema"])
