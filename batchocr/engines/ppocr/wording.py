"""What the characters of a line tell (script, list marks, captions, page numbers), and how lines are joined."""

from __future__ import annotations

import re
from collections.abc import Iterable

SOFT_HYPHENS = ("\u00ad", "\ufffe", "\u0002")
_WIDE = re.compile(r"[\u2e80-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")
_NUMBER_LIKE = re.compile(r"^[\s\d.,:%$€£¥+\-−–—~<>=()/*†‡xX]+[a-zA-Z²³°]{0,3}$")
# A dash is a bullet before a space or, as OCR may lose that, before a capital; amid a sentence it stands at a line's
# beginning, too.
_BULLET = re.compile(r"^\s*(?:(?P<round>[•●◦▪■□‣∙·◆➢✓\uf0b7\uf0a7])\s*|[*–—-](?:\s+|(?=[^\W\d_a-z])))(?=\S)")
_LONE_BULLET = re.compile(r"^\s*[•●◦▪■□‣∙·◆➢✓\uf0b7\uf0a7*o–—-]\s*$")
_ENUMERATOR = re.compile(
    r"^\s*(?:\(\d{1,2}\)|\d{1,3}[.)]|\(?[a-zA-Z][.)]|\(?[ivxIVX]{1,5}[.)]|[（(]?[一二三四五六七八九十]{1,3}[、）)])\s+\S"
)
_LONE_ENUMERATOR = re.compile(r"^\s*\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]\s*$")
_CAPTION = re.compile(
    r"^\s*(?:figure|fig|table|tab|tabelle|abbildung|abb|tableau|listing|chart|exhibit|scheme|图|圖|表|図)"
    r"\s*\.?\s*(?:[a-z]{0,2}\.?\d+(?:[.\-–]\d+)*|[ivxl]+)\s*(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_PAGE_NUMBER = re.compile(
    r"^\s*(?:page|seite|p\.)?\s*[-–—|\[(]*\s*(?:[A-Z]-)?(?:\d{1,4}|[ivxlc]{1,7})\s*[-–—|\])]*"
    r"(?:\s*(?:/|of|von|sur)\s*\d{1,4})?\s*$|^\s*第\s*\d{1,4}\s*页.*$",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[;{}]\s*$|^\s*(?:\}|#include\b|import \w|from \w+ import|def \w+\(|class \w+[:({]|function \w*\(|return\b.*;|"
    r"(?:var|let|const|int|void|public|private|static)\s+\w+.*[=({;]|\w+(?:\.\w+)+\(.*\)\s*;?$)"
)


def is_wide(character: str) -> bool:
    """Tells whether a character is written without spaces around it (Chinese, Japanese and their punctuation)."""
    return bool(_WIDE.match(character))


def is_number_like(text: str) -> bool:
    """Tells whether a text is a figure of a table: a number, amount, range or dash, maybe with a short unit."""
    return bool(_NUMBER_LIKE.match(text))


def is_leader(text: str) -> bool:
    """Tells whether a text is only dots that lead the eye to another column."""
    return not text.strip(" .·…_")


def starts_item(text: str) -> bool:
    """Tells whether a line begins an item of a list, by its bullet, number or letter."""
    return bool(_BULLET.match(text) or _ENUMERATOR.match(text)) or is_mark(text)


def item_kind(text: str) -> str:
    """Gives what the items of one list have in common: the same for all their marks, "" for text that is no item."""
    if bullet := _BULLET.match(text):
        return "•" if bullet["round"] else "-"
    if not starts_item(text):
        return ""
    return re.sub(r"\d+", "1", re.sub(r"[^\W\d_]+", "a", text.split(maxsplit=1)[0]))


def spaced_item(text: str) -> str:
    """Gives an item with a space between its bullet and its text."""
    bullet = _BULLET.match(text)
    return f"{bullet[0].strip()} {text[bullet.end() :]}" if bullet else text


def is_mark(text: str) -> bool:
    """Tells whether a text is nothing but the bullet or number of an item, which stands apart from the item's text."""
    return bool(_LONE_BULLET.match(text) or _LONE_ENUMERATOR.match(text))


def is_caption(text: str) -> bool:
    """Tells whether a paragraph reads like a caption ("Figure 1: …") and not like prose ("Figure 1 shows …")."""
    match = _CAPTION.match(text)
    if match is None or len(text) > 600:
        return False
    rest = match["rest"].lstrip()
    return not rest or not (rest[0].islower() or rest[0] == ",")


def is_page_number(text: str) -> bool:
    """Tells whether a text can be nothing but a page number ("7", "- iv -", "A-42", "Page 3 of 9")."""
    return bool(_PAGE_NUMBER.match(text))


def ends_sentence(text: str) -> bool:
    """Tells whether a text ends where a sentence does, closing quotes and brackets apart."""
    return text.rstrip(" \"'”’)]）」』").endswith((".", "!", "?", ":", ";", "…", "。", "！", "？", "：", "；"))


def looks_like_code(text: str) -> bool:
    """Tells whether a line looks like source code."""
    return bool(_CODE.search(text))


def join_texts(parts: Iterable[str], *, undo_hyphens: bool = True) -> str:
    """Joins lines into running text.

    A space goes between two lines except between wide characters and beside a close-set dash; a word that was broken at
    a line's end is made whole when the next line begins with a lower-case letter.
    """
    joined = ""
    for part in parts:
        text = part.strip()
        if not text:
            continue
        if not joined:
            joined = text
        elif joined.endswith(SOFT_HYPHENS) or (undo_hyphens and _is_broken_word(joined, text)):
            joined = joined[:-1] + text
        elif (is_wide(joined[-1]) and is_wide(text[0])) or _meets_at_dash(joined, text):
            joined += text
        else:
            joined += " " + text
    for hyphen in SOFT_HYPHENS:
        joined = joined.replace(hyphen, "")
    return joined


def _meets_at_dash(before: str, after: str) -> bool:
    """Tells whether two lines meet at a dash that is set close to its words."""
    return (before[-1] == "—" and before[-2:-1].isalnum()) or (after[0] == "—" and after[1:2].isalnum())


def _is_broken_word(before: str, after: str) -> bool:
    return (
        len(before) > 1 and before[-1] in "-‐" and before[-2].isalpha() and before[-2].islower() and after[0].islower()
    )
