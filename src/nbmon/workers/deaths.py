"""What a process died of, in words. Must not reap anything."""

from __future__ import annotations

import os
import signal


def of_end(code: int, status: int) -> str:
    """From waitid(2)'s si_code and si_status: `exited with code 3`, `was killed by SIGKILL`."""
    if code == os.CLD_EXITED:
        return f"exited with code {status}"
    core = " and left a core" if code == os.CLD_DUMPED else ""
    return f"was killed by {signal_name(status)}{core}"


def signal_name(number: int) -> str:
    """`SIGKILL`; a number where there is no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class MemoryWatch:
    """Whether the kernel has killed for want of memory since the last look, in this process's cgroup (v2)."""

    def __init__(self) -> None:
        self._path = _events_file()
        self._seen = self._count()

    def has_killed(self) -> bool:
        """True once for each time the kernel's count has grown."""
        now = self._count()
        grown = now > self._seen
        self._seen = now
        return grown

    def _count(self) -> int:
        try:
            with open(self._path, "rb") as file:
                words = file.read().split()
        except OSError:
            return 0
        return int(words[words.index(b"oom_kill") + 1]) if b"oom_kill" in words else 0


def _events_file() -> str:
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                if line.startswith("0::"):
                    return f"/sys/fs/cgroup{line[3:].rstrip()}/memory.events"
    except OSError:
        pass
    return ""


def heeds(pid: int, number: int) -> bool:
    """Whether a process does something of its own on a signal, or ignores it (proc(5), SigCgt, SigIgn)."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith(("SigCgt", "SigIgn"))]
    except (OSError, ValueError):
        return False
    return any(mask >> (number - 1) & 1 for mask in masks)


def resident(pid: int) -> int:
    """Bytes of memory that a process has in use (proc(5), statm); 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
