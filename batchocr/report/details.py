"""The pages of a document as the report shows them: picture, boxes, rendered Markdown, reasons. One page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

from markupsafe import Markup

from batchocr.datatypes import DocumentRef, DocumentReport
from batchocr.datatypes.remedies import REMEDIES
from batchocr.logs import printable
from batchocr.outputs.manifest import read_manifest
from batchocr.outputs.paths import link
from batchocr.report.boxes import PageBoxes, read_boxes
from batchocr.report.markdown_html import MarkdownHtml, split_pages
from batchocr.report.pictures import Picture, Pictures
from batchocr.report.sources import LayoutPdf, input_picture

_T = TypeVar("_T")

FILE_LABELS = {
    "md": "Markdown", "json": "JSON", "xlsx": "tables (xlsx)", "docx": "Word", "pdf": "PDF", "manifest": "manifest",
}  # fmt: skip


@dataclass(frozen=True)
class PageView:
    """One page.

    Attributes:
        page_no: counts from 1.
        picture: of the page, or None.
        note: why there is none, or where it is from.
        boxes: drawing of its blocks, if its JSON was written.
        text: its Markdown as HTML, None if none was written.
        cut: the text goes on in the file.
        failure: why it failed, or "".
        warnings: what the engine says of it.
    """

    page_no: int
    picture: Picture | None = None
    note: str = ""
    boxes: Markup | None = None
    text: Markup | None = None
    cut: bool = False
    failure: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DocumentView:
    """One document, or a part of a long one.

    Attributes:
        number: its place among the documents of the run, from 1.
        part: from 1.
        parts: how many there are.
        source: its name, printable.
        state: as the ledger has it.
        page_count: of the whole document.
        first_page: of this part.
        pages_here: of this part.
        links: label and address of its files.
        pages: its pages, in order; may be read once.
    """

    number: int
    part: int
    parts: int
    source: str
    state: str
    page_count: int
    first_page: int
    pages_here: int
    links: tuple[tuple[str, str], ...]
    pages: Iterable[PageView]

    @property
    def anchor(self) -> str:
        """The name of its section."""
        return f"d{self.number}" if self.part == 1 else f"d{self.number}-{self.part}"


@dataclass(frozen=True)
class DetailSource:
    """Where details come from.

    Attributes:
        output: the output folder.
        above: from the HTML file up to the output folder, "." or "..".
        pictures: draws pages.
        max_chars: of Markdown on a page; what is beyond is in the file.
        part_pages: a longer document is shown in parts of so many pages.
    """

    output: Path
    above: str
    pictures: Pictures
    max_chars: int
    part_pages: int

    def document(self, number: int, report: DocumentReport, input_file: DocumentRef | None) -> Iterator[DocumentView]:
        """Gives a document in parts, none if it has no folder. Take the pages of a part before the next part."""
        manifest = read_manifest(self.output / report.folder)
        if manifest is None:
            return
        page_nos = [page_no for first, last in manifest["pages"] for page_no in range(first, last + 1)]
        parts = max(1, -(-len(page_nos) // self.part_pages))
        address = f"{self.above}/{link(report.folder)}"
        with ExitStack() as files:
            pages = self._pages(page_nos, report, manifest, address, input_file, files)
            for part in range(1, parts + 1):
                here = page_nos[(part - 1) * self.part_pages : part * self.part_pages]
                yield DocumentView(
                    number, part, parts, printable(report.source), report.state.value, report.pages or 0,
                    here[0] if here else 1, len(here), tuple(_links(manifest, address)),
                    islice(pages, self.part_pages),
                )  # fmt: skip

    def _pages(
        self, page_nos: list[int], report: DocumentReport, manifest: Mapping[str, Any], address: str,
        input_file: DocumentRef | None, files: ExitStack,
    ) -> Iterator[PageView]:  # fmt: skip
        folder, stem = self.output / report.folder, Path(report.folder).name
        renderer = MarkdownHtml(address, frozenset(link(name) for name in manifest["files"]))
        texts = Paged[tuple[str, bool]](iter(()))
        boxes = Paged[PageBoxes](iter(()))
        if f"{stem}.md" in manifest["files"]:
            texts = Paged(split_pages(_opened(folder / f"{stem}.md", files), self.max_chars))
        if f"{stem}.json" in manifest["files"]:
            boxes = Paged(read_boxes(_opened(folder / f"{stem}.json", files)))
        layout = LayoutPdf(folder, manifest)
        before = texts.take(0)
        for page_no in page_nos:
            text, cut = texts.take(page_no) or before or ("", False)
            before = None
            found = boxes.take(page_no)
            picture, note = self._picture(input_file, layout, page_no)
            yield PageView(
                page_no=page_no,
                picture=picture,
                note=note,
                boxes=found.svg if found and not (picture and note) else None,
                text=renderer.render(text) if text.strip() else None,
                cut=cut,
                failure=reason_of(report, page_no),
                warnings=tuple(map(printable, found.warnings)) if found else (),
            )

    def _picture(self, input_file: DocumentRef | None, layout: LayoutPdf, page_no: int) -> tuple[Picture | None, str]:
        """Gives the picture of a page, with a note why there is none or where it is from."""
        drawn = input_picture(self.pictures, self.output, input_file, page_no)
        if isinstance(drawn, Picture):
            return drawn, ""
        instead = layout.picture(self.pictures, page_no)
        if isinstance(instead, Picture):
            return instead, f"from the layout PDF: {drawn}"
        return None, f"no picture: {drawn}"


class Paged(Generic[_T]):
    """Ascending page numbers with something of each, to be taken in step with another list of pages."""

    def __init__(self, entries: Iterator[tuple[int, _T]]) -> None:
        self._entries = entries
        self._next = next(entries, None)

    def take(self, page_no: int) -> _T | None:
        """Gives what there is of a page, None if nothing; what is of earlier pages is passed over."""
        while self._next is not None and self._next[0] < page_no:
            self._next = next(self._entries, None)
        if self._next is None or self._next[0] != page_no:
            return None
        found = self._next[1]
        self._next = next(self._entries, None)
        return found


def reason_of(report: DocumentReport, page_no: int) -> str:
    """Gives why a page failed, "" if it did not."""
    for failed in report.failures:
        if failed.first_page is not None and failed.first_page <= page_no <= (failed.last_page or 0):
            return f"{REMEDIES[failed.kind].title} ({failed.kind.value}): {printable(failed.message)}"
    return ""


def _opened(path: Path, files: ExitStack) -> IO[str]:
    return files.enter_context(path.open(encoding="utf-8", errors="replace"))


def _links(manifest: Mapping[str, Any], address: str) -> Iterator[tuple[str, str]]:
    """Gives label and address of the files that a person opens."""
    for name in sorted(manifest["files"]):
        kind = name.rpartition(".")[2]
        if "/" not in name and kind in FILE_LABELS:
            view = name.rpartition(".")[0].rpartition("_")[2]
            yield f"{view} PDF" if kind == "pdf" else FILE_LABELS[kind], f"{address}/{link(name)}"
    yield FILE_LABELS["manifest"], f"{address}/manifest.json"
