"""An engine on a device, as workers and the serial executor use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from batchocr.engines.base import Engine
from batchocr.engines.registry import engine_class
from batchocr.pipeline import Answer, OpenPages, TaskPage, Thumbnails, recognize
from batchocr.worker.messages import WorkPlan


def thumbnails_for(plan: WorkPlan) -> Thumbnails:
    """Gives when a thumbnail is enough of a page: the engine decides, and only a visualization shows it."""
    needs_pixels = engine_class(plan.engine.name).needs_pixels
    return Thumbnails(needs_pixels, plan.visualization_dpi if "pdf" in plan.formats else 0)


class EngineSession:
    """Builds one engine, keeps it loaded, and builds it anew when a page wants a fresh one."""

    def __init__(self, plan: WorkPlan, device: str) -> None:
        self._plan = plan
        self._device = device
        self._engine: Engine | None = None

    def load(self) -> None:
        """Imports, builds and loads the engine; lets go of the old one first.

        Raises:
            SetupError: a library, weights or the device is missing.
            EngineError: the engine cannot be loaded.
        """
        self.close()
        engine_type = engine_class(self._plan.engine.name)
        engine = engine_type(engine_type.Options.model_validate(dict(self._plan.engine_options)))
        engine.load(self._device)
        self._engine = engine

    def run(
        self, pages: Iterable[TaskPage | None], opened: Callable[[OpenPages], None], *, fresh_engine: bool
    ) -> Iterator[Answer]:
        """Gives an answer for every page (fewer after a fatal failure)."""
        if self._engine is None or fresh_engine:
            self.load()
        assert self._engine is not None
        yield from recognize(self._engine, pages, opened)

    def release_memory(self) -> None:
        """Lets the engine give back what its caches hold; between pages, in the thread that recognizes."""
        if self._engine is not None:
            self._engine.release_memory()

    def close(self) -> None:
        """Lets go of the engine."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
