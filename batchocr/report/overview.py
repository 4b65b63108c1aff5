"""What the overview shows of failures and documents, in words."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchocr.datatypes import DocumentRef, DocumentReport, DocumentState, FailureCount
from batchocr.datatypes.remedies import REMEDIES, Remedy, retry_command
from batchocr.logs import printable
from batchocr.outputs.paths import link
from batchocr.report.details import DetailSource
from batchocr.report.facts import Facts
from batchocr.report.pictures import THUMBNAIL_PX, Picture

# Failures with a picture.
MAX_THUMBNAILS = 40


@dataclass(frozen=True)
class Told:
    """What is known once the pages of documents are written.

    Attributes:
        addresses: document's number to where its pages are, as seen from the report.
        pages_shown: pages of documents that are shown.
        documents_left_out: documents whose pages are not shown.
        pictures, pictures_left_out: pages with a picture, and those that have none for want of room or time.
    """

    addresses: Mapping[int, str]
    pages_shown: int
    documents_left_out: int
    pictures: int
    pictures_left_out: int


@dataclass(frozen=True)
class FailureRow:
    """One failure: its document, pages in words ("" for the whole document), reason and picture."""

    number: int
    source: str
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
    facts: Facts, output: Path, source: DetailSource, inputs: Mapping[int, DocumentRef | None]
) -> list[FailureGroup]:
    """Gives the failures by kind, the most frequent first; the first `MAX_THUMBNAILS` have a picture.

    Args:
        facts: of the run.
        output: the output folder, for commands.
        source: draws pages.
        inputs: documents by number.
    """
    rows: dict[str, list[FailureRow]] = {kind.value: [] for kind in facts.counts.failures}
    for index, (number, report, failed) in enumerate(facts.failures):
        picture: Picture | str = ""
        if index < MAX_THUMBNAILS and failed.first_page is not None:
            picture = source.picture(inputs.get(number), failed.first_page, THUMBNAIL_PX)
        rows[failed.kind.value].append(
            FailureRow(
                number, printable(report.source), failed.where, printable(failed.message),
                picture if isinstance(picture, Picture) else None, picture if isinstance(picture, str) else "",
            )
        )  # fmt: skip
    return [
        FailureGroup(kind.value, count, REMEDIES[kind], retry_command(kind, os.fspath(output)), tuple(rows[kind.value]))
        for kind, count in facts.counts.failures_by_kind.items()
    ]


def _folder_address(report: DocumentReport) -> str:
    """Gives where the results of a document are whose pages are not shown, "" if there are none."""
    written = report.state in {DocumentState.DONE, DocumentState.PARTIAL, DocumentState.SKIPPED}
    return f"./{link(report.folder)}/" if written else ""


def listing(facts: Facts, told: Told) -> list[list[Any]]:
    """Gives the documents for the list, as rows: source, state, pages, pages done, failed pages, address."""
    return [
        [
            printable(report.source), report.state.value, report.pages, report.pages_done,
            sum(failed.page_count for failed in report.failures),
            told.addresses.get(number) or _folder_address(report),
        ]
        for number, report in facts.listed
    ]  # fmt: skip
