"""Which engines there are: names from the entry point group `batchocr.engines`. Listing imports no engine."""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from batchocr.errors import ConfigError, SetupError

if TYPE_CHECKING:
    from batchocr.engines.base import Engine

GROUP = "batchocr.engines"


def engine_entry_points() -> dict[str, EntryPoint]:
    """Gives every registered engine by name, sorted; ours and other packages' alike."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def engine_class(name: str) -> type[Engine]:
    """Imports and gives the class of one engine.

    Raises:
        ConfigError: no engine has that name; lists the known ones.
        SetupError: a library that the engine's module needs is missing.
    """
    points = engine_entry_points()
    if name not in points:
        near = difflib.get_close_matches(name, points, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ConfigError(f"There is no engine called {name!r}.{hint} Known engines: {', '.join(points) or 'none'}.")
    try:
        loaded: type[Engine] = points[name].load()
    except ImportError as err:
        raise SetupError(f"Engine {name} cannot be imported ({err}). Reinstall the package that provides it.") from err
    return loaded
