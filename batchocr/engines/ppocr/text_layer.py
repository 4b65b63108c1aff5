"""Decides whether a page's text layer can be trusted, and makes lines of its words.

A text layer may be the hidden result of an earlier OCR, may name its characters wrongly, or may cover only part of what
a reader sees. Then the image is read instead, and the page's result says why.
"""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from batchocr.datatypes import BBox, TextLayer, TextWord
from batchocr.engines.ppocr.geometry import union
from batchocr.engines.ppocr.lines import Line
from batchocr.engines.ppocr.wording import is_wide

if TYPE_CHECKING:
    import numpy.typing as npt

    from batchocr.datatypes import Pixels

MAX_INVISIBLE_SHARE = 0.3
MAX_UNMAPPED_SHARE = 0.05
MAX_STRANGE_SHARE = 0.05
MAX_SINGLE_LETTER_SHARE = 0.6
ENOUGH_LETTER_WORDS = 20
# Shares of words that no language writes so; codes and acronyms stay far below.
MAX_UNREADABLE_SHARE = 0.4
MAX_MOJIBAKE_SHARE = 0.1
# UTF-8 that was taken for Latin-1 or Windows-1252.
_MOJIBAKE = re.compile("\u00c3[\u0080-\u00bf\u0192\u2018-\u2122]|\u00e2\u20ac|\u00c2[\u00a0-\u00bf]")
_ODD_INSIDE = re.compile(r"[^\W\d_][$%&*+<=>@\\^`{|}~#\"!?;][^\W\d_]")
# Box drawing and block characters, bars, and rows of dashes, as printers without graphics used them.
_DRAWN_WITH_LETTERS = re.compile("[\u2500-\u259f|\u00a6]|[-_=\u00af\u2010-\u2015]{3}")
MAX_UNCOVERED_SHARE = 0.5
ENOUGH_UNCOVERED_MARKS = 40
# An image this large is the page itself (a scan, a slide's background), not a figure on it.
BACKGROUND_SHARE = 0.5
# A gap wider than this many font heights parts two lines: columns of text, cells of a table.
MAX_GAP = 1.5
# Words stand on one line if they share at least this much of the lower one's height.
SAME_LINE_OVERLAP = 0.5
# A gap, in font heights, that no space fits into.
TOUCHING = 0.1


def distrust(layer: TextLayer | None, pixels: Pixels, dpi: float) -> str | None:
    """Gives why the text layer must not be used in place of OCR, or None if it can be trusted.

    Args:
        layer: what the PDF page says of itself; None for an image file.
        pixels: the page, BGR, uint8, shape (height, width, 3).
        dpi: pixels per inch of `pixels`.
    """
    if layer is None:
        return "the page has no text layer"
    doubt = doubt_of_words(layer)
    height, width = pixels.shape[:2]
    if doubt is None and not draws_no_more(layer, width * height):
        uncovered = _uncovered_share(layer, pixels, dpi)
        if uncovered > MAX_UNCOVERED_SHARE:
            return f"{uncovered:.0%} of what looks like text on the page is not in the text layer"
    return doubt


def draws_no_more(layer: TextLayer, page_area: float) -> bool:
    """Tells whether a page shows nothing but its words, rules, and images that are no background of it."""
    return layer.rules is not None and not any(_is_background(box, page_area) for box in layer.image_boxes)


def doubt_of_words(layer: TextLayer) -> str | None:
    """Gives what the words of a text layer themselves say against it, or None."""
    if not layer.words:
        return "the text layer is empty"
    if layer.invisible_share > MAX_INVISIBLE_SHARE:
        return f"{layer.invisible_share:.0%} of the text layer is invisible, as an earlier OCR leaves it"
    if layer.unmapped_share > MAX_UNMAPPED_SHARE:
        return f"{layer.unmapped_share:.0%} of the text layer's characters have no Unicode value"
    strange = _strange_share(layer.words)
    if strange > MAX_STRANGE_SHARE:
        return f"{strange:.0%} of the text layer's characters are private, replacement or control characters"
    if _spelt_out(layer.words):
        return "the text layer's words fall apart into single letters"
    if _wrongly_decoded(layer.words):
        return "the text layer's characters make no words, as a font with a wrong encoding gives them"
    return None


