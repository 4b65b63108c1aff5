from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pypdfium2
from outputs_builders import block, noise, record

from batchocr.outputs.spool import read_segment
from batchocr.outputs.visualization import VisualizationWriter


def test_each_kind_becomes_a_pdf_with_pages_of_the_right_size(
    tmp_path: Path, write_segment: Callable[..., str]
) -> None:
    records = [record(1, block()), record(2, block(), visualizations={"ocr": noise(160, 120)})]
    segment = read_segment(Path(write_segment("s", records)))
    written = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        with ExitStack() as files:
            writer = VisualizationWriter(folder, "doc", 100, files)
            for page in segment:
                writer.add_page(page)
            writer.close()
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert sorted(written[0]) == ["doc_layout.pdf", "doc_ocr.pdf"]
    assert written[0] == written[1]
    layout = pypdfium2.PdfDocument(written[0]["doc_layout.pdf"])
    assert len(layout) == 2
    # 120 x 160 px at 200 dpi are 0.6 x 0.8 inches.
    assert [round(side, 1) for side in layout[0].get_size()] == [43.2, 57.6]
