from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from batchocr.datatypes import BBox
from batchocr.engines.ppocr.reading_order import reading_order

HEIGHT = 20.0
boxes_of_a_page = st.lists(
    st.tuples(st.integers(0, 900), st.integers(0, 1200), st.integers(0, 500), st.integers(0, 60)).map(
        lambda box: (float(box[0]), float(box[1]), float(box[0] + box[2]), float(box[1] + box[3]))
    ),
    max_size=40,
    unique=True,
)


def order(boxes: list[BBox], height: float = HEIGHT) -> list[int]:
    return [index for strip in reading_order(boxes, height) for row in strip for index in row]


def column(left: float, top: float, count: int, width: float = 400, pitch: float = 30) -> list[BBox]:
    return [(left, top + pitch * i, left + width, top + pitch * i + HEIGHT) for i in range(count)]


@given(boxes_of_a_page)
def test_every_box_appears_exactly_once(boxes: list[BBox]) -> None:
    assert sorted(order(boxes)) == list(range(len(boxes)))


@given(boxes_of_a_page, st.randoms(use_true_random=False))
def test_order_does_not_depend_on_the_order_of_the_input(boxes: list[BBox], random: object) -> None:
    shuffled = list(boxes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [boxes[i] for i in order(boxes)] == [shuffled[i] for i in order(shuffled)]


@settings(max_examples=60)
@given(
    columns=st.integers(2, 4),
    counts=st.lists(st.integers(4, 30), min_size=4, max_size=4),
    offsets=st.lists(st.integers(0, 14), min_size=4, max_size=4),
    gutter=st.integers(14, 80),
)
def test_columns_are_read_one_after_the_other(columns: int, counts: list[int], offsets: list[int], gutter: int) -> None:
    boxes: list[BBox] = []
    owner: list[int] = []
    for number in range(columns):
        lines = column(50 + number * (400 + gutter), 100 + offsets[number], counts[number])
        boxes += lines
        owner += [number] * len(lines)
    read = [owner[index] for index in order(boxes)]
    assert [number for number, _ in itertools.groupby(read)] == list(range(columns))


def test_title_above_and_full_width_text_below_columns_keep_their_places() -> None:
    title, below = (200.0, 20.0, 700.0, 60.0), (50.0, 900.0, 900.0, 920.0)
    left, right = column(50, 100, 20), column(500, 100, 20)
    boxes = [below, *right, *left, title]
    assert [boxes[i] for i in order(boxes)] == [title, *left, *right, below]


def test_heading_at_the_left_below_both_columns_is_read_after_them() -> None:
    left, right = column(50, 100, 10), column(500, 100, 10)
    heading, text = (50.0, 440.0, 200.0, 460.0), (50.0, 470.0, 900.0, 490.0)
    boxes = [heading, text, *left, *right]
    assert [boxes[i] for i in order(boxes)] == [*left, *right, heading, text]


def test_longer_left_column_at_the_end_of_a_page_stays_in_one_piece() -> None:
    left, right = column(50, 100, 20), column(500, 100, 8)
    boxes = [*right, *left]
    assert [boxes[i] for i in order(boxes)] == [*left, *right]


def test_two_pairs_of_columns_with_a_heading_between_are_not_mixed() -> None:
    upper = [*column(50, 100, 6), *column(500, 100, 6)]
    heading = (50.0, 300.0, 900.0, 330.0)
    lower = [*column(50, 350, 6), *column(500, 350, 6)]
    boxes = [*lower, heading, *upper]
    assert [boxes[i] for i in order(boxes)] == [*upper, heading, *lower]


def test_labels_and_their_values_are_read_row_by_row() -> None:
    labels = [(50.0, 100.0 + 40 * i, 110.0 + 17 * (i % 4), 120.0 + 40 * i) for i in range(8)]
    values = [(300.0, 100.0 + 40 * i, 380.0 + 60 * (i % 3), 120.0 + 40 * i) for i in range(8)]
    boxes = [*values, *labels]
    pairs = [box for pair in zip(labels, values, strict=True) for box in pair]
    assert [boxes[i] for i in order(boxes)] == pairs


def test_strip_never_reaches_over_several_columns() -> None:
    boxes = [*column(50, 100, 5), *column(500, 100, 5)]
    assert [len(strip) for strip in reading_order(boxes, HEIGHT)] == [5, 5]


def test_no_box_gives_no_strip() -> None:
    assert reading_order([], HEIGHT) == []


def test_twenty_thousand_boxes_are_ordered_without_quadratic_work() -> None:
    boxes = [(float(x), float(y), x + 90.0, y + 8.0) for y in range(0, 20_000, 10) for x in range(0, 1000, 100)]
    assert len(order(boxes, 8.0)) == 20_000
