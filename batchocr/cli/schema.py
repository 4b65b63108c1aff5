"""`batchocr schema`: what the JSON that batchocr writes looks like, for programs that read it."""

from __future__ import annotations

import click

from batchocr.cli.options import emit, emit_json
from batchocr.errors import ExitCode

WHAT = {
    "page": "an entry of `pages` in NAME.json",
    "document": "NAME.json",
    "manifest": "manifest.json",
    "status": "batchocr status --json",
    "summary": "batchocr run --json, batchocr retry --json",
    "ingest": "batchocr ingest --json, watch --json; what `notify` gets",
}
EPILOG = """\b
Examples:
  batchocr schema                  which there are
  batchocr schema document > document.schema.json
"""


@click.command("schema", epilog=EPILOG)
@click.argument("name", required=False, type=click.Choice(list(WHAT)), metavar="[NAME]")
def command(name: str | None) -> int:
    """Prints a JSON Schema (draft 2020-12); without NAME, which there are.

    NAME is page, document, manifest, status, summary or ingest.
    """
    if name is None:
        emit("\n".join(f"{entry:<9} {what}" for entry, what in WHAT.items()))
        return int(ExitCode.OK)
    from batchocr.schemas import json_schema

    emit_json(json_schema(name))
    return int(ExitCode.OK)
