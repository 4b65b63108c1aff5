"""`--metrics FILE`: how a run goes, as OpenMetrics text for whoever scrapes it.

The file is replaced as a whole every few seconds, so that no reader ever meets half of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from batchocr.datatypes import RunProgress, WorkerUse
from batchocr.errors import SetupError, StorageError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 5.0
WORKER = ("worker", "device")


class MetricsFile:
    """Writes the metrics of one run.

    Args:
        path: of the file.
        about: of the run: labels and values of `batchocr_run_info`.

    Raises:
        SetupError: the library is missing.
        StorageError: the file cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, str]) -> None:
        self._path = path
        self._about = dict(about)
        try:
            import prometheus_client  # noqa: F401 - so that its absence is told before any page is read
        except ImportError as err:
            raise SetupError('--metrics needs prometheus_client. Install it: pip install "batchocr[metrics]"') from err
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._replace(b"# EOF\n")
        except OSError as err:
            raise StorageError(
                f"--metrics {path} cannot be written ({err.strerror or err}); name another file."
            ) from err

    def write(
        self,
        progress: RunProgress,
        skipped: int,
        uses: Iterable[WorkerUse],
        folders: tuple[int, float],
        *,
        active: bool,
    ) -> None:
        """Replaces the file; what cannot be written is logged and comes again with the next.

        Args:
            progress: how far the run is.
            skipped: documents that were finished before.
            uses: what each worker did.
            folders: how many were written, and what that took, s.
            active: the run goes on.
        """
        from prometheus_client.openmetrics.exposition import generate_latest

        metrics = [*_of_run(self._about, progress, skipped, folders, active=active), *_of_workers(progress, list(uses))]
        try:
            self._replace(generate_latest(_Given(metrics)))  # type: ignore[no-untyped-call]
        except OSError as err:
            logger.warning("the metrics cannot be written to %s (%s)", self._path, err.strerror or err)

    def _replace(self, text: bytes) -> None:
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_bytes(text)
            beside.replace(self._path)
        finally:
            beside.unlink(missing_ok=True)


class _Given:
    """What the library takes for a registry: metrics that are there already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Metric]:
        return self._metrics


def _of_run(
    about: dict[str, str], progress: RunProgress, skipped: int, folders: tuple[int, float], *, active: bool
) -> Iterator[Metric]:
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

    yield InfoMetricFamily("batchocr_run", "The run.", about)
    yield GaugeMetricFamily("batchocr_run_active", "1 while the run goes on.", int(active))
    yield GaugeMetricFamily("batchocr_run_elapsed_seconds", "Time since the run began.", progress.elapsed_s)
    documents = GaugeMetricFamily("batchocr_documents", "Documents by how far they are.", labels=["state"])
    pages = GaugeMetricFamily("batchocr_pages", "Pages by how far they are.", labels=["state"])
    for state, value in (
        ("found", progress.documents_total),
        ("ended", progress.documents_ended),
        ("skipped", skipped),
    ):
        documents.add_metric([state], value)
    for state, value in (
        ("known", progress.pages_total), ("done", progress.pages_done), ("failed", progress.pages_failed),
    ):  # fmt: skip
        pages.add_metric([state], value)
    yield documents
    yield pages
    yield CounterMetricFamily("batchocr_folders", "Folders written.", folders[0])
    yield CounterMetricFamily("batchocr_folder_seconds", "Time that writing folders took.", folders[1])


def _of_workers(progress: RunProgress, uses: list[WorkerUse]) -> Iterator[Metric]:
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

    pages = CounterMetricFamily("batchocr_worker_pages", "Pages read.", labels=WORKER)
    loads = CounterMetricFamily("batchocr_worker_loads", "Times that the engine was loaded.", labels=WORKER)
    seconds = CounterMetricFamily(
        "batchocr_worker_seconds", "Time by what it went to; steps overlap.", labels=[*WORKER, "step"]
    )
    idle = GaugeMetricFamily(
        "batchocr_worker_idle_ratio", "Share of its time in which the engine had nothing to do.", labels=WORKER
    )
    gpu = GaugeMetricFamily(
        "batchocr_gpu_busy_ratio", "Mean share of time in which the GPU was at work.", labels=WORKER
    )
    memory = GaugeMetricFamily("batchocr_worker_memory_bytes", "Resident memory.", labels=WORKER)
    gpu_memory = GaugeMetricFamily("batchocr_gpu_memory_bytes", "Memory taken on the GPU, by whomever.", labels=WORKER)
    for use in uses:
        labels = [use.worker, use.device]
        pages.add_metric(labels, use.pages)
        loads.add_metric(labels, use.loads)
        idle.add_metric(labels, use.idle_share)
        for step in ("load", "ready", "busy", "render", "queue_wait", "recognize", "spool"):
            seconds.add_metric([*labels, step], getattr(use, f"{step}_s"))
        if use.gpu_busy is not None:
            gpu.add_metric(labels, use.gpu_busy)
    for view in progress.workers:
        memory.add_metric([view.worker, view.device], view.rss_bytes)
        if view.gpu_bytes is not None:
            gpu_memory.add_metric([view.worker, view.device], view.gpu_bytes)
    yield from (pages, loads, seconds, idle, memory, gpu, gpu_memory)
