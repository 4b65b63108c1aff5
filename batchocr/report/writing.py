"""Writes `report.html` and, for large runs, the folder of document pages beside it; replaced as a whole each time."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from pathlib import Path

from batchocr.datatypes import DocumentRef, DocumentReport
from batchocr.errors import StorageError
from batchocr.ledger.queries import reading
from batchocr.outputs.paths import REPORT_FILE, REPORT_FOLDER
from batchocr.report.details import DetailSource, DocumentView
from batchocr.report.facts import Facts, Place, collect
from batchocr.report.overview import MAX_THUMBNAILS, Told, failure_groups, is_written
from batchocr.report.pages import GENERATOR, document_page, overview_page
from batchocr.report.pictures import Pictures

# A run of more pages has its document pages in files of their own.
MAX_PAGES_INSIDE = 1_000
FILE_PAGES = 200
MAX_PAGES_SHOWN = 20_000
# Of Markdown, for all pages in one file.
MAX_TEXT_CHARS = 5_000_000
LEAST_PAGE_CHARS, MOST_PAGE_CHARS = 4_000, 100_000


def write_report(
    output: Path,
    state_dir: Path,
    detail_s: float | None = None,
    *,
    keep_if_idle: bool = False,
    is_cut_off: bool = False,
) -> Path:
    """Writes the report of the last run of an output folder and gives the path of `report.html`.

    Args:
        output: the output folder.
        state_dir: folder of its ledger.
        detail_s: seconds for pages of documents and their pictures; what does not fit is left out, and the report says
            so. None for no limit.
        keep_if_idle: a run that had nothing to do leaves the report before it, if there is one.
        is_cut_off: nobody is at work, even if the run has not ended: it was killed.

    Raises:
        StorageError: no run has written there yet, the ledger cannot be read, or the report cannot be written.
    """
    place = Place(output, state_dir)
    facts = collect(place, is_cut_off=is_cut_off)
    path = output / REPORT_FILE
    if keep_if_idle and path.exists() and facts.is_idle:
        return path
    try:
        _require_ours(path)
        deadline = None if detail_s is None else time.monotonic() + detail_s
        with Pictures(facts.pages, deadline) as pictures:
            _Writing(place, facts, pictures, deadline).write(path)
    except OSError as err:
        raise StorageError(f"The report {path} cannot be written ({err.strerror or err}).") from err
    return path


def _require_ours(path: Path) -> None:
    """Refuses to replace a file that is no report of ours.

    Raises:
        StorageError: it is somebody else's.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(2_000)
    if GENERATOR.encode() not in head:
        raise StorageError(f"{path} is no report of batchocr: move it away, then type batchocr report again.")


def _file_name(number: int) -> str:
    return f"{number:04d}.html"


@dataclass
class _Writing:
    """One report on its way to the disk."""

    place: Place
    facts: Facts
    pictures: Pictures
    deadline: float | None
    pages_shown: int = 0
    documents_left_out: int = 0
    parts_seen: int = 0
    parts_noted: int = 0

    def __post_init__(self) -> None:
        self.addresses: dict[int, list[tuple[int, str]]] = {}

    def write(self, path: Path) -> None:
        """Writes everything; `report.html` comes last, once all that it links to is in place."""
        inside = self.facts.pages <= MAX_PAGES_INSIDE
        groups = failure_groups(self.facts, self.place, self.pictures, self._inputs())
        folder = self.place.output / ".batchocr" / "report.new"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            if not inside:
                self._write_files(folder / REPORT_FOLDER)
            views = self._noted(self._views("."), "") if inside else None
            new = folder / REPORT_FILE
            with new.open("w", encoding="utf-8") as file:
                file.writelines(overview_page(self.facts, groups, views, self._told))
            self._put(folder / REPORT_FOLDER, path.with_name(REPORT_FOLDER))
            new.replace(path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _put(self, new: Path, target: Path) -> None:
        """Puts the folder of document pages in the place of the one before; there may be none of either."""
        if target.exists():
            if any(not re.fullmatch(r"\d{4,}\.html", entry.name) for entry in target.iterdir()):
                raise StorageError(f"{target} holds files that are not the report's: move them away.")
            shutil.rmtree(target)
        if new.exists() and any(new.iterdir()):
            new.rename(target)

    def _write_files(self, folder: Path) -> None:
        """Writes the pages of documents in files of about `FILE_PAGES` pages."""
        folder.mkdir()
        files = groupby(self._views(".."), key=lambda view: (self.pages_shown - 1) // FILE_PAGES)
        for number, (_, views) in enumerate(files, start=1):
            before = _file_name(number - 1) if number > 1 else ""
            noted = self._noted(views, f"{REPORT_FOLDER}/{_file_name(number)}")
            with (folder / _file_name(number)).open("w", encoding="utf-8") as file:
                following = partial(self._next_file, number)
                file.writelines(document_page(self.facts, noted, before, following))

    def _next_file(self, number: int) -> str:
        """Gives the name of the file after one that is full, "" after the last."""
        # A file is known to be full when the first document of the next one has been looked at.
        return _file_name(number + 1) if self.parts_seen > self.parts_noted else ""

    def _noted(self, views: Iterator[DocumentView], name: str) -> Iterator[DocumentView]:
        """Passes documents on and notes where they are."""
        for view in views:
            self.parts_noted += 1
            self.addresses.setdefault(view.number, []).append((view.first_page, f"{name}#{view.anchor}"))
            yield view

    def _source(self, above: str, pages: int) -> DetailSource:
        share = MAX_TEXT_CHARS // max(1, min(pages, MAX_PAGES_INSIDE))
        max_chars = min(MOST_PAGE_CHARS, max(LEAST_PAGE_CHARS, share))
        return DetailSource(self.place.output, above, self.pictures, max_chars, FILE_PAGES)

    def _inputs(self) -> dict[int, DocumentRef | None]:
        """Gives the inputs of the documents that failures are shown of, by number."""
        wanted = {number for number, _, _ in self.facts.failures[:MAX_THUMBNAILS]}
        known = islice(self._documents(), max(wanted, default=0))
        return {number: file for number, _, file in known if number in wanted}

    def _documents(self) -> Iterator[tuple[int, DocumentReport, DocumentRef | None]]:
        with reading(self.place.ledger) as queries:
            run_id = self.facts.run.run_id
            files = queries.document_files(run_id)
            is_going = self.facts.run.is_going
            for number, report in enumerate(queries.documents(run_id, is_going=is_going), start=1):
                yield number, report, next(files)[1]

    def _views(self, above: str) -> Iterator[DocumentView]:
        source = self._source(above, self.facts.pages)
        for number, report, input_file in self._documents():
            if self._is_time_up() or self.pages_shown >= MAX_PAGES_SHOWN:
                # Of one that is not read yet there would be nothing to show.
                self.documents_left_out += is_written(report)
                continue
            for view in source.document(number, report, input_file):
                self.pages_shown += view.pages_here
                self.parts_seen += 1
                yield view
                if self._is_time_up():
                    break

    def _is_time_up(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def _told(self) -> Told:
        """Gives what is known only once all pages are written."""
        return Told(self.addresses, self.pages_shown, self.documents_left_out, self.pictures.left_out)