def draws_with_letters(words: Iterable[TextWord]) -> bool:
    """Tells whether some words stand for lines, as printers without graphics drew them."""
    return any(_DRAWN_WITH_LETTERS.search(word.text) for word in words)


def lines_from_words(words: Iterable[TextWord]) -> list[Line]:
    """Gives the lines that words of a text layer stand on, from top to bottom.

    Words of one line of the content stream stay together unless a wide gap or a step up or down parts them; fragments
    that follow closely on one another at the same height are joined, wherever the content stream has them.
    """
    fragments: list[list[TextWord]] = []
    for _, group in groupby(words, key=lambda word: word.line):
        for word in group:
            if fragments and fragments[-1][-1].line == word.line and _follows(fragments[-1][-1], word):
                fragments[-1].append(word)
            else:
                fragments.append([word])
    lines = [_line(fragment) for fragment in _joined(fragments)]
    return sorted(lines, key=lambda line: (line.bbox[1] + line.bbox[3], line.bbox[0]))


def _strange_share(words: Sequence[TextWord]) -> float:
    characters = "".join(word.text for word in words)
    strange = sum(c == "\ufffd" or unicodedata.category(c) in {"Co", "Cc", "Cs", "Cn"} for c in characters)
    return strange / max(1, len(characters))


def _spelt_out(words: Sequence[TextWord]) -> bool:
    """Tells whether the words of an alphabetic script are single letters; one CJK character may well be a word."""
    lengths = [len(word.text) for word in words if word.text.isalpha() and unicodedata.category(word.text[0]) != "Lo"]
    singles = lengths.count(1)
    return len(lengths) >= ENOUGH_LETTER_WORDS and singles > MAX_SINGLE_LETTER_SHARE * len(lengths)


def _wrongly_decoded(words: Sequence[TextWord]) -> bool:
    """Tells whether words are strings of wrong characters: Latin words without vowels, signs amid letters, mojibake."""
    latin = [word.text for word in words if _is_latin_word(word.text)]
    if len(latin) < ENOUGH_LETTER_WORDS:
        return False
    unreadable = sum(_ODD_INSIDE.search(text) is not None or not _has_vowel(text) for text in latin)
    mojibake = sum(_MOJIBAKE.search(text) is not None for text in latin)
    return unreadable > MAX_UNREADABLE_SHARE * len(latin) or mojibake > MAX_MOJIBAKE_SHARE * len(latin)


def _is_latin_word(text: str) -> bool:
    """Tells whether a text has enough letters to be a Latin word; acronyms in capitals are none."""
    letters = [character for character in text if character.isalpha()]
    return len(letters) >= 4 and all(letter < "\u0250" for letter in letters) and not text.isupper()


def _has_vowel(text: str) -> bool:
    return any(letter in "aeiouyæøœı" for letter in unicodedata.normalize("NFD", text.lower()))


def _uncovered_share(layer: TextLayer, pixels: Pixels, dpi: float) -> float:
    """Gives the share of text-like marks that no word covers, 0 to 1; 0 where there are too few to tell."""
    edges = _edges(pixels)
    height, width = edges.shape
    bare = np.ones((height, width), np.uint8)
    for word in layer.words:
        _clear(bare, word.bbox, margin=0.3 * word.font_size_px)
    for box in layer.image_boxes:
        if not _is_background(box, width * height):
            _clear(bare, box, margin=1.0)
    # Finding the marks takes long. Each of those outside has a bare part of its own, and most pages have few such.
    if _count_marks(cv2.bitwise_and(edges, bare)) < ENOUGH_UNCOVERED_MARKS:
        return 0.0
    centres, areas = _text_like_marks(edges, dpi)
    outside = bare[centres[:, 1], centres[:, 0]] > 0
    if np.count_nonzero(outside) < ENOUGH_UNCOVERED_MARKS:
        return 0.0
    return float(areas[outside].sum() / areas.sum())


def _is_background(box: BBox, page_area: float) -> bool:
    return (box[2] - box[0]) * (box[3] - box[1]) >= BACKGROUND_SHARE * page_area


