"""Reads a document with rapidocr as it comes (`RapidOCR()`), drawn at 200 dpi; writes its pages' texts as JSON.

python benchmarks/peer_rapidocr.py FILE OUTPUT.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pypdfium2
from PIL import Image, ImageOps, ImageSequence
from rapidocr import RapidOCR


def images(file: Path) -> Iterator[Image.Image]:
    """Gives the pages of a PDF or an image file."""
    if file.suffix != ".pdf":
        for frame in ImageSequence.Iterator(Image.open(file)):
            yield ImageOps.exif_transpose(frame).convert("RGB")
        return
    with pypdfium2.PdfDocument(file) as document:
        for page in document:
            yield page.render(scale=200 / 72).to_pil().convert("RGB")


def main() -> None:
    """Reads one document."""
    engine = RapidOCR()
    texts = []
    for image in images(Path(sys.argv[1])):
        found = engine(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]))
        texts.append("\n".join(found.txts or ()))
    Path(sys.argv[2]).write_text(json.dumps(texts, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
