"""Whether a document's file is still the one that was probed."""

from __future__ import annotations

from pathlib import Path

from batchocr.datatypes import FileIdentity

CHANGED = "the file was changed or removed while it was read; run again to read it as it is now"


def is_unchanged(path: str, identity: FileIdentity) -> bool:
    """Tells whether the file is still the one that was probed."""
    try:
        found = Path(path).stat()
    except OSError:
        return False
    return FileIdentity(found.st_size, found.st_mtime_ns, found.st_ino) == identity
