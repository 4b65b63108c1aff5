"""What a finished document looks like: pictures of its pages, with boxes and without, and the Markdown of each.

Pages are drawn in a limited child, as in a run: neither a document nor a folder that somebody else made is trusted.
"""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from batchocr.datatypes import DocumentFormat, DocumentRef, FileIdentity, Limits
from batchocr.documents.client import DocumentChild
from batchocr.errors import DocumentError, InputError
from batchocr.ledger.connection import FILE_NAME
from batchocr.ledger.queries import reading
from batchocr.outputs.manifest import read_manifest

DPI = 80
MAX_MARKDOWN_CHARS = 200_000
MAX_IMAGE_BYTES = 4 << 20
LIMITS = Limits(max_page_pixels=3_000_000)
_MARKER = re.compile(r"^<!-- pages?: (\d+)(?:-(\d+))?(?: failed: \w+)? -->$", re.MULTILINE)
_IMAGE_LINK = re.compile(r"(!\[[^\]\n]*\]\()(images/[^)\s]+)(\))")


@dataclass(frozen=True)
class PagePreview:
    """One page.

    Attributes:
        page_no: counts from 1.
        page: JPEG of the page, or in words why there is none.
        layout: JPEG of its visualization, or in words why there is none.
        markdown: what was read, its images as data URLs; "" if there is none.
    """

    page_no: int
    page: bytes | str
    layout: bytes | str
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
    texts = _markdown_by_page(folder, manifest)
    original, layout = _original(folder, manifest), _layout(folder, manifest)
    shown = [page_no for start, end in (*manifest["done"], *manifest["blank"]) for page_no in range(start, end + 1)]
    places = {page_no: place for place, page_no in enumerate(sorted(shown), 1)}
    with closing(DocumentChild(LIMITS, "renderer of the preview")) as child:
        pages = tuple(
            PagePreview(
                page_no,
                _picture(child, original, page_no),
                _picture(child, layout, places.get(page_no)),
                texts.get(page_no, ""),
            )
            for page_no in wanted
        )
    return DocumentPreview(str(manifest["source"]), len(known), pages)


def _original(folder: Path, manifest: Mapping[str, Any]) -> DocumentRef | str:
    """Gives the input that a folder was made of, as the ledger knows it, or in words why it cannot be found."""
    output = folder.absolute().parents[len(Path(manifest["folder"]).parts) - 1]
    ledger = output / ".batchocr" / FILE_NAME
    if not ledger.is_file():
        return "the ledger that knows where the document is, is not in the output folder"
    with reading(ledger) as queries:
        last = queries.last_run()
        found = dict(queries.document_files(last.run_id)).get(manifest["folder"]) if last else None
    if found is None:
        return "the last run did not meet this document"
    return replace(found, path=os.path.abspath(os.path.join(output, found.path)))  # noqa: PTH100, PTH118 - surrogates


def _layout(folder: Path, manifest: Mapping[str, Any]) -> DocumentRef | str:
    """Gives the visualization PDF, or in words why there is none."""
    name = f"{Path(manifest['folder']).name}_layout.pdf"
    path = folder.absolute() / name
    if name not in manifest["files"] or not path.is_file():
        return "there is no visualization PDF; format pdf writes it"
    status = path.stat()
    identity = FileIdentity(status.st_size, status.st_mtime_ns, status.st_ino)
    return DocumentRef(str(path), name, manifest["files"][name], identity, DocumentFormat.PDF, manifest["page_count"])


def _picture(child: DocumentChild, document: DocumentRef | str, page_no: int | None) -> bytes | str:
    if isinstance(document, str):
        return document
    if page_no is None:
        return "the page has no result"
    try:
        page = child.render(document, page_no, DPI, want_text=False)
    except DocumentError as err:
        return str(err)
    file = io.BytesIO()
    Image.fromarray(page.pixels[:, :, ::-1]).save(file, "JPEG", quality=70)
    return file.getvalue()


def _markdown_by_page(folder: Path, manifest: Mapping[str, Any]) -> dict[int, str]:
    name = f"{Path(manifest['folder']).name}.md"
    if name not in manifest["files"] or not (folder / name).is_file():
        return {}
    with (folder / name).open(encoding="utf-8", errors="replace") as file:
        text = file.read(MAX_MARKDOWN_CHARS)
    return {page_no: _IMAGE_LINK.sub(lambda found: _inlined(found, folder), part) for page_no, part in _split(text)}


def _split(markdown: str) -> Iterator[tuple[int, str]]:
    """Gives number and text of each page; a text without markers is that of page 1."""
    markers = list(_MARKER.finditer(markdown))
    if not markers:
        yield 1, markdown.strip()
    for marker, following in zip(markers, [*markers[1:], None], strict=True):
        end = following.start() if following else len(markdown)
        for page_no in range(int(marker[1]), int(marker[2] or marker[1]) + 1):
            yield page_no, markdown[marker.end() : end].strip()


def _inlined(found: re.Match[str], folder: Path) -> str:
    """Gives a link to an image of the folder with the image in it, since a notebook does not serve the folder."""
    path = folder / found[2]
    inside = path.is_file() and path.resolve().parent == (folder / "images").resolve()
    if not inside or path.stat().st_size > MAX_IMAGE_BYTES:
        return found[0]
    kind = "png" if path.suffix == ".png" else "jpeg"
    return f"{found[1]}data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}{found[3]}"
