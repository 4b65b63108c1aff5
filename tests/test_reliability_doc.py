"""docs/reliability.md names only tests and programs that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_every_file_that_the_document_names_exists() -> None:
    named = set(re.findall(r"`((?:[\w]+/)*[\w-]+\.(?:py|md))`", (ROOT / "docs" / "reliability.md").read_text("utf-8")))
    assert len(named) > 20
    missing = [name for name in named if not any((folder / name).is_file() for folder in (ROOT, ROOT / "tests"))]
    assert missing == []
