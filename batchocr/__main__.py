"""`python -m batchocr`: the same as the command `batchocr`."""

from __future__ import annotations

from batchocr.cli.main import entry

if __name__ == "__main__":
    entry()
