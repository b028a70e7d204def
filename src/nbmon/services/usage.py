"""What a process and its descendants cost, and which signals one heeds, read from /proc."""

# pathlib would be one more import for a `status` of milliseconds.
# ruff: noqa: PTH123, PTH208
from __future__ import annotations

import os
import time

from nbmon.services.values import Value

DEEPEST = 10_000  # processes of one service that are counted


class Process(Value):
    """One process now; times in seconds, memory in bytes: the proportional set size, else the resident one.

    Only the former can be added up: pages that a family shares count once in all, not once in each.
    """

    pid: int
    name: str
    parent: int
    cpu_seconds: float
    memory: int
    uptime: float


def parse_stat(text: str, ticks: int, page: int, now: float) -> Process:
    """A line of /proc/PID/stat (proc(5)); `ticks` a second, `page` bytes, `now` seconds since boot.

    The CPU time counts children that have been waited for, so that none is lost when one ends.
    """
    head, _, tail = text.rpartition(")")  # the name may hold spaces and brackets
    pid, _, name = head.partition(" (")
    fields = tail.split()
    cpu = sum(int(field) for field in fields[11:15]) / ticks
    return Process(
        pid=int(pid),
        name=name,
        parent=int(fields[1]),
        cpu_seconds=cpu,
        memory=int(fields[21]) * page,
        uptime=now - int(fields[19]) / ticks,
    )


def process(pid: int) -> Process | None:
    """What /proc says of `pid`, None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="backslashreplace") as file:
            text = file.read()
    except OSError:
        return None
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    found = parse_stat(text, os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE"), now)
    shared_fairly = proportional(pid)
    return found if shared_fairly is None else found.replace(memory=shared_fairly)


def proportional(pid: int) -> int | None:
    """The proportional set size in bytes; None where it may not be read, or the kernel does not tell it."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return parse_pss(file.read())
    except OSError:
        return None


def parse_pss(text: bytes) -> int | None:
    """The `Pss` of /proc/PID/smaps_rollup (proc(5)), in bytes; None without one."""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == [b"Pss:"] and words[2:] == [b"kB"]:
            return int(words[1]) * 1024
    return None


def heeds(pid: int, number: int) -> bool:
    """Whether the process catches or ignores the signal; True where that cannot be told."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            return parse_heeds(file.read(), number)
    except OSError:
        return True


def parse_heeds(text: bytes, number: int) -> bool:
    """The same of the text of /proc/PID/status (proc(5)): SigIgn and SigCgt are masks in hexadecimal."""
    masks = [line.split()[1] for line in text.splitlines() if line.startswith((b"SigIgn:", b"SigCgt:"))]
    return not masks or any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def family(pid: int) -> list[Process]:
    """The process and its living descendants, itself first; empty if it is gone."""
    found: list[Process] = []
    asked = [pid]
    while asked and len(found) < DEEPEST:
        one = asked.pop(0)
        seen = process(one)
        if seen is not None:
            found.append(seen)
            asked += _children(one)
    return found


def _children(pid: int) -> list[int]:
    """From /proc/PID/task/TID/children (proc(5)), which kernels without CONFIG_PROC_CHILDREN lack."""
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                children += [int(word) for word in file.read().split()]
    except OSError:
        pass
    return children
