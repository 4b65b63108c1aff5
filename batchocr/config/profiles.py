"""Finds profiles: named settings files of the user's own, then those that come with batchocr."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from batchocr.errors import ConfigError

FOLDER = "configs"
# Below what pip takes for the root of data files (pyproject.toml, data-files).
SHIPPED = f"share/batchocr/{FOLDER}/*.yaml"


def find_profile(name: str, job: Path | None) -> Path:
    """Gives a profile's file.

    Args:
        name: a path, or a name in `configs` beside the job's folder, in the current folder, or among the profiles that
            come with batchocr.
        job: the job file that names it, if one does.

    Raises:
        ConfigError: there is none; the message names those that there are.
    """
    if Path(name).is_file():
        return Path(name)
    near = (job.parent.resolve().parent if job is not None else Path.cwd()) / FOLDER
    known: dict[str, Path] = {}
    for file in (*near.glob("*.yaml"), *(Path.cwd() / FOLDER).glob("*.yaml"), *_shipped()):
        known.setdefault(file.stem, file)
    if name not in known:
        there = f"Profiles there are: {', '.join(sorted(known))}." if known else "There is no profile there."
        raise ConfigError(f"There is no profile {name!r}: looked for {near / name}.yaml. {there}")
    return known[name]


def _shipped() -> Iterator[Path]:
    """Gives the profiles that were installed, or those of the checkout that the program runs from."""
    checkout = Path(__file__).parents[2]
    if (checkout / "pyproject.toml").is_file():
        yield from sorted((checkout / FOLDER).glob("*.yaml"))
        return
    from importlib.metadata import PackageNotFoundError, files

    try:
        installed = files("batchocr") or []
    except PackageNotFoundError:
        return
    yield from sorted(Path(str(file.locate())) for file in installed if file.match(SHIPPED))
