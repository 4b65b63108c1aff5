"""The short-lived process that asks an engine what it is, so that the coordinator imports no engine.

Its standard input holds one JSON object `{"engine": name, "options": {...}, "mode": word or null}`; its standard output
gets the answer: `{"info": {...}, "options": {...}}` or `{"error": "ConfigError" | "SetupError", "message": "..."}`.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from batchocr.engines.registry import engine_class
from batchocr.errors import BatchOcrError, ConfigError


def describe(name: str, options: dict[str, Any], mode: str | None) -> dict[str, Any]:
    """Gives the answer about one engine; the run's `mode` becomes an option of engines that have it."""
    try:
        engine_type = engine_class(name)
        if mode is not None and "mode" not in engine_type.Options.model_fields:
            raise ConfigError(f"Engine {name} has no option `mode`; leave mode={mode} out.")
        options = options if mode is None else {"mode": mode, **options}
        try:
            checked = engine_type.Options.model_validate(options)
        except ValidationError as err:
            raise ConfigError(_sentences(name, engine_type.Options.model_fields, err)) from err
        return {"info": asdict(engine_type.describe(checked)), "options": options}
    except BatchOcrError as err:
        return {"error": type(err).__name__, "message": str(err)}


def _sentences(name: str, known: dict[str, Any], err: ValidationError) -> str:
    parts = []
    for fault in err.errors():
        key = ".".join(str(part) for part in fault["loc"])
        parts.append(f"engine option {key}: {fault['msg'].lower()}")
    return f"{'; '.join(parts)}. Options of {name}: {', '.join(known)}."


def main() -> None:
    """Answers one question."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not end up in the answer
    question = json.load(sys.stdin)
    json.dump(describe(question["engine"], question["options"], question["mode"]), out)
    out.close()
    os._exit(0)
