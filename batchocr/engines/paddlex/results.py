"""Turns what a PaddleX pipeline gives for a page into plain data at once, since its results hold the page's pixels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from batchocr.datatypes import BBox, Block, PageImage, PageResult
from batchocr.engines.paddlex.geometry import Turn, bounding_box

if TYPE_CHECKING:
    from batchocr.datatypes import Pixels

RAW_KEY = "paddlex"
_TABLES = frozenset({"table"})
# PaddleX's names of pictures, without what says nothing.
_KIND = re.compile(r"(_det)?_res(_img)?$|_img$")
_KINDS = {"overall_ocr": "ocr", "res": "layout"}


def page_result(result: Any, page: PageImage, *, visualize: bool) -> PageResult:
    """Gives a pipeline's result as ours.

    Args:
        result: one result of a pipeline's `predict`; not needed afterwards.
        page: the page that was given to it.
        visualize: have the pipeline draw what it found.

    Returns:
        Blocks, Markdown and pictures from whatever the result offers. Boxes refer to the page as it came, unless it was
        flattened. `raw["paddlex"]` is the pipeline's own JSON, which names the document's source and page index.
    """
    turn = Turn.of(result.get("doc_preprocessor_res"), page)
    markdown, images = _markdown(result)
    blocks, crops = _blocks(result, turn, images)
    data = _json(result)
    data.update(input_path=page.source, page_index=page.page_no - 1)
    if "page_count" in data:  # some pipelines tell it
        data["page_count"] = page.page_count
    return PageResult(
        page_no=page.page_no,
        width_px=turn.width_px,
        height_px=turn.height_px,
        blocks=tuple(_ordered(blocks)),
        markdown=markdown,
        images={**dict(images.values()), **crops},
        visualizations=_visualizations(result) if visualize else {},
        raw={RAW_KEY: data},
        warnings=turn.warnings,
    )


def _json(result: Any) -> dict[str, Any]:
    result.pop("image", None)  # doc_understanding would write the page as numbers
    plain = _plain(result.json["res"])
    assert isinstance(plain, dict)
    return plain


def _plain(value: Any) -> Any:
    """Gives what JSON can hold; PaddleX's own conversion leaves some of numpy's types."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _markdown(result: Any) -> tuple[str | None, dict[str, tuple[str, Pixels]]]:
    """Gives the page's Markdown, and its pictures: PaddleX's path to our key and the pixels."""
    if not hasattr(type(result), "markdown"):
        return None, {}
    written = result.markdown
    text = written["markdown_texts"]
    images = {}
    for number, (path, picture) in enumerate(written["markdown_images"].items(), start=1):
        key = f"image_{number}"
        images[path] = (key, _pixels(picture))
        text = text.replace(path, key)
    return text, images


def _blocks(
    result: Any, turn: Turn, images: Mapping[str, tuple[str, Pixels]]
) -> tuple[list[tuple[Block, bool]], dict[str, Pixels]]:
    """Gives the blocks in reading order, each with whether it is read in line, and crops that stand nowhere else."""
    if "parsing_res_list" in result:
        return [_parsed(item, turn, images) for item in result["parsing_res_list"]], {}
    if "output_img" in result:  # doc_preprocessor: the page itself is the result
        block = Block("image", (0.0, 0.0, float(turn.width_px), float(turn.height_px)), None, image="image_1")
        return [(block, True)], {"image_1": _copied(result["output_img"])}
    return [(block, True) for block in _found(result, turn)], {}


