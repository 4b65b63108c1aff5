"""What the user asked for: files, folders, globs and lists become input roots and what to take below each.

A root is a folder that is walked (a folder, or the wildcard-free part of a glob), or the folder of files that were
named. An input that lies inside a folder that another input walks belongs to that folder's root, so that no file is
found twice and the order of the inputs does not matter.
"""

# Paths stay strings: a root may hold millions of them, and each may hold surrogate escapes.
# ruff: noqa: PTH100, PTH112, PTH118, PTH119, PTH120, PTH207

from __future__ import annotations

import glob
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from batchocr.datatypes import InputRoot
from batchocr.errors import InputError

WILDCARDS = "*?["


@dataclass
class RootPlan:
    """What to take below one input root.

    Attributes:
        path: absolute path of the root as the user spelt it.
        real: the same without symbolic links.
        patterns: segments of globs below the root; () takes all.
        named: folder below the root (POSIX, "" for the root) to the names of the files that were named there.
        label: shown in front of a source when a run has several roots.
    """

    path: str
    real: str
    patterns: list[tuple[str, ...]] = field(default_factory=list)
    named: dict[str, set[str]] = field(default_factory=dict)
    label: str = ""

    @property
    def root(self) -> InputRoot:
        """The root as other rooms know it."""
        return InputRoot(self.path, self.label)

    def wants(self, relative: str) -> bool:
        """Tells whether a walk takes this file: a pattern matches it, or a folder that it lies in."""
        parts = relative.split("/")
        return any(
            not pattern or any(_matches(pattern, parts[:count]) for count in range(1, len(parts) + 1))
            for pattern in self.patterns
        )

    def leads(self, folder: str) -> bool:
        """Tells whether anything that a walk takes can lie in this folder or below."""
        return any(_leads(pattern, folder.split("/")) for pattern in self.patterns)

    def names(self, parent: str) -> set[str]:
        """Gives the files in folder `parent` that were named."""
        return self.named.get(parent, set())

    def name_file(self, relative: str) -> None:
        """Adds a file that was named."""
        parent, _, name = relative.rpartition("/")
        self.named.setdefault(parent, set()).add(name)


def resolve_inputs(inputs: Sequence[str]) -> list[RootPlan]:
    """Gives the roots of these inputs, each once, in the order of the inputs.

    Raises:
        InputError: an input does not exist, or a list cannot be read or is empty.
    """
    plans: list[RootPlan] = []
    for given in inputs:
        if given.startswith("@") and not os.path.lexists(given):
            plans.extend(_plans_of_list(given[1:]))
        else:
            plans.append(_plan_of(given, given))
    return _labelled(_joined(plans))


def _plan_of(given: str, path: str) -> RootPlan:
    """Gives the plan of one file, folder or glob; `given` is how the user spelt it."""
    if os.path.isdir(path):
        return RootPlan(os.path.abspath(path), os.path.realpath(path), patterns=[()])
    if os.path.lexists(path):
        folder, name = os.path.split(os.path.abspath(path))
        return RootPlan(folder, os.path.realpath(folder), named={"": {name}})
    if any(wildcard in path for wildcard in WILDCARDS):
        return _plan_of_glob(given, path)
    raise InputError(f"input {given!r} does not exist; check the spelling and the current folder")


def _plan_of_glob(given: str, path: str) -> RootPlan:
    parts = Path(os.path.abspath(path)).parts
    first = next(index for index, part in enumerate(parts) if any(wildcard in part for wildcard in WILDCARDS))
    folder = str(Path(*parts[:first]))
    if next(glob.iglob(path, recursive=True), None) is None:
        raise InputError(f"nothing matches {given!r}; check the pattern and the current folder")
    return RootPlan(folder, os.path.realpath(folder), patterns=[parts[first:]])


def _plans_of_list(list_path: str) -> list[RootPlan]:
    """Gives the plans of the inputs in a list; those that are missing are refused one by one when their turn comes."""
    try:
        lines = Path(list_path).read_text("utf-8-sig", errors="surrogateescape").splitlines()
    except OSError as err:
        raise InputError(f"the list {list_path!r} cannot be read: {err.strerror}; check the spelling") from err
    base = os.path.dirname(os.path.abspath(list_path))
    entries = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    paths = [os.path.join(base, entry) for entry in entries]
    plans, files = [], []
    for entry, path in zip(entries, paths, strict=True):
        if os.path.isdir(path) or (not os.path.lexists(path) and any(wildcard in path for wildcard in WILDCARDS)):
            plans.append(_plan_of(entry, path))
        else:
            files.append(os.path.abspath(path))
    if not plans and not any(os.path.lexists(path) for path in files):
        raise InputError(f"the list {list_path!r} names nothing that exists; its paths are relative to its own folder")
    if files:
        plans.append(_plan_of_files(files))
    return plans


