"""The finisher's process: joins page records into documents and commits their folders, while the devices go on."""

from __future__ import annotations

import gc
import os
import time
import traceback

from batchocr.datatypes import Assembly
from batchocr.errors import FailureKind, StorageError, TaskError
from batchocr.outputs.assemble import assemble
from batchocr.worker.child import boot
from batchocr.worker.memory import MemoryWatch
from batchocr.worker.messages import EXIT_RECYCLED, Assembled, AssemblyFailed


def assemble_document(order: Assembly) -> Assembled | AssemblyFailed:
    """Gives what became of one order; never raises for a document's sake."""
    begun = time.monotonic()
    try:
        assemble(order)
    except TaskError as err:
        return AssemblyFailed(order.document_id, order.commit_id, err.kind, str(err))
    except StorageError as err:
        return AssemblyFailed(order.document_id, order.commit_id, FailureKind.OUTPUT_ERROR, str(err))
    except Exception as err:  # noqa: BLE001 - the finisher's loop: a fault of ours costs one document
        message = f"{type(err).__name__}: {err}\n{traceback.format_exc()}"
        return AssemblyFailed(order.document_id, order.commit_id, FailureKind.INTERNAL, message)
    return Assembled(order.document_id, order.commit_id, time.monotonic() - begun)


def main() -> None:
    """Assembles documents until told to leave, or until this process has grown too large."""
    link = boot()
    memory = MemoryWatch(link.max_rss_bytes)
    while (order := link.next_order()) is not None:
        assert isinstance(order, Assembly)
        link.outbox.put([assemble_document(order)])
        if memory.is_full(gc.collect):
            os._exit(EXIT_RECYCLED)
    os._exit(0)
