"""A process, or a thread, as /proc shows it (proc(5)). Read afresh at each call; OSError if it is gone."""

from __future__ import annotations

import os
import select
from pathlib import Path


def stat(pid: int | str, thread: int | None = None) -> list[str]:
    """Fields after the name: [0] state, [1] parent, [2] group, [3] session, [4] terminal, [49] exit code."""
    where = f"/proc/{pid}/stat" if thread is None else f"/proc/{pid}/task/{thread}/stat"
    # The name, field 2, may hold spaces and brackets; all after the last ')' is plain.
    return Path(where).read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def state(pid: int) -> str:
    """`R`, `S`, `Z`, …; "gone" when there is no such process."""
    try:
        return stat(pid)[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def status(pid: int | str) -> dict[str, str]:
    """The lines of /proc/PID/status by their keys."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    return {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}


def name(pid: int | str) -> str:
    """What ps(1) calls it: at most 15 bytes."""
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").rstrip("\n")


def smaps(pid: int | str = "self") -> dict[str, int]:
    """Bytes of /proc/PID/smaps_rollup: Rss, Pss, Shared_Clean, Private_Dirty, …"""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace")
    pairs = (line.split(":") for line in text.splitlines()[1:])
    return {key: int(value.split()[0]) * 1024 for key, value in pairs}


def signals(status_: dict[str, str], key: str) -> set[int]:
    """A set of signals (`SigIgn`, `SigBlk`, `SigCgt`); without 32 and 33, which are the C library's own."""
    mask = int(status_[key], 16)
    return {n + 1 for n in range(64) if mask >> n & 1} - {32, 33}


def await_end(pid: int, seconds: float = 10.0) -> bool:
    """Wait until a process has ended, reaped or not; False after so many seconds."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)
