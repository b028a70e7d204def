"""Kernels of `switch`: two workers that hand over to each other, and many that yield.

Each yields one object: `ns` (a list: nanoseconds a hand-over, raw), `alone_ns` (median, low and high of the
same calls with no switch), `voluntary`, `involuntary` (the kernel's counts a hand-over, of all workers).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from nbmon.lab import sampling
from nbmon.lab.kernels import apart, counters
from nbmon.lab.kernels.means import MEANS, Means, Step

LINE = 64  # bytes of a cache line, of most machines
END = 1.0  # in place of 0: the race is over
WINDOW = 0.15  # seconds of a race
NAP = 0.0005  # seconds, more than it takes to wake a thread on another core

clock = time.perf_counter_ns


def processes(
    means: str, cpus: list[int], set_bytes: int, runs: int, target: float
) -> Iterator[dict[str, Any]]:
    """Two processes, on `cpus[0]` and `cpus[1]`, each of which reads `set_bytes` at its turn."""
    os.sched_setaffinity(0, {cpus[0]})
    way = touching(MEANS[means](), set_bytes)
    alone = sampling.measure(loop(way.alone), runs=runs, target=target)
    follower = os.fork()
    if follower == 0:
        _follow(way.pong, cpus[1])
    with counters.Counters() as counted:
        values, rounds = _rounds(way.ping, runs, target)
        more = counted.each(2 * rounds)
    os.kill(follower, signal.SIGKILL)
    _, _, usage = os.wait4(follower, 0)
    yield answer(values, alone, 2 * rounds, [usage, resource.getrusage(resource.RUSAGE_SELF)]) | more


def _follow(pong: Step, cpu: int) -> None:
    try:
        apart.bound_to_parent()
        os.sched_setaffinity(0, {cpu})
        while True:
            pong()
    finally:
        os._exit(1)


def threads(means: str, cpus: list[int], runs: int, target: float) -> Iterator[dict[str, Any]]:
    """Two threads of one process, and of one GIL."""
    os.sched_setaffinity(0, {cpus[0]})
    way = MEANS[means]()
    alone = sampling.measure(loop(way.alone), runs=runs, target=target)

    def follow() -> None:
        os.sched_setaffinity(0, {cpus[1]})
        while True:
            way.pong()

    threading.Thread(target=follow, daemon=True).start()
    before = resource.getrusage(resource.RUSAGE_SELF)
    values, rounds = _rounds(way.ping, runs, target)
    yield answer(values, alone, 2 * rounds, [resource.getrusage(resource.RUSAGE_SELF)], before)


def gil(cpus: list[int], runs: int) -> Iterator[dict[str, Any]]:
    """How long a thread that needs the GIL waits for one that computes and does not give it up."""
    os.sched_setaffinity(0, {cpus[0]})
    ask = lambda: time.sleep(NAP)  # noqa: E731 - gives the GIL up, and asks for it when another has it
    alone = sampling.measure(loop(ask), runs=runs, target=1e6)

    computing = threading.Event()

    def compute() -> None:
        os.sched_setaffinity(0, {cpus[1]})
        computing.set()
        n = 0
        while True:
            n += 1

    threading.Thread(target=compute, daemon=True).start()
    computing.wait()
    before = resource.getrusage(resource.RUSAGE_SELF)
    asked = loop(ask)
    asked(2)
    values = [asked(2) / 2 for _ in range(runs)]
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield answer(values, alone, 2 * runs + 2, [used], before) | {"interval_ns": sys.getswitchinterval() * 1e9}


def race(workers: int, cpu: int, runs: int) -> Iterator[dict[str, Any]]:
    """`workers` processes on one core, each of which does nothing but yield it: sched_yield(2)."""
    alone = sampling.measure(loop(os.sched_yield), runs=runs, target=2e6)
    values, voluntary, involuntary = [], 0.0, 0.0
    for _ in range(runs):
        seconds, gave, lost = _raced(workers, cpu)
        values.append(seconds * 1e9 / max(1.0, gave + lost))
        voluntary, involuntary = voluntary + gave, involuntary + lost
    counted = max(1.0, voluntary + involuntary)
    yield {
        "ns": values,
        "alone_ns": [alone.median, alone.low, alone.high],
        "voluntary": round(voluntary / counted, 3),
        "involuntary": round(involuntary / counted, 3),
    }


def _raced(workers: int, cpu: int) -> tuple[float, float, float]:
    """Seconds of CPU that they had in the race; voluntary switches; involuntary ones."""
    shared = mmap.mmap(-1, 8 * (1 + 3 * workers))
    figures = (ctypes.c_double * (1 + 3 * workers)).from_buffer(shared)
    wait, gun = os.pipe()
    pids = []
    try:
        for number in range(workers):
            pid = os.fork()
            if pid == 0:
                os.close(gun)
                _yield_until_end(figures, 1 + 3 * number, wait, cpu)
            pids.append(pid)
        os.close(wait)
        os.close(gun)
        time.sleep(WINDOW)
    finally:
        figures[0] = END
        for pid in pids:
            os.waitpid(pid, 0)
    parts = list(figures)[1:]
    return sum(parts[0::3]), sum(parts[1::3]), sum(parts[2::3])


def _yield_until_end(figures: Any, at: int, wait: int, cpu: int) -> None:
    try:
        apart.bound_to_parent()
        os.sched_setaffinity(0, {cpu})
        os.read(wait, 1)  # its end, when all are there
        give, before = os.sched_yield, _used()
        while figures[0] != END:
            give()
        figures[at : at + 3] = [after - was for after, was in zip(_used(), before, strict=True)]
    finally:
        os._exit(0)


def _used() -> tuple[float, float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_nvcsw, used.ru_nivcsw


def touching(way: Means, set_bytes: int) -> Means:
    """The same way to hand over, but each reads its own `set_bytes` from end to end at its turn."""
    if not set_bytes:
        return way
    memory = bytearray(set_bytes)  # shared by fork until it is written to, so each needs its own
    memory[::LINE] = b"\0" * len(memory[::LINE])
    own: dict[int, bytearray] = {}

    def touched(step: Step) -> Step:
        def both() -> None:
            step()
            mine = own.get(os.getpid())
            if mine is None:
                mine = own[os.getpid()] = bytearray(set_bytes)
                mine[::LINE] = b"\0" * len(mine[::LINE])
            mine.find(1)  # memchr(3) to the end: there is none

        return both

    return Means(touched(way.ping), touched(way.pong), touched(way.alone))


def _rounds(ping: Step, runs: int, target: float) -> tuple[list[float], int]:
    """Nanoseconds of half a round trip, `runs` times, and how many round trips there were in all."""
    count = 0
    timed = loop(ping)

    def counted(loops: int) -> float:
        nonlocal count
        count += loops
        return timed(loops)

    loops = sampling.calibrate(counted, target)
    counted(loops)
    return [counted(loops) / loops / 2 for _ in range(runs)], count


def loop(step: Callable[[], object]) -> sampling.Loop:
    """`step` in a loop, timed."""

    def timed(loops: int) -> float:
        begun = clock()
        for _ in range(loops):
            step()
        return clock() - begun

    return timed


def answer(
    values: list[float],
    alone: sampling.Sample,
    handovers: int,
    usages: list[resource.struct_rusage],
    before: resource.struct_rusage | None = None,
) -> dict[str, Any]:
    """What a kernel yields; `before` is taken off."""
    voluntary = sum(one.ru_nvcsw for one in usages) - (before.ru_nvcsw if before else 0)
    involuntary = sum(one.ru_nivcsw for one in usages) - (before.ru_nivcsw if before else 0)
    return {
        "ns": values,
        "alone_ns": [alone.median, alone.low, alone.high],
        "voluntary": round(voluntary / handovers, 3),
        "involuntary": round(involuntary / handovers, 3),
    }
