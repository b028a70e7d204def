"""Kernels of `switch` for coroutines: tasks of an event loop that yield to each other; bare generators."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Generator, Iterator
from itertools import cycle, islice
from types import coroutine
from typing import Any

from nbmon.lab import sampling
from nbmon.lab.kernels.handover import answer

clock = time.perf_counter_ns


@coroutine
def give_way() -> Generator[None, None, None]:
    """Let the loop run another task: what asyncio.sleep(0) does."""
    yield


@coroutine
def stay() -> Generator[None, None, None]:
    """As long a way into a coroutine and out of it, but nobody else has a turn."""
    yield from ()


def tasks(loop: str, workers: int, cpu: int, runs: int, target: float) -> Iterator[dict[str, Any]]:
    """`workers` tasks of one event loop, `loop` (asyncio or uvloop), on one core."""
    os.sched_setaffinity(0, {cpu})
    alone = sampling.measure(_staying, runs=runs, target=target / 4)
    with asyncio.Runner(loop_factory=_factory(loop)) as runner:

        def timed(loops: int) -> float:
            return runner.run(_gathered(workers, max(1, loops // workers))) * (loops / _whole(loops, workers))

        loops = sampling.calibrate(timed, target)
        timed(loops)
        before = resource.getrusage(resource.RUSAGE_SELF)
        values = [timed(loops) / loops for _ in range(runs)]
        used = resource.getrusage(resource.RUSAGE_SELF)
    yield answer(values, alone, loops * runs, [used], before)


def _whole(loops: int, workers: int) -> int:
    return max(1, loops // workers) * workers


def _factory(loop: str) -> Any:
    if loop == "asyncio":
        return asyncio.new_event_loop
    import uvloop  # an ImportError is for the caller, who asked whether it is here

    return uvloop.new_event_loop


async def _gathered(workers: int, turns: int) -> float:
    async def work() -> None:
        for _ in range(turns):
            await give_way()

    waiting = [asyncio.ensure_future(work()) for _ in range(workers)]
    begun = clock()
    await asyncio.gather(*waiting)
    return clock() - begun


def _staying(loops: int) -> float:
    async def work() -> int:
        begun = clock()
        for _ in range(loops):
            await stay()
        return clock() - begun

    try:
        work().send(None)
    except StopIteration as ended:
        return float(ended.value)
    raise AssertionError("it waits for nothing")


def generators(workers: int, cpu: int, runs: int, target: float) -> Iterator[dict[str, Any]]:
    """`workers` generators, resumed in turn by a plain loop: a switch is into one and out of it."""
    os.sched_setaffinity(0, {cpu})

    def turns() -> Generator[None, None, None]:
        while True:
            yield

    waiting = [turns() for _ in range(workers)]

    def timed(loops: int) -> float:
        begun = clock()
        for one in islice(cycle(waiting), loops):
            next(one)
        return clock() - begun

    def empty(loops: int) -> float:
        begun = clock()
        for _ in islice(cycle(waiting), loops):
            pass
        return clock() - begun

    alone = sampling.measure(empty, runs=runs, target=target / 4)
    loops = sampling.calibrate(timed, target)
    before = resource.getrusage(resource.RUSAGE_SELF)
    values = [timed(loops) / loops for _ in range(runs)]
    yield answer(values, alone, loops * runs, [resource.getrusage(resource.RUSAGE_SELF)], before)
