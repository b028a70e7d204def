"""What fork costs as memory grows, and what the first write to each page costs afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from time import perf_counter_ns

from nbmon.lab import machine
from nbmon.lab.experiment import Row
from nbmon.lab.experiments.memory.frames import PAGE, Area
from nbmon.lab.forked import Forked, Talk
from nbmon.lab.sampling import Sample, sample_of

MEGABYTE = 1024 * 1024
SIZES = {True: (0, 16, 64), False: (0, 16, 64, 256, 1024)}  # megabytes, by `quick`
RUNS = {True: 15, False: 40}


def sizes(quick: bool) -> tuple[list[int], str]:
    """Megabytes that fit into the share of memory that may be taken; what was left out, in words.

    A child copies some of it, so half of the budget is for the parent.
    """
    room = machine.memory_budget() // 2 // MEGABYTE
    fit = [one for one in SIZES[quick] if one <= room]
    left_out = [one for one in SIZES[quick] if one > room]
    return fit, f"{left_out} MB were left out: {room} MB may be taken here" if left_out else ""


def fork_rows(quick: bool) -> Iterator[Row]:
    """One row a size."""
    for megabytes in sizes(quick)[0]:
        area = Area(max(1, megabytes * MEGABYTE // PAGE))
        forks = sample_of([_fork() for _ in range(RUNS[quick])])
        first, again = _writes(area)
        yield {
            "part": "what fork costs",
            "memory_bytes": megabytes * MEGABYTE,
            **forks.scaled(1e-3).keys("us"),
            **forks.scaled(1e-3).far("us"),
            "page_tables_bytes": _page_tables(),
            "first_write_ns": round(first, 1),
            "next_write_ns": round(again, 1),
        }
        del area


def _fork() -> float:
    """ns that the parent is busy in fork(2); the child ends at once."""
    begun = perf_counter_ns()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    took = perf_counter_ns() - begun
    os.waitpid(pid, 0)
    return float(took)


def _writes(area: Area) -> tuple[float, float]:
    """ns for a write to a page by a child: the first, which copies it, and the one after."""

    def life(talk: Talk) -> None:
        which = range(min(area.count, 4096))
        times = []
        for value in (2, 3):
            begun = perf_counter_ns()
            area.touch(which, value)
            times.append((perf_counter_ns() - begun) / len(which))
        talk.say(times)

    with Forked(life) as child:
        first, again = child.talk.hear()
        return first, again


def _page_tables() -> int:
    from nbmon.lab.proc import status

    return int(status("self")["VmPTE"].split()[0]) * 1024


def per_gigabyte(rows: list[Row]) -> float | None:
    """Milliseconds of fork for a gigabyte more, by the smallest and the largest; pure."""
    if len(rows) < 2:
        return None
    small, large = rows[0], rows[-1]
    more = (large["memory_bytes"] - small["memory_bytes"]) / (1024 * MEGABYTE)
    return (large["median_us"] - small["median_us"]) / 1000 / more if more else None


__all__ = ["Sample", "fork_rows", "per_gigabyte", "sizes"]
