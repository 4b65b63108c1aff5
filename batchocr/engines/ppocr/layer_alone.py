"""Pages of which the PDF tells all: trusted words, rules that part them or make tables of them, placed images.

Their image need not be searched, which takes longer than all else; and without images on it, not even be drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchocr.engines.ppocr.geometry import holds
from batchocr.engines.ppocr.rulings import Rules, rules_of
from batchocr.engines.ppocr.tables import TableGrid, grids_of
from batchocr.engines.ppocr.text_layer import doubt_of_words, draws_no_more, draws_with_letters

if TYPE_CHECKING:
    from batchocr.datatypes import PageImage, TextLayer

# Of a grid's cells. One with less text may be a chart.
FILLED_SHARE = 0.5


def needs_pixels(page: PageImage) -> bool:
    """Tells whether a page must be seen: there is more on it than words and the rules of tables."""
    return page.text_layer is None or bool(page.text_layer.image_boxes) or needs_search(page)


def needs_search(page: PageImage) -> bool:
    """Tells whether a page's image must be searched: there may be more on it than words, rules and placed images."""
    layer = page.text_layer
    width, height = page.size_px
    if layer is None or layer.rules is None or not draws_no_more(layer, width * height):
        return True
    if doubt_of_words(layer) is not None or draws_with_letters(layer.words):
        return True
    if not layer.rules:
        return False
    rules = rules_of(layer.rules, height, width)
    grids = grids_of(rules)
    return not (_only_tables(rules, grids) and all(_is_filled(grid, layer) for grid in grids))


def _only_tables(rules: Rules, grids: tuple[TableGrid, ...]) -> bool:
    """Tells whether every plumb rule is one of a table; others may frame a figure, and level ones part the text."""
    near = 0.6 * rules.unit
    boxes = [(x0 - near, y0 - near, x1 + near, y1 + near) for x0, y0, x1, y1 in (grid.bbox for grid in grids)]
    return all(
        any(holds(box, rule.at, rule.start) and holds(box, rule.at, rule.end) for box in boxes)
        for rule in rules.vertical
    )


def _is_filled(grid: TableGrid, layer: TextLayer) -> bool:
    filled = set()
    for word in layer.words:
        x, y = (word.bbox[0] + word.bbox[2]) / 2, (word.bbox[1] + word.bbox[3]) / 2
        if holds(grid.bbox, x, y):
            filled.add(grid.place(*grid.frame.upright(x, y)))
    owners = grid.owners()
    return len({owners[place] for place in filled}) >= FILLED_SHARE * len(grid.cells)
