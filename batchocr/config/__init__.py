"""Settings of a run: declared once, merged from five places, checked, frozen.

Everything that reads a setting from the environment or a file is here. This room knows no engine and opens no document.
"""

from __future__ import annotations

from batchocr.config.fingerprint import fingerprint
from batchocr.config.ingest import IngestSettings, load_ingest_settings
from batchocr.config.loading import build_settings, load_settings, parse_engine_options, secrets_from_environment
from batchocr.config.overlap import check_apart
from batchocr.config.settings import FORMATS, RunSettings, Setting, describe_settings

__all__ = [
    "FORMATS",
    "IngestSettings",
    "RunSettings",
    "Setting",
    "build_settings",
    "check_apart",
    "describe_settings",
    "fingerprint",
    "load_ingest_settings",
    "load_settings",
    "parse_engine_options",
    "secrets_from_environment",
]
