"""Looks at an output folder: its last run, the documents of it, its report. Changes nothing but the report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchocr.config import RunSettings
from batchocr.coordinator.lock import holder_of
from batchocr.datatypes import DocumentReport, FoundFolder, KnownFile
from batchocr.documents.discovery import discover
from batchocr.errors import StorageError
from batchocr.ledger.connection import FILE_NAME
from batchocr.ledger.queries import reading
from batchocr.outputs.manifest import read_manifest
from batchocr.outputs.paths import REPORT_FILE
from batchocr.report.entries import document_entry, totals_entry, worker_entry
from batchocr.report.tally import RunTally


def status(output: Path, state_dir: Path | None = None) -> dict[str, Any]:
    """Gives the last run of an output folder as JSON-safe data (schema 1); works while it is going.

    Raises:
        StorageError: no run has written there yet, or the ledger cannot be read.
    """
    with reading((state_dir or output / ".batchocr") / FILE_NAME) as queries:
        last = queries.last_run()
        if last is None:
            raise StorageError(f"No run has written to {output} yet.")
        if last.is_going and _is_cut_off(output):
            last = last.cut_off(queries.last_write)
        counts, documents = RunTally(), []
        for document in queries.documents(last.run_id, is_going=last.is_going):
            counts.add(document)
            documents.append(document_entry(document))
        workers = [worker_entry(use) for use in queries.workers(last.run_id)]
    report_file = output / REPORT_FILE
    return {
        "schema": 1,
        "run": {
            "id": last.run_id, "state": last.state, "started_at": last.started_at, "ended_at": last.ended_at,
            "engine": last.engine["name"], "devices": list(last.devices), "host": last.host, "pid": last.pid,
            "version": last.version, "message": last.message,
        },
        "report": str(report_file) if report_file.is_file() else None,
        "totals": totals_entry(counts),
        "workers": workers,
        "documents": documents,
    }  # fmt: skip


def find(settings: RunSettings) -> Iterator[FoundFolder]:
    """Gives what a run would look at, folder by folder; nothing is opened.

    Raises:
        InputError: an input does not exist.
    """
    return discover(settings.inputs, excluded=[settings.output])


def files(settings: RunSettings, run_id: str) -> Iterator[tuple[KnownFile, DocumentReport]]:
    """Gives the documents that a run met, with the files that were read.

    Raises:
        StorageError: the ledger cannot be read.
    """
    with reading(settings.state_path / FILE_NAME) as queries:
        for file, report in queries.files(run_id):
            yield replace(file, path=os.path.normpath(settings.output.absolute() / file.path)), report


def content_of(output: Path, folder: str) -> str | None:
    """Gives the sha256 of the document whose results stand in a folder of an output, None if there are none."""
    manifest = read_manifest(output / folder)
    return None if manifest is None else str(manifest.get("sha256"))


def report(output: Path, state_dir: Path | None = None) -> Path:
    """Writes the HTML report of the last run of an output folder and gives its path.

    Raises:
        StorageError: no run has written there yet, the ledger cannot be read, or the report cannot be written.
    """
    from batchocr.report.writing import write_report

    return write_report(output, state_dir or output / ".batchocr", is_cut_off=_is_cut_off(output))


def report_data(output: Path, state_dir: Path | None = None) -> dict[str, Any]:
    """Gives what the report shows of a run, as JSON-safe data (schema 1).

    Raises:
        StorageError: no run has written there yet, or the ledger cannot be read.
    """
    from batchocr.report.facts import Place, report_json

    return report_json(Place(output, state_dir or output / ".batchocr"), is_cut_off=_is_cut_off(output))


def _is_cut_off(output: Path) -> bool:
    """Tells whether nobody is at work on an output folder, so that a run that has not ended there was killed."""
    try:
        return holder_of(output.absolute() / ".batchocr") is None
    except StorageError:  # a lock on a read-only mount cannot be asked for
        return False
