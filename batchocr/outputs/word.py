"""Writes a document as a Word file from the blocks of its pages. Loads python-docx: wanted only with format `docx`.

What a document says becomes text of runs and cells: no field, link or macro can come of it.
"""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import docx
from docx.enum.text import WD_BREAK
from docx.image.image import Image
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.oxml import OxmlElement
from docx.oxml.shape import CT_Inline
from docx.parts.image import ImagePart
from docx.shared import Emu, Inches, Pt, RGBColor
from docx.text.paragraph import Paragraph

from batchocr.datatypes import FailedPages
from batchocr.outputs.blocks import (
    CODE,
    FORMULAS,
    PICTURES,
    Block,
    block_tables,
    in_reading_order,
    list_items,
    title_level,
    with_formula_numbers,
)
from batchocr.outputs.escaping import clean_text
from batchocr.outputs.formulas import display_formula
from batchocr.outputs.html_table import Table
from batchocr.outputs.spool import StoredPage
from batchocr.outputs.word_table import MAX_COLUMNS, table_element

_FIXED_TIME = datetime.datetime(2000, 1, 1)
_FIXED_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_MONOSPACE = "Courier New"
_CAPTIONS = frozenset({"figure_title", "table_title", "chart_title"})
_ALARM = RGBColor(0xC0, 0x00, 0x00)
# The text area of the template's page.
_MAX_WIDTH, _MAX_HEIGHT = Inches(6), Inches(8)
_SCREEN_DPI = 96.0


class WordWriter:
    """Writes one document as .docx, each of its pages on a page of its own.

    python-docx holds the text and the pictures until the file is written: memory grows with the document.

    Args:
        path: of the file.
        warn: is told (message, page number) what could not be written in full.
    """

    def __init__(self, path: Path, warn: Callable[[str, int], None]) -> None:
        self._path = path
        self._warn = warn
        self._document: Any = docx.Document()
        # python-docx looks for the end of the body, for numbers and for equal pictures by going through everything:
        # here they are known.
        self._end = self._document.element.body.sectPr
        self._styles = {style.name: style.style_id for style in self._document.styles}
        self._pictures = 0
        self._empty = True

    def add_page(self, page: StoredPage) -> None:
        """Writes a page that has a result; a blank one stays an empty page."""
        self._break_page()
        for block, number in with_formula_numbers(in_reading_order(page.meta)):
            self._add_block(block, number, page)
        if not page.meta["blocks"] and page.meta["markdown"]:
            self._add_text(page.meta["markdown"])

    def add_gap(self, failed: FailedPages) -> None:
        """Writes a line in red where pages failed."""
        self._break_page()
        first, last = failed.first_page, failed.last_page
        pages = "Some pages of this document" if first is None else f"Page {first}"
        pages = pages if first == last else f"Pages {first} to {last}"
        run = self._add_paragraph().add_run(f"{pages} could not be read")
        run.bold, run.font.color.rgb = True, _ALARM
        run.add_text(f" ({failed.kind.value}: {clean_text(failed.message)}).")

    def close(self) -> None:
        """Writes the file; raises OSError as `open` does."""
        properties = self._document.core_properties
        properties.created = properties.modified = _FIXED_TIME
        properties.author = properties.last_modified_by = properties.comments = ""
        properties.title = self._path.stem
        draft = self._path.with_suffix(".draft")
        self._document.save(str(draft))
        _copy_without_times(draft, self._path)
        draft.unlink()

    def _break_page(self) -> None:
        if not self._empty:
            self._add_paragraph().add_run().add_break(WD_BREAK.PAGE)
        self._empty = False

    def _add_block(self, block: Block, formula_number: str, page: StoredPage) -> None:
        text, label = block["text"].strip(), block["label"]
        tables = block_tables(block)
        if tables or "continues" in block:
            text = ""
        if block["image"] and (label in PICTURES or not (text or tables)):
            self._add_picture(page, block["image"])
            text = text if label == "seal" else ""
        for table in tables:
            self._add_table(table, page.page_no)
        if text:
            self._add_words(text, label, title_level(block), formula_number)

    def _add_words(self, text: str, label: str, level: int | None, formula_number: str) -> None:
        if level:
            self._add_text(" ".join(text.split()), f"Heading {level}")
        elif label in CODE:
            self._add_text(text, font=_MONOSPACE)
        elif label in FORMULAS:
            self._add_text(display_formula(text, formula_number) or text, font=_MONOSPACE)
        elif label == "list":
            for item in list_items(text):
                style = "List Paragraph" if item.number or item.goes_on else "List Bullet"
                self._add_text(f"{item.number} {item.text}".strip(), style)
        elif label == "seal":
            self._add_text(f"Seal: {text}")
        else:
            self._add_text(text, "Caption" if label in _CAPTIONS else "Normal")

    def _add_paragraph(self, style: str = "Normal") -> Paragraph:
        element = OxmlElement("w:p")
        if style != "Normal":
            element.get_or_add_pPr().style = self._styles[style]
        self._end.addprevious(element)
        return Paragraph(element, self._document)

    def _add_text(self, text: str, style: str = "Normal", font: str | None = None) -> None:
        run = self._add_paragraph(style).add_run(text)
        if font:
            run.font.name, run.font.size = font, Pt(10)

    def _add_picture(self, page: StoredPage, name: str) -> None:
        data = page.blob(name)
        dpi = page.meta["dpi"] or _SCREEN_DPI
        image = Image.from_blob(data)
        width, height = Inches(image.px_width / dpi), Inches(image.px_height / dpi)
        scale = min(1.0, _MAX_WIDTH / width, _MAX_HEIGHT / height)
        sides = (Emu(max(1, int(side * scale))) for side in (width, height))
        file_name = PurePosixPath(name).name
        part = ImagePart.from_image(image, PackURI(f"/word/media/{file_name}"))
        self._pictures += 1
        relation = self._document.part.relate_to(part, RELATIONSHIP_TYPE.IMAGE)
        inline = CT_Inline.new_pic_inline(self._pictures, relation, file_name, *sides)
        self._add_paragraph().add_run().element.add_drawing(inline)

    def _add_table(self, table: Table, page_no: int) -> None:
        if table.columns > MAX_COLUMNS:
            self._warn(f"a table of more than {MAX_COLUMNS} columns stands in the Word file as text", page_no)
            for row in table.rows:
                self._add_text("\t".join(" ".join(cell.text.split()) for cell in row))
            return
        self._end.addprevious(table_element(table, self._styles["Table Grid"]))
        # Without a paragraph between them two tables would become one.
        self._add_paragraph()


def _copy_without_times(source: Path, target: Path) -> None:
    """Copies a zip file entry by entry, so that its bytes follow from its content alone."""
    with zipfile.ZipFile(source) as draft, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in draft.namelist():
            entry = zipfile.ZipInfo(name, _FIXED_ZIP_TIME)
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            archive.writestr(entry, draft.read(name))
