"""What the overview shows of failures and documents, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batchocr.datatypes import DocumentRef, DocumentReport, DocumentState, FailureCount
from batchocr.datatypes.remedies import REMEDIES, Remedy
from batchocr.logs import printable
from batchocr.outputs.paths import link
from batchocr.report.facts import Facts, Place
from batchocr.report.pictures import THUMBNAIL_PX, Picture, Pictures
from batchocr.report.sources import input_picture

# Failures with a picture.
MAX_THUMBNAILS = 40


@dataclass(frozen=True)
class Told:
    """What is known once the pages of documents are written.

    Attributes:
        addresses: document's number to where its pages are, as seen from the report: the first page of each part, and
            the part's address.
        pages_shown: pages of documents that are shown.
        documents_left_out: documents whose pages are not shown.
        pictures_left_out: pages that have no picture for want of room or time.
    """

    addresses: Mapping[int, Sequence[tuple[int, str]]]
    pages_shown: int
    documents_left_out: int
    pictures_left_out: int


@dataclass(frozen=True)
class FailureRow:
    """One failure: its document, first page (None for a whole document), pages in words, reason and picture."""

    number: int
    source: str
    page_no: int | None
    pages: str
    message: str
    picture: Picture | None
    note: str


@dataclass(frozen=True)
class FailureGroup:
    """All failures of one kind: how much failed in all, what to do, the command, and the rows."""

    kind: str
    count: FailureCount
    remedy: Remedy
    command: str
    rows: tuple[FailureRow, ...]


def failure_groups(
    facts: Facts, place: Place, pictures: Pictures, inputs: Mapping[int, DocumentRef | None]
) -> list[FailureGroup]:
    """Gives the failures by kind, the most frequent first; the first `MAX_THUMBNAILS` have a picture.

    Args:
        facts: of the run.
        place: where it wrote.
        pictures: draws pages.
        inputs: documents by number.
    """
    rows: dict[str, list[FailureRow]] = {kind.value: [] for kind in facts.counts.failures}
    for index, (number, report, failed) in enumerate(facts.failures):
        picture: Picture | str = ""
        if index < MAX_THUMBNAILS and failed.first_page is not None:
            picture = input_picture(pictures, place.output, inputs.get(number), failed.first_page, THUMBNAIL_PX)
        rows[failed.kind.value].append(
            FailureRow(
                number, printable(report.source), failed.first_page, failed.where, printable(failed.message),
                picture if isinstance(picture, Picture) else None, picture if isinstance(picture, str) else "",
            )
        )  # fmt: skip
    return [
        FailureGroup(kind.value, count, REMEDIES[kind], place.retry_command(kind), tuple(rows[kind.value]))
        for kind, count in facts.counts.failures_by_kind.items()
    ]


def is_written(report: DocumentReport) -> bool:
    """Tells whether a document has a folder of results."""
    return report.state in {DocumentState.DONE, DocumentState.PARTIAL, DocumentState.SKIPPED}


def _folder_address(report: DocumentReport) -> str:
    """Gives where the results of a document are whose pages are not shown, "" if there are none."""
    return f"./{link(report.folder)}/" if is_written(report) else ""


def listing(facts: Facts, told: Told) -> list[list[Any]]:
    """Gives the documents for the list, as rows: source, state, pages, pages done, failed pages, address, parts.

    Parts are those of a long document, each with its first page and its address, else empty.
    """
    return [
        [
            printable(report.source), report.state.value, report.pages, report.pages_done,
            sum(failed.page_count for failed in report.failures),
            parts[0][1] if parts else _folder_address(report), parts[1:],
        ]
        for number, report in facts.listed
        for parts in [told.addresses.get(number, ())]
    ]  # fmt: skip
