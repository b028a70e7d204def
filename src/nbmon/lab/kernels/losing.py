"""Kernels of `lock` that show why one is needed: updates that go lost, and who stood where when."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from nbmon.lab.kernels import apart

SHORT = 1e-5  # seconds: the GIL's interval while updates are to be lost
STEPS = ("read", "compute", "write")
clock = time.perf_counter_ns


def lost(updates: int, workers: int) -> Iterator[dict[str, Any]]:
    """For each way to count to `workers * updates`: {"how", "expected", "counted"}."""
    sys.setswitchinterval(SHORT)
    box = [0]
    lock = threading.Lock()

    def plainly() -> None:
        for _ in range(updates):
            box[0] += 1

    def slowly() -> None:
        for _ in range(updates):
            value = box[0]
            _think()
            box[0] = value + 1

    def locked() -> None:
        for _ in range(updates):
            with lock:
                value = box[0]
                _think()
                box[0] = value + 1

    ways: dict[str, Callable[[], None]] = {
        "threads, box[0] += 1": plainly,
        "threads, read, call, write": slowly,
        "threads, read, call, write, with a lock": locked,
    }
    for how, way in ways.items():
        box[0] = 0
        _together([way] * workers)
        yield {"how": how, "expected": updates * workers, "counted": box[0]}
    counted = _by_processes(updates, workers)
    yield {"how": "processes, shared memory, += 1", "expected": updates * workers, "counted": counted}


def _think() -> None:
    """A call, at which CPython may hand the GIL over."""


def _together(ways: list[Callable[[], None]]) -> None:
    crew = [threading.Thread(target=way) for way in ways]
    for one in crew:
        one.start()
    for one in crew:
        one.join()


def _by_processes(updates: int, workers: int) -> int:
    shared = (ctypes.c_longlong * 1).from_buffer(mmap.mmap(-1, mmap.PAGESIZE))
    pids = []
    for _ in range(workers):
        pid = os.fork()
        if pid == 0:
            try:
                apart.bound_to_parent()
                for _ in range(updates):
                    shared[0] += 1
            finally:
                os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    return int(shared[0])


def timeline(workers: int, turns: int) -> Iterator[dict[str, Any]]:
    """{"lock": bool, "steps": [[worker, step, begun_us, ended_us], ...]}, without a lock and with one."""
    for lock in (contextlib.nullcontext(), threading.Lock()):
        seen: list[tuple[int, str, int, int]] = []
        ways = [_turns(number, turns, lock, seen) for number in range(workers)]
        first = clock()
        _together(ways)
        steps = [[who, what, (a - first) / 1e3, (b - first) / 1e3] for who, what, a, b in seen]
        yield {"lock": hasattr(lock, "acquire"), "steps": sorted(steps, key=lambda one: float(one[2]))}


def _turns(number: int, turns: int, lock: Any, seen: list[Any]) -> Callable[[], None]:
    def work() -> None:
        for _ in range(turns):
            with lock:
                for step in STEPS:
                    begun = clock()
                    time.sleep(1e-4)  # the others may run meanwhile
                    seen.append((number, step, begun, clock()))

    return work
