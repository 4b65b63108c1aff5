"""The settings of a run as the ledger keeps them: no secrets, and paths that hold when the folders move together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from batchocr.coordinator.context import RunContext
from batchocr.errors import StorageError
from batchocr.ledger.connection import FILE_NAME, display_name
from batchocr.ledger.queries import reading


def portable_settings(context: RunContext) -> dict[str, Any]:
    """Gives the settings as the ledger stores them: paths relative to the output folder, no secrets."""
    stored = context.settings.ledger_safe()
    stored["inputs"] = [
        "@" + context.relative(item[1:]) if item.startswith("@") else context.relative(item)
        for item in context.settings.inputs
    ]
    stored["output"] = "."
    for key in ("state_dir", "password_file", "metrics"):
        stored[key] = context.relative(stored[key]) if stored[key] else None
    return json.loads(display_name(json.dumps(stored, ensure_ascii=False)))  # type: ignore[no-any-return]


def stored_settings(output: Path, state_dir: Path | None) -> dict[str, Any]:
    """Gives the settings of the last run of an output folder, ready for a run that goes on with it.

    Raises:
        StorageError: no run has written there yet, or the ledger cannot be read.
    """
    with reading((state_dir or output / ".batchocr") / FILE_NAME) as queries:
        last = queries.last_run()
    if last is None:
        raise StorageError(f"No run has written to {output} yet.")
    values = dict(last.settings)
    values["inputs"] = [
        "@" + str(output / item[1:]) if item.startswith("@") else str(output / item) for item in values["inputs"]
    ]
    for key in ("state_dir", "password_file", "metrics"):
        values[key] = output / values[key] if values.get(key) else None
    return {**values, "output": output, "force": False, "dry_run": False, "time_budget": None}
