"""Blocks in their order: paragraphs that go on in the next column, the title of the page, captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from batchocr.datatypes import BBox, Block
from batchocr.engines.ppocr.geometry import median, overlap
from batchocr.engines.ppocr.margins import MARGIN
from batchocr.engines.ppocr.paragraphs import Paragraph, goes_on_beside
from batchocr.engines.ppocr.wording import is_caption, join_texts

TITLE_RATIO = 1.35
CAPTION_GAP = 2.5


@dataclass(frozen=True)
class Placement:
    """A block in its place in the flow, with the paragraph that it was made of, if it is text.

    Attributes:
        block: as it stands on the page.
        paragraph: None for tables and figures.
    """

    block: Block
    paragraph: Paragraph | None = None

    @property
    def title_height(self) -> float:
        """Height of the letters of a heading, px; 0 for all else."""
        if self.paragraph is None or self.paragraph.label != "paragraph_title":
            return 0.0
        return median([row.height for row in self.paragraph.rows], 0.0)


def with_columns_joined(placements: Sequence[Placement]) -> list[Placement]:
    """Gives a paragraph that goes on in the next column its whole text; the block where it goes on has none."""
    joined = list(placements)
    head = 0
    for index, (above, below) in enumerate(pairwise(placements), 1):
        if not (above.paragraph and below.paragraph and goes_on_beside(above.paragraph, below.paragraph)):
            head = index
            continue
        text = join_texts((joined[head].block.text, below.block.text))
        joined[head] = replace(joined[head], block=replace(joined[head].block, text=text))
        joined[index] = replace(below, block=replace(below.block, text=""))
    return joined


def with_title(placements: Sequence[Placement], body: float, page_height: float) -> list[Block]:
    """Makes the page's biggest heading the document's title if it stands at the top and is far bigger than the text."""
    blocks = [placement.block for placement in placements]
    heights = [placement.title_height for placement in placements]
    biggest = max(heights, default=0.0)
    for index, block in enumerate(blocks[:4]):
        big = heights[index] >= max(TITLE_RATIO * body, 0.98 * biggest)
        if block.label == "paragraph_title" and big and block.bbox[1] < 0.4 * page_height:
            blocks[index] = replace(block, label="doc_title", level=1)
            break
    return blocks


def without_last_title(blocks: Sequence[Block], page_height: float) -> list[Block]:
    """Makes what would be a heading at the page's foot, with nothing after it, text: most such lines are footers."""
    if len(blocks) < 2 or blocks[-1].label != "paragraph_title" or blocks[-1].bbox[1] < (1 - MARGIN) * page_height:
        return list(blocks)
    return [*blocks[:-1], replace(blocks[-1], label="text", level=None)]


def with_captions(blocks: Sequence[Block], body: float) -> list[Block]:
    """Gives the blocks with the captions beside tables and figures labelled as such."""
    regions = [block.bbox for block in blocks if block.label in {"table", "image", "algorithm"}]
    labelled = []
    for block in blocks:
        is_text = block.label in {"text", "paragraph_title"}
        if is_text and is_caption(block.text) and any(_is_beside(block.bbox, region, body) for region in regions):
            labelled.append(replace(block, label="figure_title", level=None))
        else:
            labelled.append(block)
    return labelled


def _is_beside(box: BBox, region: BBox, body: float) -> bool:
    gap = max(region[1] - box[3], box[1] - region[3])
    return gap <= CAPTION_GAP * body and overlap(box[0], box[2], region[0], region[2]) > 0