def _plan_of_files(files: Sequence[str]) -> RootPlan:
    try:
        folder = os.path.commonpath([os.path.dirname(path) for path in files])
    except ValueError as err:
        raise InputError("the files of a list must lie on one drive; make a list for each drive") from err
    plan = RootPlan(folder, os.path.realpath(folder))
    for path in files:
        plan.name_file(Path(os.path.relpath(path, folder)).as_posix())
    return plan


def _joined(plans: Iterable[RootPlan]) -> list[RootPlan]:
    """Gives one plan per root; what lies inside a walked root is taken over by it."""
    by_real: dict[str, RootPlan] = {}
    for plan in plans:
        same = by_real.setdefault(plan.real, plan)
        if same is not plan:
            _take_over(same, plan, "")
    joined = list(by_real.values())
    # Outermost first, so that a root that is taken over is never itself waiting to take over another.
    for outer in sorted((plan for plan in joined if plan.patterns), key=lambda plan: len(plan.real)):
        for inner in [plan for plan in joined if plan is not outer]:
            below = _visible_below(outer.real, inner.real)
            if below and outer in joined:
                _take_over(outer, inner, below)
                joined.remove(inner)
    return _without_repeats(joined)


def _take_over(outer: RootPlan, inner: RootPlan, below: str) -> None:
    prefix = tuple(below.split("/")) if below else ()
    # Brackets keep a folder's own wildcards from being read as such.
    literal = tuple(part.replace("[", "[[]").replace("*", "[*]").replace("?", "[?]") for part in prefix)
    for pattern in inner.patterns:
        if literal + pattern not in outer.patterns:
            outer.patterns.append(literal + pattern)
    for parent, names in inner.named.items():
        folder = "/".join(part for part in (below, parent) if part)
        outer.named.setdefault(folder, set()).update(names)


def _without_repeats(plans: list[RootPlan]) -> list[RootPlan]:
    """Drops files that were named under two roots (a list beside its own files): the first root keeps them."""
    seen: set[str] = set()
    for plan in plans:
        for parent, names in plan.named.items():
            for name in sorted(names):
                real = os.path.join(plan.real, parent, name)
                if real in seen:
                    names.discard(name)
                seen.add(real)
    return [plan for plan in plans if plan.patterns or any(plan.named.values())]


def _visible_below(outer: str, inner: str) -> str:
    """Gives the way from `outer` down to `inner` (POSIX), "" if there is none or a hidden folder is on it."""
    if not is_inside(inner, outer):
        return ""
    way = Path(os.path.relpath(inner, outer)).as_posix()
    return "" if any(part.startswith(".") for part in way.split("/")) else way


def is_inside(path: str, folder: str) -> bool:
    """Tells whether an absolute path lies in a folder or is that folder."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _matches(pattern: Sequence[str], parts: Sequence[str]) -> bool:
    """Tells whether a glob, segment by segment, matches a whole path; `**` stands for any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return _matches(pattern[1:], parts) or (bool(parts) and _matches(pattern, parts[1:]))
    return bool(parts) and fnmatch(parts[0], pattern[0]) and _matches(pattern[1:], parts[1:])


def _leads(pattern: Sequence[str], folder: Sequence[str]) -> bool:
    """Tells whether a glob can match anything in a folder or below, or has taken the folder whole."""
    if not (pattern and folder) or pattern[0] == "**":
        return True
    return fnmatch(folder[0], pattern[0]) and _leads(pattern[1:], folder[1:])


def _labelled(plans: list[RootPlan]) -> list[RootPlan]:
    """Names the roots; one root alone needs no name in front of its documents."""
    if len(plans) == 1:
        return plans
    for plan in plans:
        plan.label = os.path.basename(plan.path) or "root"
    counts = Counter(plan.label.casefold() for plan in plans)
    for plan in plans:
        if counts[plan.label.casefold()] > 1:
            plan.label += "-" + hashlib.sha256(os.fsencode(plan.path)).hexdigest()[:8]
    return plans