def _edges(pixels: Pixels) -> Pixels:
    """Gives 1 where a page has an edge, 0 elsewhere: light text on a dark ground counts as well as dark text."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    slope = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    edges: Pixels = cv2.threshold(slope, 64, 1, cv2.THRESH_BINARY)[1]
    return edges


def _count_marks(ink: Pixels) -> int:
    _, tree = cv2.findContours(ink, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return 0 if tree is None else int(np.count_nonzero(tree[0, :, 3] < 0))  # outlines of holes have a parent


def _text_like_marks(edges: Pixels, dpi: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Gives centre (x, y) and inked area, px, of the marks that have the size of letters or words."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(edges, connectivity=8)
    boxes = stats[1:].astype(np.int64)
    tall, wide = boxes[:, cv2.CC_STAT_HEIGHT], boxes[:, cv2.CC_STAT_WIDTH]
    like_text = (tall >= 0.03 * dpi) & (tall <= 0.3 * dpi) & (wide >= 0.015 * dpi) & (wide <= 2 * dpi)
    boxes = boxes[like_text]
    centres = boxes[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    centres = centres + boxes[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] // 2
    return centres, boxes[:, cv2.CC_STAT_AREA]


def _clear(mask: npt.NDArray[np.uint8], box: BBox, margin: float) -> None:
    x0, y0, x1, y1 = (
        max(0, round(edge)) for edge in (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)
    )
    mask[y0 : y1 + 1, x0 : x1 + 1] = 0


def _follows(left: TextWord, right: TextWord) -> bool:
    """Tells whether a word goes on at the height where another ends, after no more than a gap between words."""
    height = max(left.font_size_px, right.font_size_px, 1.0)
    gap = right.bbox[0] - left.bbox[2]
    shared = min(left.bbox[3], right.bbox[3]) - max(left.bbox[1], right.bbox[1])
    lower = min(left.bbox[3] - left.bbox[1], right.bbox[3] - right.bbox[1])
    return -height < gap < MAX_GAP * height and shared >= SAME_LINE_OVERLAP * lower


def _joined(fragments: list[list[TextWord]]) -> list[list[TextWord]]:
    """Joins fragments end to end. Fragments are looked up by coarse bands of height, so this stays linear."""
    band = max(1.0, float(np.median([f[0].font_size_px for f in fragments]))) if fragments else 1.0
    ends: dict[int, list[list[TextWord]]] = {}
    lines = []
    for fragment in sorted(fragments, key=lambda f: (f[0].bbox[0], f[0].bbox[1])):
        centre = (fragment[0].bbox[1] + fragment[0].bbox[3]) / 2
        near = int(centre // band)
        open_lines = [line for row in (near - 1, near, near + 1) for line in ends.get(row, ())]
        before = [line for line in open_lines if _follows(line[-1], fragment[0])]
        if before:
            line = max(before, key=lambda found: found[-1].bbox[2])
            line.extend(fragment)
        else:
            line = list(fragment)
            lines.append(line)
            ends.setdefault(near, []).append(line)
    return lines


def _line(words: list[TextWord]) -> Line:
    x0, y0, x1, y1 = union(word.bbox for word in words)
    letters = sum(len(word.text) for word in words)
    return Line(
        text=_text(words),
        bbox=(x0, y0, x1, y1),
        polygon=((x0, y0), (x1, y0), (x1, y1), (x0, y1)),
        score=None,
        height_px=statistics.median(word.font_size_px for word in words),
        bold=2 * sum(len(word.text) for word in words if word.bold) > letters,
        words=tuple(words),
    )


def _text(words: Sequence[TextWord]) -> str:
    """Joins words with spaces, but not in a script without spaces nor where another fragment goes on without a gap."""
    text = words[0].text
    for before, word in pairwise(words):
        unspaced = is_wide(before.text[-1:]) and is_wide(word.text[:1])
        goes_on = before.line != word.line and word.bbox[0] - before.bbox[2] < TOUCHING * word.font_size_px
        text += word.text if unspaced or goes_on else f" {word.text}"
    return text
