from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchocr.outputs.escaping import clean_text
from batchocr.outputs.formulas import display_formula, equation_tag, rewrite_around_formulas

HOSTILE = st.text(st.sampled_from("ab1 \n\\$()[]{}<>&;:`%_^=!*"), max_size=40) | st.text(max_size=40)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("$$x < 1$$", r"$$x \lt 1$$"),
        (r"\[ a & b \\ c \]", r"$$a & b \\ c$$"),
        ("$a$", "$$a$$"),
        ("a % a comment\nb", "$$a b$$"),
        (r"50\%", r"$$50\%$$"),
        ("a\n\nb", "$$a b$$"),
        (r"\text{5$}", r"$$\text{5\$}$$"),
        ("x\\", "$$x\\ $$"),
        ("&lt;script&gt;", "$$& lt;script& gt;$$"),
        ("[a](http://x)", "$$[a] (http://x)$$"),
        ("  ", ""),
    ],
)
def test_a_display_formula_is_one_safe_line(latex: str, expected: str) -> None:
    assert display_formula(latex) == expected


@pytest.mark.parametrize(
    ("number", "expected"), [("(3)", r" \tag{3}"), ("（2.1a）", r" \tag{2.1a}"), ("", ""), ("}x", ""), ("(a$)", "")]
)
def test_only_a_number_becomes_a_tag(number: str, expected: str) -> None:
    assert equation_tag(number) == expected


@given(HOSTILE)
def test_a_formula_holds_no_html_and_ends_where_it_ends(text: str) -> None:
    formula = display_formula(clean_text(text))
    assert formula == "" or (formula.startswith("$$") and formula.endswith("$$"))
    inner = formula[2:-2]
    assert not re.search(r"<|`|\]\(|\n", inner)
    assert not re.search(r"(?<!\\)(?:\\\\)*\$", inner)
    assert not re.search(r"(?<!\\)(?:\\\\)*\\$", inner)


@given(HOSTILE)
def test_what_is_no_formula_is_rewritten_and_nothing_is_lost(text: str) -> None:
    text = clean_text(text)
    assert "\ud800" not in rewrite_around_formulas(text, str)
    if "$" not in text and "\\" not in text:
        assert rewrite_around_formulas(text, str.upper) == text.upper()


def test_a_dropped_formula_leaves_the_others_in_their_places() -> None:
    def drop_title(text: str) -> str:
        return re.sub(r'title="[^"]*"', "", text)

    assert rewrite_around_formulas('<i title="$a_1$"> $b_1$', drop_title) == "<i > $b_1$"


@pytest.mark.parametrize("text", ["from $5 to $6", "$5-$6", "US$ 5 or more, A$ 6", "a $b", r"\$x_1\$"])
def test_prices_are_no_formulas(text: str) -> None:
    assert rewrite_around_formulas(text, str.upper) == text.upper()


def test_long_runs_of_openings_take_no_time() -> None:
    for text in ("$" * 100_000, r"\(" * 50_000, "$a" * 50_000, "$$ " * 30_000, "\\[\n" * 30_000):
        rewrite_around_formulas(text, str)
