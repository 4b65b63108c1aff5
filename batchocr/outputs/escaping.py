"""Turns recognized text into Markdown that reads back as that text.

Text of a document is hostile: it must never become HTML, a link, or a heading or list that the document does not have.
Only what would act is escaped, so that the Markdown stays readable. `<` and `&` become entities, the rest gets a
backslash.
"""

from __future__ import annotations

import html
import re

# Controls but tab and newline, lone surrogates and the two non-characters that XML forbids.
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_INLINE = re.compile(
    r"(?P<less><)"
    r"|(?P<entity>&[#\w]*;?)"
    r"|(?P<slash>\\(?=[!-/:-@\[-`{-~]|$))"
    r"|(?P<tick>`|\](?=[(\[:])|\$(?=\$)|(?<=\$)\$)"
    r"|(?P<run>\*+|_+|~+)",
    re.MULTILINE,
)
_BLOCK_START = re.compile(
    r"(?P<before>\d{1,9}(?=[.)](?:\s|$))|)"
    r"(?P<mark>#{1,6}(?=\s|$)|>|[-+*](?=\s|$)|[.)](?<=\d[.)])|(?:-+|=+)(?=\s*$)"
    r"|[*_](?=[*_\s]*$)|[-:|](?=[-:|\s]*-[-:|\s]*$)|~(?=~~))"
)


def clean_text(text: str) -> str:
    """Gives the text without characters that no output file may hold; line ends become newlines."""
    return _NOT_TEXT.sub(_replacement, _LINE_ENDS.sub("\n", text))


def _replacement(match: re.Match[str]) -> str:
    """Shows that a lone surrogate was there; a control character leaves no trace."""
    return "\ufffd" if "\ud800" <= match[0] <= "\udfff" else ""


def escape_inline(text: str) -> str:
    """Gives text in one line, safe within a line of Markdown (a heading)."""
    return _escape_specials(" ".join(text.split()))


def escape_caption(text: str) -> str:
    """Gives text as the description of an image, where brackets would end it: they become parentheses."""
    return escape_inline(text.translate({ord("["): "(", ord("]"): ")"}))


def escape_paragraph(text: str) -> str:
    """Gives text as a Markdown paragraph: its lines stay lines, and none starts a heading, list, quote or code."""
    lines = (line.strip(" \t") for line in text.split("\n"))
    return "\n".join(escape_line(line) for line in lines).strip("\n")


def escape_line(line: str) -> str:
    """Gives one line of text, stripped of surrounding blanks, safe at the start of a line of Markdown."""
    escaped = _escape_specials(line)
    start = _BLOCK_START.match(escaped)
    if start is None:
        return escaped
    at = start.start("mark")
    return f"{escaped[:at]}\\{escaped[at:]}"


def fenced_code(text: str, info: str = "") -> str:
    """Gives text as a fenced code block whose fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{text.strip(chr(10))}\n{fence}"


def _escape_specials(text: str) -> str:
    return _INLINE.sub(lambda match: _escaped(match, text), text)


def _escaped(match: re.Match[str], text: str) -> str:
    """Gives one special of a line as text, left alone where it would not act."""
    special = match[0]
    if match["less"]:
        return "&lt;"
    if match["entity"]:
        # What a browser would decode, with or without the semicolon.
        return special if html.unescape(special) == special else "&amp;" + special[1:]
    if match["run"]:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        alone = (not before or before.isspace()) and (not after or after.isspace())
        inside_word = special[0] == "_" and before.isalnum() and after.isalnum()
        return special if alone or inside_word else "".join("\\" + character for character in special)
    return "\\" + special
