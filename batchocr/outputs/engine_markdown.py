"""Makes an engine's own Markdown safe and its image links real.

What stays is Markdown's formatting, formulas, tables rebuilt cell by cell, and images that the page really has. Other
HTML is dropped where it only lays out, else shown as text; links other than to the page's images become text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping

from batchocr.outputs.escaping import escape_caption, escape_inline
from batchocr.outputs.formulas import rewrite_around_formulas
from batchocr.outputs.html_table import parse_tables, render_table
from batchocr.outputs.paths import link

_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)$")
_SPECIAL = re.compile(
    r"!\[(?P<alt>[^\[\]\n]{0,1000})\]\(\s{0,9}<?(?P<target>[^()<>\s]{1,1000}(?:\([^()<>\s]{0,1000}\)[^()<>\s]{0,1000})?)>?"
    r"(?:\s[^()\n]{0,1000})?\)"
    r"|<img\s(?P<img>[^<>]{0,4000})>"
    r"|(?P<lines></?(?:p|div|center|br|h[1-6]|li|ul|ol)(?:\s[^<>]{0,1000})?/?>)"
    r"|(?P<dropped></?(?:html|body|span|b|i|u|em|strong|sup|sub|font)(?:\s[^<>]{0,1000})?/?>)"
    r"|(?P<less><)"
    r"|(?P<link>\](?=[(\[:]))",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"\b(src|alt)\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.IGNORECASE)


def rewrite_markdown(markdown: str, images: Mapping[str, str]) -> str:
    """Gives the engine's Markdown of a page, safe to stand in a document.

    Args:
        markdown: as the engine wrote it, cleaned of control characters.
        images: the engine's image keys to file names in the document's folder.
    """
    known = {**images, **{name.rsplit("/", 1)[-1]: name for name in images.values()}}
    parts = (
        _fence(lines) if is_code else _rewrite_text("\n".join(lines), known) for is_code, lines in _split_code(markdown)
    )
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def _split_code(markdown: str) -> Iterator[tuple[bool, list[str]]]:
    """Gives runs of lines and whether they are the inside of a fenced code block (open to the end if not closed)."""
    lines: list[str] = []
    fence = ""
    for line in markdown.split("\n"):
        match = _FENCE.match(line)
        closes = bool(fence and match and match["fence"].startswith(fence) and not match["info"].strip())
        if closes or (match and not fence):
            yield bool(fence), lines
            lines, fence = [], "" if closes or match is None else match["fence"]
        else:
            lines.append(line)
    yield bool(fence), lines


def _fence(lines: list[str]) -> str:
    """Gives a code block of our own, so that where it begins and ends leaves no doubt."""
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _rewrite_text(text: str, images: Mapping[str, str]) -> str:
    pieces = []
    at = 0
    lower = text.lower()
    while (start := lower.find("<table", at)) >= 0 and (end := lower.find("</table>", start)) >= 0:
        end += len("</table>")
        pieces.append(_rewrite_prose(text[at:start], images))
        pieces.extend(f"\n\n{render_table(table)}\n\n" for table in parse_tables(text[start:end]))
        at = end
    pieces.append(_rewrite_prose(text[at:], images))
    joined = re.sub(r"\n[ \t]*(?:\n[ \t]*)+\n", "\n\n", "".join(pieces))
    # Where HTML was dropped, what followed it may stand at the start of a line now: it must open no code block.
    return re.sub(r"^( {0,3})(?=```|~~~)", r"\1\\", joined, flags=re.MULTILINE)


def _rewrite_prose(text: str, images: Mapping[str, str]) -> str:
    return rewrite_around_formulas(text, lambda around: _rewrite_inline(around, images))


def _rewrite_inline(text: str, images: Mapping[str, str]) -> str:
    def replacement(match: re.Match[str]) -> str:
        if match["target"] is not None:
            return _image(match["alt"], match["target"], images)
        if match["img"] is not None:
            attributes = {
                found[1].lower(): html.unescape(found[2] or found[3] or found[4] or "")
                for found in _ATTRIBUTE.finditer(match["img"])
            }
            return _image(attributes.get("alt", ""), attributes.get("src", ""), images)
        if match["lines"]:
            return "\n" if match["lines"][1:3].lower() in ("br", "li") else "\n\n"
        if match["dropped"]:
            return ""
        return "&lt;" if match["less"] else "\\]"

    return _SPECIAL.sub(replacement, text)


def _image(alt: str, target: str, images: Mapping[str, str]) -> str:
    """Gives a link to an image of the page; one that the page does not have leaves its description."""
    name = images.get(target) or images.get(html.unescape(target))
    return f"![{escape_caption(alt)}]({link(name)})" if name else escape_inline(alt)
