"""Finds LaTeX in text and writes it so that it stays the same formula and becomes nothing else.

Inline formulas are `$x$`, display formulas `$$x$$`, each in one line and without blanks at the ends: what GitHub,
pandoc, Jupyter and most others read. A reader that knows no formulas must find neither HTML nor a link in one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

# Bounded, so that no text makes the search slow.
_FORMULA = re.compile(
    r"(?<!\\)\$\$(?P<display>(?:[^$\\]|\\.){1,20000}?)\$\$"
    r"|(?<![\\$])\$(?P<inline>(?:[^$\\\n]|\\[^\n]){1,2000}?)\$(?![\d$])"
    r"|(?<!\\)\\\((?P<paren>[^\n]{1,2000}?)(?<!\\)\\\)"
    r"|^[ \t]*\\\[(?P<bracket>(?:[^\\]|\\[^\[\]]){1,20000}?)\\\][ \t]*$",
    re.DOTALL | re.MULTILINE,
)
# Prices have dollars too: what stands between two is a formula if it looks like one.
_LIKE_LATEX = re.compile(r"[\\^_{}=<>+]|\A\s*\S{1,20}\s*\Z")
_TAG = re.compile(r"</?(?:img|a|div|p|br|center|span|table|t[rdh]|html|body|script|style|sup|sub|b|i|u)\b[^<>]*>", re.I)
_ACTIVE = re.compile(r"< ?|`|\](?=[(\[:])|&(?=[#\w])")
_DELIMITED = re.compile(r"^(?:\$\$?|\\\[|\\\()|(?<!\\)(?:\$\$?|\\\]|\\\))$")
_COMMENT = re.compile(r"(?<!\\)%.*")
_EQUATION_NUMBER = re.compile(r"[(\[（]?\s*([\w.\-–'*]{1,20})\s*[)\]）]?")
# A lone surrogate cannot be in a text that was cleaned.
_HOLE = "\ud800{}\udfff"
_HOLES = re.compile("\ud800([0-9]+)\udfff")


def display_formula(latex: str, number: str = "") -> str:
    r"""Gives LaTeX as one line of `$$…$$` that holds no `$$` of its own and no HTML or link.

    Args:
        latex: with or without delimiters.
        number: the equation's number as it is printed, such as `(3)`; becomes a `\tag`.
    """
    inner = _DELIMITED.sub("", latex.strip())
    lines = (_COMMENT.sub("", line).strip() for line in inner.split("\n"))
    inner = _safe(" ".join(line for line in lines if line))
    return f"$${inner}{equation_tag(number)}$$" if inner else ""


def equation_tag(number: str) -> str:
    """Gives an equation's number as LaTeX, "" where it is not one that a tag can hold."""
    match = _EQUATION_NUMBER.fullmatch(number.strip())
    return rf" \tag{{{match[1]}}}" if match else ""


def rewrite_around_formulas(text: str, rewrite: Callable[[str], str]) -> str:
    """Gives `rewrite(text)` with the formulas of the text kept out of it and put back, made safe.

    Args:
        text: without lone surrogates.
        rewrite: must leave lone surrogates and the digits between them together; it may drop them.
    """
    formulas: list[str] = []

    def keep(match: re.Match[str]) -> str:
        display = match["display"] or match["bracket"]
        latex = display or match["inline"] or match["paren"]
        if _TAG.search(latex) or (match["inline"] and not _LIKE_LATEX.search(latex)):
            return match[0]
        formula = display_formula(latex) if display else _inline_formula(latex)
        if not formula:
            return match[0]
        formulas.append(formula)
        return _HOLE.format(len(formulas) - 1)

    rewritten = rewrite(_FORMULA.sub(keep, text))
    return _HOLES.sub(lambda hole: formulas[int(hole[1])], rewritten)


def _inline_formula(latex: str) -> str:
    inner = _safe(latex.strip())
    return f"${inner}$" if inner else ""


def _safe(latex: str) -> str:
    """Gives LaTeX that means the same and in which neither Markdown nor HTML finds anything of theirs."""
    text = re.sub(r"(\\.)|\$", lambda match: match[1] or r"\$", latex, flags=re.DOTALL)
    text = _ACTIVE.sub(lambda match: _inactive(match, text), text).strip()
    # The last character must not escape the closing dollar.
    return text + " " if re.search(r"(?<!\\)(?:\\\\)*\\$", text) else text


def _inactive(match: re.Match[str], text: str) -> str:
    if match[0].startswith("<"):
        return r"\lt "
    if match[0] == "`":
        return r"\lq "
    if match[0] == "&":
        entity = re.match(r"&#?\w+;?", text[match.start() :])
        return "& " if entity and html.unescape(entity[0]) != entity[0] else "&"
    return "] "
