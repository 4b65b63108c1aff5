"""Which documents belong to which machine, where several share a set of inputs without knowing of each other."""

from __future__ import annotations

import hashlib
import os


def in_shard(relative: str, shard: str | None) -> bool:
    """Tells whether a document belongs to a shard.

    Args:
        relative: path below its input root; may hold surrogate escapes.
        shard: such as `2/8`, the second of eight; None takes all.
    """
    if shard is None:
        return True
    number, _, count = shard.partition("/")
    digest = hashlib.sha256(os.fsencode(relative)).digest()
    return int.from_bytes(digest[:8], "big") % int(count) == int(number) - 1
