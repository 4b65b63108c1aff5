"""The manifest of a document's folder: where it came from, what is in it, and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from batchocr.datatypes import Assembly, PageRanges
from batchocr.outputs.json_document import failed_entry
from batchocr.version import __version__

SCHEMA = 1
MANIFEST_NAME = "manifest.json"
_MAX_BYTES = 256 << 20


def build_manifest(
    order: Assembly,
    *,
    done: PageRanges,
    blank: PageRanges,
    warnings: Mapping[str, Iterable[int]],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Gives the manifest as JSON data.

    Args:
        order: what was assembled.
        done: pages with content.
        blank: pages without.
        warnings: message to the pages that it is about.
        files: every file of the folder but the manifest, POSIX and relative, to its sha256.
    """
    return {
        "batchocr": __version__,
        "blank": _pairs(blank),
        "commit_id": order.commit_id,
        "done": _pairs(done),
        "engine": order.engine,
        "failed": [failed_entry(entry) for entry in order.failed],
        "files": dict(files),
        "fingerprint": order.fingerprint,
        "folder": order.folder,
        "format": order.format.value,
        "page_count": order.page_count,
        "pages": _pairs(order.page_nos),
        "schema": SCHEMA,
        "sha256": order.sha256,
        "size_bytes": order.size_bytes,
        "source": order.source,
        "warnings": [
            {"message": message, "pages": _pairs(PageRanges.of(page_nos))}
            for message, page_nos in sorted(warnings.items())
        ],
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Writes the manifest into a folder; raises OSError as `open` does."""
    text = json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False)
    (folder / MANIFEST_NAME).write_text(text + "\n", encoding="ascii", newline="\n")


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Gives the manifest of a folder, or None where there is none of ours (missing, unreadable, of another program)."""
    path = folder / MANIFEST_NAME
    try:
        if path.is_symlink() or path.stat().st_size > _MAX_BYTES:
            return None
        manifest = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        return None
    ours = isinstance(manifest.get("commit_id"), str) and isinstance(manifest.get("folder"), str)
    return manifest if ours and isinstance(manifest.get("files"), dict) else None


def _pairs(ranges: PageRanges) -> list[list[int]]:
    return [[first, last] for first, last in ranges.ranges]
