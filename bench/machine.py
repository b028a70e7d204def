"""What the kernel says of the machine and of processes' CPU time."""

from __future__ import annotations

import os
import platform
from pathlib import Path

TICK = 1.0 / os.sysconf("SC_CLK_TCK")  # seconds


def _fields(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """`pid` and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += parents.get(one, [])
    return found


def cpu_of(pid: int) -> float:
    """Seconds, user and system, of `pid`, its descendants, and those of them that were reaped."""
    total = 0
    for one in family(pid):
        try:
            total += sum(map(int, _fields(one)[11:15]))  # utime stime cutime cstime, proc(5)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total * TICK


def memory_of(pid: int) -> int:
    """Bytes, proportional set size of `pid` and its descendants."""
    total = 0
    for one in family(pid):
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return total


def cpu_of_machine() -> float:
    """Seconds of all cores that were not idle."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) * TICK


def described() -> str:
    """One line: processor, cores, kernel, Python, load."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return (
        f"{model}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.2f} at the start"
    )
