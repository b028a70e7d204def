"""Calls to the kernel that Python has no name for, and who descends from whom."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nbmon.lab.errors import LabError

PR_SET_PDEATHSIG, PR_GET_CHILD_SUBREAPER, PR_SET_CHILD_SUBREAPER = 1, 37, 36  # linux/prctl.h


def need_linux() -> None:
    """LabError elsewhere: the experiments look at /proc, and at what Linux alone can do."""
    if sys.platform != "linux":
        raise LabError(f"the laboratory needs Linux (its /proc, pidfds and prctl); this is {sys.platform}")


def prctl(option: int, value: object) -> None:
    """One of prctl(2)'s operations. OSError."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def is_subreaper() -> bool:
    """Whether orphans among our descendants become our children."""
    import ctypes

    found = ctypes.c_int()
    prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(found))
    return bool(found.value)


def be_subreaper(wanted: bool) -> None:
    """Orphans among our descendants become our children (prctl(2)), or init's again."""
    prctl(PR_SET_CHILD_SUBREAPER, int(wanted))


def parents() -> dict[int, int]:
    """The parent of every process that can be seen."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are what is wanted
        if name.isdigit() and (parent := parent_of(int(name))) is not None:
            found[int(name)] = parent
    return found


def parent_of(pid: int) -> int | None:
    """The parent as /proc has it; None when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[1])  # proc(5): the name may hold brackets and spaces


def descendants(pid: int, besides: set[int] | None = None, known: dict[int, int] | None = None) -> set[int]:
    """All that descend from `pid`, but not through `besides`. Pure if the table of parents is given."""
    known = parents() if known is None else known
    apart = besides or set()
    children: dict[int, list[int]] = {}
    for one, parent in known.items():
        children.setdefault(parent, []).append(one)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            if child not in found and child not in apart:
                found.add(child)
                waiting.append(child)
    return found


def children(pid: int) -> set[int]:
    """Those whose parent is `pid` now, zombies included."""
    return {one for one, parent in parents().items() if parent == pid}


def descends(pid: int, ancestor: int) -> bool:
    """Whether `pid` descends from `ancestor` now."""
    seen: int | None = pid
    while seen is not None and seen > 1:
        seen = parent_of(seen)
        if seen == ancestor:
            return True
    return False
