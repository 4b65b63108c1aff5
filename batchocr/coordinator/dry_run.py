"""What a run would do, found out without writing anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchocr.coordinator.context import RunContext
from batchocr.coordinator.sharding import in_shard
from batchocr.datatypes import FileIdentity
from batchocr.documents.discovery import discover
from batchocr.ledger.connection import FILE_NAME
from batchocr.ledger.queries import reading
from batchocr.outputs.manifest import read_manifest
from batchocr.outputs.paths import folder_names


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes:
        documents: how many documents there are among the inputs.
        to_do: source of each document that would be read.
        folders: source to output folder of these documents.
        skipped: how many are finished.
        refused: source and reason of each input that is not touched.
        engine: name of the engine.
        devices: devices that would be used.
        note: how engine and devices were chosen.
    """

    documents: int
    to_do: tuple[str, ...]
    folders: Mapping[str, str]
    skipped: int
    refused: tuple[tuple[str, str], ...]
    engine: str
    devices: tuple[str, ...]
    note: str


def plan_run(context: RunContext) -> Plan:
    """Gives the plan of a run.

    Raises:
        InputError: an input does not exist.
        StorageError: the ledger cannot be read.
    """
    finished = _finished(context)
    folders: dict[str, str] = {}
    refused: list[tuple[str, str]] = []
    documents = 0
    shard, limit = context.settings.shard, context.settings.max_documents
    for folder in discover(context.settings.inputs, excluded=[context.output]):
        root = context.relative(folder.root.path)
        before = f"{folder.root.label}/" if folder.root.label else ""
        by_name = {file.relative.rpartition("/")[2]: file for file in folder.files}
        targets = folder_names(folder.root.label, folder.parent, list(by_name), list(folder.names))
        for name, file in by_name.items():
            if not in_shard(file.relative, shard):
                continue
            if limit is not None and len(folders) >= limit:
                break
            documents += 1
            known = finished.get((root, file.relative)) == file.identity
            if not known or read_manifest(context.output / targets[name]) is None:
                folders[before + file.relative] = targets[name]
        refused.extend(
            (before + entry.relative, entry.reason) for entry in folder.refused if in_shard(entry.relative, shard)
        )
    return Plan(
        documents, tuple(folders), folders, documents - len(folders), tuple(refused), context.engine.name,
        tuple(device.name for device in context.devices), context.note,
    )  # fmt: skip


def _finished(context: RunContext) -> Mapping[tuple[str, str], FileIdentity]:
    ledger = context.state_dir / FILE_NAME
    if context.settings.force or not ledger.is_file():
        return {}
    with reading(ledger) as queries:
        return queries.finished(context.fingerprint)
