"""The fingerprint: tells whether a document's outputs are still what these settings would give."""

from __future__ import annotations

import hashlib
import json

from batchocr.config.settings import RunSettings, without_secrets
from batchocr.datatypes import EngineInfo


def fingerprint(settings: RunSettings, engine_info: EngineInfo) -> str:
    """Gives the sha256 (hex) of all that changes outputs: settings marked so, engine, weights and engine options.

    The release number of batchocr is not part of it; the engine's output version is.
    """
    content = {
        "settings": settings.output_settings(),
        "engine": engine_info.name,
        "output_version": engine_info.output_version,
        "weights": dict(engine_info.weights),
        "options": without_secrets(engine_info.options),
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
