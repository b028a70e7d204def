"""Two cores for two workers that shall not share one. Reads /sys."""

from __future__ import annotations

from pathlib import Path

from nbmon.lab import machine

SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"


def pair() -> tuple[int, int] | None:
    """Two CPUs that are no siblings of one core, if there are such; else any two; None with one alone."""
    cpus = machine.cores()
    if len(cpus) < 2:
        return None
    siblings = numbers(_text(SIBLINGS.format(cpus[0])))
    apart = [one for one in cpus[1:] if one not in siblings]
    return cpus[0], (apart or cpus[1:])[0]


def numbers(text: str) -> set[int]:
    """The kernel's list format: cpuset(7).

    >>> sorted(numbers("0-2,8"))
    [0, 1, 2, 8]
    """
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found.update(range(int(first), int(last or first) + 1))
    return found


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