def _found(result: Any, turn: Turn) -> Iterator[Block]:
    whole = (0.0, 0.0, float(turn.width_px), float(turn.height_px))
    if "table_res_list" in result:
        for table in result["table_res_list"]:
            yield Block(
                "table", turn.back(bounding_box(table["cell_box_list"]) or whole), None, html=table["pred_html"]
            )
    elif "formula_res_list" in result:
        for formula in result["formula_res_list"]:
            box = bounding_box(formula.get("dt_polys")) or whole
            yield Block("formula", turn.back(box), None, str(formula["rec_formula"]))
    elif "seal_res_list" in result:
        yield from _seals(result, turn, whole)
    elif "rec_texts" in result:
        yield from _lines(result, turn)
    elif "boxes" in result:
        for found in result["boxes"]:
            box = bounding_box(found["coordinate"]) or whole
            yield Block(str(found["label"]), turn.back(box), None, score=_share(found["score"]))
    elif "label_names" in result:
        pairs = zip(result["label_names"], result["scores"], strict=False)
        yield Block("text", whole, None, "\n".join(f"{name} {float(score):.3f}" for name, score in pairs))
    elif isinstance(result.get("result"), str) and result["result"].strip():  # doc_understanding
        yield Block("text", whole, None, result["result"])


def _lines(result: Any, turn: Turn) -> Iterator[Block]:
    label = "seal" if result.get("text_type") == "seal" else "text"
    for text, score, outline in zip(result["rec_texts"], result["rec_scores"], result["rec_polys"], strict=True):
        box = bounding_box(outline)
        if box is not None:
            yield Block(label, turn.back(box), None, str(text), score=_share(score))


def _seals(result: Any, turn: Turn, whole: BBox) -> Iterator[Block]:
    """Gives one block per seal; PaddleX reads crops, whose places only the layout knows."""
    boxes = (result.get("layout_det_res") or {}).get("boxes", ())
    places = [bounding_box(found["coordinate"]) for found in boxes if str(found["label"]).lower() == "seal"]
    for number, seal in enumerate(result["seal_res_list"]):
        box = (places[number] if number < len(places) else None) or whole
        scores = [float(score) for score in seal["rec_scores"]]
        score = _share(min(scores)) if scores else None
        yield Block("seal", turn.back(box), None, "\n".join(map(str, seal["rec_texts"])), score=score)


def _parsed(item: Any, turn: Turn, images: Mapping[str, tuple[str, Pixels]]) -> tuple[Block, bool]:
    """Gives a block of a layout pipeline: an object of PP-StructureV3, a dictionary of the older layout_parsing."""
    if isinstance(item, Mapping):
        label, box, picture, in_line = str(item["block_label"]), item["block_bbox"], None, True
        content = item.get(label)
        content = content if isinstance(content, str) else ""
    else:
        label, box, content = item.label, item.bbox, str(item.content or "")
        picture, in_line = item.image, item.order_index is not None
    key = images[picture["path"]][0] if picture and picture["path"] in images else None
    html = content if label in _TABLES and "<" in content else ""
    place = turn.back(bounding_box(box) or (0.0, 0.0, 0.0, 0.0))
    return Block(label, place, None, "" if html else content, html=html, image=key), in_line


def _ordered(blocks: Iterable[tuple[Block, bool]]) -> Iterator[Block]:
    order = 0
    for block, in_line in blocks:
        order += in_line
        yield Block(
            block.label, block.bbox, order if in_line else None, block.text, block.html, block.score,
            block.level, block.image,
        )  # fmt: skip


def _visualizations(result: Any) -> dict[str, Pixels]:
    """Gives what the pipeline draws, by kind."""
    if "formula_res_list" in result and "parsing_res_list" not in result:
        # Its picture of the formulas would start LaTeX for each of them.
        layout = result["layout_det_res"]
        return {"layout": _pixels(layout.img["res"])} if layout else {}
    pictures = result.img if hasattr(type(result), "img") else {}
    return {_kind(key): _pixels(picture) for key, picture in pictures.items()}


def _kind(key: str) -> str:
    kind = _KIND.sub("", key) or key
    return _KINDS.get(kind, kind)


def _pixels(picture: Any) -> Pixels:
    """Gives a Pillow picture, or an RGB array, as BGR."""
    rgb = np.asarray(picture.convert("RGB") if hasattr(picture, "convert") else picture, dtype=np.uint8)
    return np.ascontiguousarray(rgb[:, :, ::-1])


def _copied(pixels: Any) -> Pixels:
    return np.array(pixels, dtype=np.uint8, order="C")


def _share(score: Any) -> float:
    return min(1.0, max(0.0, float(score)))
