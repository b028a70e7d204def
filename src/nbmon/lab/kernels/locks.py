"""Kernels of `lock`: what each kind costs, alone and among several, and who gets it next.

A kind is made of `take`, `give` and, for those of asyncio, coroutines of the same names. Contended, a worker
takes it, gives way inside (so that the others do want it), and gives it back, again and again.
"""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from nbmon.lab import sampling
from nbmon.lab.kernels import apart

LAST, END, OWN = 0, 1, 2  # places in what the workers share; each worker has three from OWN on
PLACES = 3  # taken, retaken, longest wait (ns)
MUTEX = 128  # bytes, more than sizeof(pthread_mutex_t) and pthread_mutexattr_t anywhere
PTHREAD_PROCESS_SHARED = 1

Step = Callable[[], Any]
clock = time.perf_counter_ns


def _token_queue() -> tuple[Step, Step]:
    """A queue as a lock: who has its one token may go on."""
    line: queue.Queue[int] = queue.Queue()
    line.put(1)
    return line.get, lambda: line.put(1)


def _condition() -> tuple[Step, Step]:
    """A condition as a lock: wait while it is busy, notify one when it is not."""
    condition, busy = threading.Condition(), [False]

    def take() -> None:
        with condition:
            while busy[0]:
                condition.wait()
            busy[0] = True

    def give() -> None:
        with condition:
            busy[0] = False
            condition.notify()

    return take, give


def _mutex() -> tuple[Step, Step]:
    """The C library's mutex in shared memory: a futex(7), which the kernel sees only when it is contended."""
    libc = ctypes.CDLL(None)
    attributes = ctypes.create_string_buffer(MUTEX)
    libc.pthread_mutexattr_init(attributes)
    libc.pthread_mutexattr_setpshared(attributes, PTHREAD_PROCESS_SHARED)
    mutex = ctypes.byref((ctypes.c_char * MUTEX).from_buffer(mmap.mmap(-1, mmap.PAGESIZE)))
    libc.pthread_mutex_init(mutex, attributes)
    take, give = libc.pthread_mutex_lock, libc.pthread_mutex_unlock
    return lambda: take(mutex), lambda: give(mutex)


def _of(made: Any) -> tuple[Step, Step]:
    return made.acquire, made.release


THREADS: dict[str, Callable[[], tuple[Step, Step]]] = {
    "Lock": lambda: _of(threading.Lock()),
    "RLock": lambda: _of(threading.RLock()),
    "Semaphore": lambda: _of(threading.Semaphore()),
    "Condition": _condition,
    "Queue": _token_queue,
}
PROCESSES: dict[str, Callable[[], tuple[Step, Step]]] = {
    "multiprocessing.Lock": lambda: _of(multiprocessing.Lock()),
    "multiprocessing.RLock": lambda: _of(multiprocessing.RLock()),
    "multiprocessing.Semaphore": lambda: _of(multiprocessing.Semaphore()),
    "futex": _mutex,
}


def alone(kind: str, runs: int, target: float) -> Iterator[dict[str, Any]]:
    """Nanoseconds of taking it and giving it back, when nobody else wants it: {"ns": [...]}, raw."""
    take, give = (THREADS | PROCESSES)[kind]()

    def pairs(loops: int) -> float:
        begun = clock()
        for _ in range(loops):
            take()
            give()
        return clock() - begun

    def empty(loops: int) -> float:
        begun = clock()
        for _ in range(loops):
            pass
        return clock() - begun

    loops = sampling.calibrate(pairs, target)
    pairs(loops)
    off = min(empty(loops) for _ in range(3)) / loops
    yield {"ns": [max(0.0, pairs(loops) / loops - off) for _ in range(runs)]}


def contended(kind: str, workers: int, seconds: float) -> Iterator[dict[str, Any]]:
    """{"taken", "retaken", "longest_wait_ns"}: a number of each worker; {"seconds", "inside_ns"} of all."""
    inside = sampling.measure(_gives_way, runs=5, target=1e6).median
    if kind in THREADS:
        shared, took = _among_threads(*THREADS[kind](), workers, seconds)
    else:
        shared, took = _among_processes(*PROCESSES[kind](), workers, seconds)
    yield _counted(shared, workers) | {"seconds": took, "inside_ns": inside}


def _gives_way(loops: int) -> float:
    begun = clock()
    for _ in range(loops):
        time.sleep(0)
    return clock() - begun


def _counted(shared: Any, workers: int) -> dict[str, Any]:
    own = [shared[OWN + PLACES * at : OWN + PLACES * (at + 1)] for at in range(workers)]
    keys = ("taken", "retaken", "longest_wait_ns")
    return {key: [one[place] for one in own] for place, key in enumerate(keys)}


