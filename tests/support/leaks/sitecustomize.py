"""Makes one kind of child leak. Python imports this when a process starts that has this folder on PYTHONPATH.

LEAK is a JSON object: in a process that runs `module`, each call of `name` (dots lead into a class) in it keeps `bytes`
more, until the process ends. Every such process leaves a file named by its number in `folder`.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_kept: list[bytes] = []


def _leak(module: str, name: str, folder: str, size: int) -> None:
    owner: Any = import_module(module)
    *classes, last = name.split(".")
    for part in classes:
        owner = getattr(owner, part)
    function = getattr(owner, last)

    def leaking(*arguments: Any) -> Any:
        _kept.append(b"x" * size)
        return function(*arguments)

    setattr(owner, last, leaking)
    (Path(folder) / str(os.getpid())).touch()


_orders = json.loads(os.environ["LEAK"])
if any(f"from {_orders['module']} import" in argument for argument in sys.orig_argv):
    _leak(_orders["module"], _orders["name"], _orders["folder"], _orders["bytes"])
