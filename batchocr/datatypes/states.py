"""The states of pages, documents, attempts and runs, and the formats of documents."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


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


TOLD_ORDER = (
    DocumentState.DONE, DocumentState.PARTIAL, DocumentState.FAILED, DocumentState.SKIPPED, DocumentState.RUNNING,
    DocumentState.PENDING,
)  # fmt: skip


def in_order(counts: Mapping[str, int]) -> dict[str, int]:
    """Gives counts by state in the order in which people are always told them, those that are not zero."""
    return {state.value: counts[state.value] for state in TOLD_ORDER if counts.get(state.value)}
