"""Looks at what the language model said about each block, and asks once more where it ran away or said nothing.

A language model can loop to its last token, or skip what is plainly there. PaddleOCR cuts some loops off in silence;
here such a block is found before that, read again with fewer pixels, and told in the page's warnings. It is never
dropped.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

logger = logging.getLogger(__name__)

CUT_OFF, REPEATED, EMPTY = "cut_off", "repeated", "empty"
_WORDS = {
    CUT_OFF: "its text reaches the most tokens allowed (max_new_tokens) and is cut off there",
    REPEATED: "its text repeats itself to the end",
    EMPTY: "there is ink but no text was read",
}
_BADNESS = {None: 0, CUT_OFF: 1, REPEATED: 1, EMPTY: 2}

# A loop: the end is the same piece, of some characters, so many times over.
_LONGEST_PIECE = 400
_REPEATS = 10
_REPEATED_CHARACTERS = 200
# Dotted leaders and ruled lines are long in earnest.
_REPEATED_MARKS = 2000
# Of a table: the marks between its cells, which empty rows repeat.
_CELL_MARK = re.compile(r"<[a-z]{2,5}>")

# Ink: a share of the crop that is clearly darker than its paper, grey levels 0 to 255.
_DARKER = 64
_INK_SHARE = 0.005

_FEWER = 0.5
_LEAST_PIXELS = 28 * 28  # one patch of what the model sees
# What marks a block in the pipeline's own objects, so that findings and results meet on any thread.
MARK = "batchocr_finding"

Reread = Callable[["Pixels", int, int], str]


class CutOff(str):
    """A text that ended since no more tokens were allowed."""

    __slots__ = ()


@dataclass(frozen=True)
class Finding:
    """What is wrong with a block's text.

    Attributes:
        kind: `cut_off`, `repeated` or `empty`.
        replaced: the second reading was better and stands in its place.
    """

    kind: str
    replaced: bool = False

    @property
    def words(self) -> str:
        """What is wrong, and what was done about it."""
        done = "stands in its place" if self.replaced else "was no better"
        return f"{_WORDS[self.kind]}; a second reading with fewer pixels {done}"


def find_fault(text: str, crop: Pixels) -> str | None:
    """Gives what is wrong with a reading, None if nothing is.

    Args:
        text: what the model said, before anybody changed it.
        crop: what it saw, shape (height, width, 3), uint8.
    """
    words = _CELL_MARK.sub(" ", text)
    if not words.strip():
        return EMPTY if has_ink(crop) else None
    if without_loop(words) is not None:
        return REPEATED
    return CUT_OFF if isinstance(text, CutOff) else None


def without_loop(text: str) -> str | None:
    """Gives a text that ends in a loop with one turn of it, None if it ends in none."""
    text = text.rstrip()
    for size in range(1, min(_LONGEST_PIECE, len(text) // _REPEATS) + 1):
        piece = text[-size:]
        if text[-2 * size : -size] != piece:
            continue
        least = _REPEATED_CHARACTERS if any(character.isalnum() for character in piece) else _REPEATED_MARKS
        if text.endswith(piece * max(_REPEATS, -(-least // size))):
            end = len(text)
            while end >= size and text.startswith(piece, end - size):
                end -= size
            return text[:size] if piece.endswith(text[:end]) else text[:end] + piece
    return None


def has_ink(crop: Pixels) -> bool:
    """Tells whether a picture shows more than its paper."""
    grey = crop.mean(axis=2)
    return bool((grey < np.percentile(grey, 95) - _DARKER).mean() > _INK_SHARE)


def second_reading(text: str, crop: Pixels, limits: tuple[int, int], reread: Reread) -> tuple[str, Finding | None]:
    """Gives a block's text, read again if something is wrong with it, and what was found.

    Args:
        text: the first reading.
        crop: what the model saw.
        limits: fewest and most pixels at which it saw it.
        reread: reads a picture within such limits.
    """
    kind = find_fault(text, crop)
    if kind is None:
        return text, None
    seen = min(max(crop.shape[0] * crop.shape[1], limits[0]), limits[1])
    most = max(_LEAST_PIXELS, int(seen * _FEWER))
    again = reread(_smaller(crop, most), min(limits[0], most), most)
    if _BADNESS[find_fault(again, crop)] < _BADNESS[kind]:
        return again, Finding(kind, replaced=True)
    # PaddleOCR would take the whole of a loop away, and leave nothing where there is nothing else.
    return without_loop(text) or text, Finding(kind)


def _smaller(crop: Pixels, most_px: int) -> Pixels:
    """Gives a picture of at most that many pixels: not every server heeds the limits that it is told."""
    height, width = crop.shape[:2]
    scale = (most_px / (height * width)) ** 0.5
    if scale >= 1:
        return crop
    import cv2

    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def watch_blocks(pipeline: Any, sampling: Mapping[str, Any]) -> bool:
    """Puts the checks between the pipeline's language model and what it makes of the answers.

    Blocks with a finding carry it as attribute `MARK` afterwards. Safe on several threads, as far as the pipeline is.

    Args:
        pipeline: `PaddleOCRVL.paddlex_pipeline._pipeline`.
        sampling: what the language model is told beside the limits of pixels.

    Returns:
        Whether this release of PaddleX lets itself be watched.
    """
    assemble = getattr(pipeline, "_paddleocr_vl_assemble_parsing_results", None)
    if assemble is None:
        logger.warning("this release of paddlex does not let blocks be checked; its answers are taken as they are")
        return False
    reader = pipeline.vl_rec_model
    _mark_cut_texts(reader, sampling.get("max_new_tokens", 4096))

    def checked(blocks: Any, batches: Any, keys: Any, *others: Any) -> Any:
        findings = _check(reader, blocks, batches, keys, sampling)
        assembled = assemble(blocks, batches, keys, *others)
        for page, found in enumerate(assembled[0]):
            for block in found:
                finding = findings.get((page, block.label, tuple(block.bbox)))
                if finding is not None:
                    setattr(block, MARK, finding)
        return assembled

    pipeline._paddleocr_vl_assemble_parsing_results = checked
    return True


def _check(reader: Any, blocks: Any, batches: Any, keys: Any, sampling: Mapping[str, Any]) -> dict[Any, Finding]:
    """Checks every reading; puts better ones in their place, and gives the findings by page, label and box."""
    findings = {}
    for place, limits in keys.items():
        page, number = place
        block = blocks[page][number]
        if block["label"] == "spotting":
            continue  # its answer is a list of places, and the page itself is the block
        batch = batches[limits]
        index = batch["vlm_block_ids"].index(place)
        answer = batch["vlm_results"][index]
        reread = partial(_read_again, reader, batch["queries"][index], sampling)
        text, finding = second_reading(answer["result"] or "", batch["images"][index], limits, reread)
        if finding is not None:
            answer["result"] = text
            findings[page, block["label"], tuple(map(int, block["box"]))] = finding
    return findings


def _read_again(reader: Any, query: str, sampling: Mapping[str, Any], crop: Pixels, least_px: int, most_px: int) -> str:
    asked = [{"image": crop, "query": query}]
    arguments = {"max_new_tokens": 4096, **sampling, "min_pixels": least_px, "max_pixels": most_px, "use_cache": True}
    (answer,) = list(reader.predict(asked, skip_special_tokens=True, **arguments))
    return answer["result"] or ""


def _mark_cut_texts(reader: Any, max_new_tokens: int) -> None:
    """Lets the language model give texts that reached the limit as `CutOff`, in the native backend and with servers."""
    processor = getattr(reader, "processor", None)
    if processor is not None and hasattr(processor, "postprocess"):
        decode = processor.postprocess

        def decoded(predicted: Any, **settings: Any) -> list[str]:
            texts = decode(predicted, **settings)
            cut = predicted[0].shape[-1] >= max_new_tokens
            return [CutOff(text) if cut else text for text in texts]

        processor.postprocess = decoded
    collect = getattr(reader, "_doc_vlm_genai_collect_responses", None)
    if collect is not None:

        def collected(futures: Any) -> list[str]:
            texts = collect(futures)
            reasons = [future.result().choices[0].finish_reason for future in futures]
            return [CutOff(text or "") if why == "length" else text for text, why in zip(texts, reasons, strict=True)]

        reader._doc_vlm_genai_collect_responses = collected
