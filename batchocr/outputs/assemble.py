"""Joins the page records of one document into its folder and commits it. Runs in the finisher.

One page is in memory at a time (with `docx` or joined tables more, see there); the order of the segments and of the
pages in them makes no difference to the files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from batchocr.datatypes import Assembly, FailedPages, PageRanges, PageState
from batchocr.errors import DocumentError, FailureKind
from batchocr.outputs.commit import FolderCommit, file_sha256, storage_errors
from batchocr.outputs.json_document import JsonWriter
from batchocr.outputs.manifest import build_manifest, write_manifest
from batchocr.outputs.markdown import MarkdownWriter
from batchocr.outputs.paddlex_json import RAW_KEY, PaddlexJsonWriter
from batchocr.outputs.spool import StoredPage, read_page, read_segment
from batchocr.outputs.whole_document import WholeDocument


@dataclass(frozen=True)
class AssemblyReport:
    """What was committed.

    Attributes:
        pages_done: pages with content.
        pages_blank: pages without.
        warnings: how many warnings there are, counted per page.
        files: how many files the folder holds, its manifest included.
        commit_id: of the folder that stands there now.
    """

    pages_done: PageRanges
    pages_blank: PageRanges
    warnings: int
    files: int
    commit_id: str


class PageWriter(Protocol):
    """One output format: is given every page that has a result, in page order."""

    def add_page(self, page: StoredPage) -> None:
        """Writes what the format has to say of this page."""


class ClosingWriter(PageWriter, Protocol):
    """An output format that writes something after the last page."""

    def close(self) -> None:
        """Writes what is left to write."""


class GapWriter(Protocol):
    """An output format that shows where pages failed."""

    def add_gap(self, failed: FailedPages) -> None:
        """Writes what stands in for pages that failed."""


@dataclass
class _Tally:
    """What the manifest tells of the pages."""

    done: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    warnings: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add_page(self, page: StoredPage) -> None:
        (self.blank if page.meta["state"] == PageState.BLANK.value else self.done).append(page.page_no)
        for warning in page.meta["warnings"]:
            self.warn(warning, page.page_no)

    def warn(self, message: str, page_no: int) -> None:
        self.warnings[message].append(page_no)


class _ImageWriter:
    """Copies the pages' crops into the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add_page(self, page: StoredPage) -> None:
        for name in page.meta["images"].values():
            path = self._folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(page.blob(name))


def assemble(order: Assembly) -> AssemblyReport:
    """Writes and commits the folder of one document. Blocks; may be called again for the same document.

    Raises:
        DocumentError: `internal`: pages that should be in the segments are not there; `output_blocked`: the folder
            holds what we did not write.
        StorageError: segments cannot be read or the output cannot be written.
    """
    places = _find_pages(order)
    folder = FolderCommit(Path(order.output), Path(order.state_dir), order.folder, order.commit_id)
    tally = _Tally()
    try:
        with storage_errors(folder.staging):
            _write_pages(order, places, folder.staging, tally)
            files = {name: file_sha256(folder.staging / name) for name in sorted(_file_names(folder.staging))}
            done, blank = PageRanges.of(tally.done), PageRanges.of(tally.blank)
            manifest = build_manifest(order, done=done, blank=blank, warnings=tally.warnings, files=files)
            write_manifest(folder.staging, manifest)
        folder.commit(force=order.force)
    finally:
        folder.abandon()
    warnings = sum(len(page_nos) for page_nos in tally.warnings.values())
    return AssemblyReport(done, blank, warnings, len(files) + 1, order.commit_id)


def _find_pages(order: Assembly) -> dict[int, tuple[Path, int]]:
    """Gives where the record of each page stands, ascending; the last whole record of a page wins."""
    failed = {page_no for entry in order.failed for page_no in _page_nos(entry, order)}
    wanted = sorted(set(order.page_nos) - failed)
    found: dict[int, tuple[Path, int]] = {}
    for path in map(Path, order.segments):
        if not path.exists():
            continue
        segment = read_segment(path)
        if (segment.header.get("sha256"), segment.header.get("fingerprint")) == (order.sha256, order.fingerprint):
            found.update((page_no, (path, offset)) for page_no, offset in segment.places)
    missing = PageRanges.of(page_no for page_no in wanted if page_no not in found)
    if missing.ranges:
        raise DocumentError(
            f"{order.source}: no result was kept for page(s) {missing}; run the same command again to redo them",
            FailureKind.INTERNAL,
        )
    return {page_no: found[page_no] for page_no in wanted}