def _hammer(shared: Any, number: int, take: Step, give: Step) -> None:
    """One worker, until the end is called."""
    at, me = OWN + PLACES * number, number + 1
    while not shared[END]:
        begun = clock()
        take()
        waited = clock() - begun
        shared[at] += 1
        if shared[LAST] == me:
            shared[at + 1] += 1
        shared[LAST] = me
        shared[at + 2] = max(shared[at + 2], waited)
        time.sleep(0)  # gives the GIL up, if there is one: others come to want the lock
        give()


def _among_threads(take: Step, give: Step, workers: int, seconds: float) -> tuple[Any, float]:
    shared = [0] * (OWN + PLACES * workers)
    crew = [
        threading.Thread(target=_hammer, args=(shared, number, take, give), daemon=True)
        for number in range(workers)
    ]
    begun = clock()
    for one in crew:
        one.start()
    time.sleep(seconds)
    shared[END] = 1
    for one in crew:
        one.join()
    return shared, (clock() - begun) / 1e9


def _among_processes(take: Step, give: Step, workers: int, seconds: float) -> tuple[Any, float]:
    count = OWN + PLACES * workers
    shared = (ctypes.c_longlong * count).from_buffer(mmap.mmap(-1, 8 * count))
    begun, pids = clock(), []
    for number in range(workers):
        pid = os.fork()
        if pid == 0:
            try:
                apart.bound_to_parent()
                _hammer(shared, number, take, give)
            finally:
                os._exit(0)
        pids.append(pid)
    time.sleep(seconds)
    shared[END] = 1
    for pid in pids:
        os.waitpid(pid, 0)
    return shared, (clock() - begun) / 1e9


AsyncStep = Callable[[], Awaitable[Any]]


def _asyncio(kind: str) -> tuple[AsyncStep, AsyncStep]:
    """Made where the loop runs."""
    if kind == "asyncio.Queue":
        line: asyncio.Queue[int] = asyncio.Queue()
        line.put_nowait(1)
        return line.get, lambda: line.put(1)
    if kind == "asyncio.Condition":
        return _async_condition()
    made = {"asyncio.Lock": asyncio.Lock, "asyncio.Semaphore": asyncio.Semaphore}[kind]()

    async def give() -> None:
        made.release()

    return made.acquire, give


def _async_condition() -> tuple[AsyncStep, AsyncStep]:
    condition, busy = asyncio.Condition(), [False]

    async def take() -> None:
        async with condition:
            while busy[0]:
                await condition.wait()
            busy[0] = True

    async def give() -> None:
        async with condition:
            busy[0] = False
            condition.notify()

    return take, give


ASYNC = ("asyncio.Lock", "asyncio.Semaphore", "asyncio.Condition", "asyncio.Queue")


def awaited(kind: str, workers: int, seconds: float, loops: int, runs: int) -> Iterator[dict[str, Any]]:
    """The same for a kind of asyncio's: {"ns": [...]} alone, then what `contended` yields."""
    yield {"ns": [asyncio.run(_async_pairs(kind, loops)) for _ in range(runs)]}
    inside = asyncio.run(_async_inside(loops))
    shared = [0] * (OWN + PLACES * workers)
    took = asyncio.run(_async_hammered(kind, shared, workers, seconds))
    yield _counted(shared, workers) | {"seconds": took, "inside_ns": inside}


async def _async_pairs(kind: str, loops: int) -> float:
    take, give = _asyncio(kind)
    begun = clock()
    for _ in range(loops):
        await take()
        await give()
    return (clock() - begun) / loops


async def _async_inside(loops: int) -> float:
    begun = clock()
    for _ in range(loops):
        await asyncio.sleep(0)
    return (clock() - begun) / loops


async def _async_hammered(kind: str, shared: list[int], workers: int, seconds: float) -> float:
    take, give = _asyncio(kind)
    end = clock() + seconds * 1e9

    async def hammer(number: int) -> None:
        at, me = OWN + PLACES * number, number + 1
        while clock() < end:
            begun = clock()
            await take()
            waited = clock() - begun
            shared[at] += 1
            if shared[LAST] == me:
                shared[at + 1] += 1
            shared[LAST] = me
            shared[at + 2] = max(shared[at + 2], waited)
            await asyncio.sleep(0)
            await give()

    begun = clock()
    await asyncio.gather(*(hammer(number) for number in range(workers)))
    return (clock() - begun) / 1e9
