"""How much of the machine others used while an experiment ran: from /proc/stat, less what is ours."""

from __future__ import annotations

import os
from pathlib import Path

TICK = 1.0 / os.sysconf("SC_CLK_TCK")  # seconds


def machine_times() -> tuple[float, float, float]:
    """Seconds of all cores together since boot: in all, busy, stolen. Zeros where /proc/stat is hidden."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii", errors="replace").split("\n", 1)[0]
    except OSError:
        return 0.0, 0.0, 0.0
    user, nice, system, idle, iowait, irq, softirq, steal = (int(one) * TICK for one in line.split()[1:9])
    busy = user + nice + system + irq + softirq
    return busy + idle + iowait + steal, busy, steal


def own_times() -> float:
    """CPU seconds of this process and of all its descendants that were reaped."""
    import resource

    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def shares(
    before: tuple[float, float, float], after: tuple[float, float, float], own: float
) -> tuple[float, float]:
    """Others' and stolen share of all CPU time between two readings; pure.

    >>> shares((0.0, 0.0, 0.0), (10.0, 6.0, 1.0), 4.0)
    (0.2, 0.1)
    """
    total, busy, stolen = (later - earlier for earlier, later in zip(before, after, strict=True))
    if total <= 0:
        return 0.0, 0.0
    return max(0.0, busy - own) / total, stolen / total


class Meter:
    """From when it is made until it is asked."""

    def __init__(self) -> None:
        self._machine, self._own = machine_times(), own_times()

    def others_and_stolen(self) -> tuple[float, float]:
        """As shares of the machine's CPU time."""
        return shares(self._machine, machine_times(), own_times() - self._own)
