"""Frozen values that cross rooms.

Plain data only: no behaviour beyond a derived property or how a notebook shows it, no I/O, no third-party import at run
time.
Coordinates are pixels of the page image with the origin at the top left, `(x0, y0, x1, y1)`; page numbers count from 1.
"""

from typing import TYPE_CHECKING

from batchocr.datatypes.documents import (
    DocumentRef,
    FileIdentity,
    FoundFolder,
    InputRoot,
    KnownFile,
    Limits,
    PageRanges,
    Probe,
    RefusedFile,
    SourceFile,
)
from batchocr.datatypes.failures import FailedPages, FailureCount, counted
from batchocr.datatypes.pages import BBox, Block, PageFailure, PageImage, PageOutcome, PageResult, TextLayer, TextWord
from batchocr.datatypes.reports import DocumentReport, RunProgress, RunSummary, WorkerView
from batchocr.datatypes.states import AttemptState, DocumentFormat, DocumentState, PageState, RunState, in_order
from batchocr.datatypes.times import PageTimes, WorkerUse
from batchocr.datatypes.work import Assembly, EngineInfo, Task

if TYPE_CHECKING:
    from batchocr.datatypes.pages import Pixels as Pixels

__all__ = [
    "Assembly",
    "AttemptState",
    "BBox",
    "Block",
    "DocumentFormat",
    "DocumentRef",
    "DocumentReport",
    "DocumentState",
    "EngineInfo",
    "FailedPages",
    "FailureCount",
    "FileIdentity",
    "FoundFolder",
    "InputRoot",
    "KnownFile",
    "Limits",
    "PageFailure",
    "PageImage",
    "PageOutcome",
    "PageRanges",
    "PageResult",
    "PageState",
    "PageTimes",
    "Probe",
    "RefusedFile",
    "RunProgress",
    "RunState",
    "RunSummary",
    "SourceFile",
    "Task",
    "TextLayer",
    "TextWord",
    "WorkerUse",
    "WorkerView",
    "counted",
    "in_order",
]