def _page_nos(failed: FailedPages, order: Assembly) -> Iterable[int]:
    if failed.first_page is None or failed.last_page is None:
        return order.page_nos
    return range(failed.first_page, failed.last_page + 1)


@dataclass
class _Writers:
    """Every writer that was asked for, by what it wants to be told."""

    pages: list[PageWriter] = field(default_factory=list)
    gaps: list[GapWriter] = field(default_factory=list)
    closing: list[ClosingWriter] = field(default_factory=list)

    def add_closing(self, writer: ClosingWriter) -> None:
        self.pages.append(writer)
        self.closing.append(writer)


def _write_pages(order: Assembly, places: Mapping[int, tuple[Path, int]], folder: Path, tally: _Tally) -> None:
    """Gives every page to every writer that was asked for, in page order."""
    document = WholeDocument(
        places,
        join_tables=order.join_tables,
        relevel_titles=order.relevel_titles,
    )
    with ExitStack() as files:
        writers = _open_writers(order, folder, tally, files)
        for event in _in_page_order(order, places):
            if isinstance(event, FailedPages):
                for gap_writer in writers.gaps:
                    gap_writer.add_gap(event)
                continue
            page = document.seen_whole(event)
            for writer in writers.pages:
                writer.add_page(page)
        for closing in writers.closing:
            closing.close()


def _open_writers(order: Assembly, folder: Path, tally: _Tally, files: ExitStack) -> _Writers:
    """Gives the writers of an order's formats; those that few ask for, or that load much, are imported here."""
    writers = _Writers([tally])
    if "md" in order.formats:
        markdown = MarkdownWriter(
            files.enter_context(_text_file(order, folder, ".md")), page_markers=order.page_markers
        )
        writers.pages.append(markdown)
        writers.gaps.append(markdown)
    if "json" in order.formats:
        elsewhere = frozenset({RAW_KEY} if "paddlex-json" in order.formats else ())
        file = files.enter_context(_text_file(order, folder, ".json"))
        writers.add_closing(JsonWriter(file, order, with_images=_with_images(order), left_out=elsewhere))
    if "paddlex-json" in order.formats:
        writers.pages.append(PaddlexJsonWriter(folder, order, tally.warn))
    if "xlsx" in order.formats:
        from batchocr.outputs.xlsx import XlsxWriter

        writers.add_closing(XlsxWriter(folder / f"{_stem(order)}.xlsx", tally.warn))
    if "pdf" in order.formats:
        from batchocr.outputs.visualization import VisualizationWriter

        writers.add_closing(VisualizationWriter(folder, _stem(order), order.visualization_dpi, files))
    if "docx" in order.formats:
        from batchocr.outputs.word import WordWriter

        word = WordWriter(folder / f"{_stem(order)}.docx", tally.warn)
        writers.add_closing(word)
        writers.gaps.append(word)
    if _with_images(order):
        writers.pages.append(_ImageWriter(folder))
    return writers


def _stem(order: Assembly) -> str:
    return PurePosixPath(order.folder).name


def _with_images(order: Assembly) -> bool:
    return "md" in order.formats or "images" in order.formats


def _text_file(order: Assembly, folder: Path, suffix: str) -> IO[str]:
    """Opens a text file of the document; a lone surrogate becomes its JSON escape."""
    return (folder / (_stem(order) + suffix)).open("w", encoding="utf-8", errors="backslashreplace", newline="\n")


def _in_page_order(order: Assembly, places: Mapping[int, tuple[Path, int]]) -> Iterator[StoredPage | FailedPages]:
    """Gives the pages that have a result and, where others failed, each run of them once."""
    gaps = sorted(order.failed, key=lambda entry: entry.first_page or 0, reverse=True)
    for page_no, (path, offset) in places.items():
        while gaps and (gaps[-1].first_page or 0) < page_no:
            yield gaps.pop()
        yield read_page(path, offset)
    yield from reversed(gaps)


def _file_names(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
