"""What a finished document looks like: pictures of its pages, with boxes and without, and the Markdown of each.

Pages are drawn in a limited child, as in a run: neither a document nor a folder that somebody else made is trusted.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchocr.datatypes import DocumentRef
from batchocr.errors import InputError
from batchocr.ledger.connection import FILE_NAME
from batchocr.ledger.queries import reading
from batchocr.outputs.manifest import read_manifest
from batchocr.report.details import Paged
from batchocr.report.markdown_html import split_pages
from batchocr.report.pictures import Picture, Pictures
from batchocr.report.sources import LayoutPdf, input_picture

__all__ = ["DocumentPreview", "PagePreview", "Picture", "preview_document"]

WIDTH_PX = 660
# Of one page.
MAX_MARKDOWN_CHARS = 200_000
MAX_IMAGE_BYTES = 4 << 20
_IMAGE_LINK = re.compile(r"(!\[[^\]\n]*\]\()(images/[^)\s]+)(\))")


@dataclass(frozen=True)
class PagePreview:
    """One page.

    Attributes:
        page_no: counts from 1.
        page: picture of the page, or in words why there is none.
        layout: picture of its visualization, or in words why there is none.
        markdown: what was read, its images as data URLs; "" if there is none.
    """

    page_no: int
    page: Picture | str
    layout: Picture | str
    markdown: str


@dataclass(frozen=True)
class DocumentPreview:
    """A document: its name, how many of its pages are in its folder, and previews of some."""

    source: str
    page_count: int
    pages: tuple[PagePreview, ...]


def preview_document(folder: Path, page_nos: Collection[int] | None = None, first: int = 3) -> DocumentPreview:
    """Gives previews of a document. Blocks while its pages are drawn.

    Args:
        folder: the document's folder in the output folder.
        page_nos: pages to show, the first ones unless given.
        first: how many those are.

    Raises:
        InputError: there is no such document.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(
            f"{folder} is no document's folder: it has no manifest.json of batchocr. Look for one below it."
        )
    known = [page_no for start, end in manifest["pages"] for page_no in range(start, end + 1)]
    wanted = known[:first] if page_nos is None else [page_no for page_no in known if page_no in page_nos]
    output = folder.absolute().parents[len(Path(manifest["folder"]).parts) - 1]
    original, layout = _original(output, manifest["folder"]), LayoutPdf(folder, manifest)
    with ExitStack() as opened:
        texts = Paged(_markdown(folder, manifest, opened))
        pictures = opened.enter_context(Pictures(2 * len(wanted)))
        before = texts.take(0)  # a text without markers is that of the first page
        pages = []
        for page_no in wanted:
            text, _ = texts.take(page_no) or before or ("", False)
            before = None
            drawn = (
                original if isinstance(original, str) else input_picture(pictures, output, original, page_no, WIDTH_PX)
            )
            boxed = layout.picture(pictures, page_no, WIDTH_PX)
            pages.append(PagePreview(page_no, drawn, boxed, _with_images(text.strip(), folder)))
    return DocumentPreview(str(manifest["source"]), len(known), tuple(pages))


def _original(output: Path, folder: str) -> DocumentRef | str:
    """Gives the input that a folder was made of, as the ledger knows it, or in words why it cannot be found."""
    ledger = output / ".batchocr" / FILE_NAME
    if not ledger.is_file():
        return "the ledger that knows where the document is, is not in the output folder"
    with reading(ledger) as queries:
        last = queries.last_run()
        found = dict(queries.document_files(last.run_id)).get(folder) if last else None
    return found or "the last run did not meet this document"


def _markdown(folder: Path, manifest: Mapping[str, Any], opened: ExitStack) -> Iterator[tuple[int, tuple[str, bool]]]:
    name = f"{Path(manifest['folder']).name}.md"
    if name not in manifest["files"] or not (folder / name).is_file():
        return iter(())
    file = opened.enter_context((folder / name).open(encoding="utf-8", errors="replace"))
    return split_pages(file, MAX_MARKDOWN_CHARS)


def _with_images(markdown: str, folder: Path) -> str:
    """Gives Markdown with the images of the folder in it, since a notebook does not serve the folder."""
    return _IMAGE_LINK.sub(lambda found: _inlined(found, folder), markdown)


def _inlined(found: re.Match[str], folder: Path) -> str:
    path = folder / found[2]
    inside = path.is_file() and path.resolve().parent == (folder / "images").resolve()
    if not inside or path.stat().st_size > MAX_IMAGE_BYTES:
        return found[0]
    kind = "png" if path.suffix == ".png" else "jpeg"
    return f"{found[1]}data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}{found[3]}"
