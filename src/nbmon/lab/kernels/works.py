"""Four kinds of work, and the kernel of `scale` that gives them to more and more workers."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from nbmon.lab.kernels import pools

BUFFER = bytes(1 << 20)  # bytes that are hashed
ROUNDS = 20_000  # of a loop: about a millisecond
WAIT = 0.005  # seconds


def cpu() -> int:
    """Pure Python, which holds the GIL."""
    total = 0
    for number in range(ROUNDS):
        total += number & 7
    return total


def gil_free() -> bytes:
    """C code that gives the GIL up: hashlib does for more than 2047 bytes."""
    return hashlib.sha256(BUFFER).digest()


def io() -> None:
    """Waits, as for a disk or a peer."""
    time.sleep(WAIT)


async def io_async() -> None:
    """Waits in its loop."""
    await asyncio.sleep(WAIT)


def mixed() -> int:
    """Computes, then waits."""
    total = cpu()
    time.sleep(WAIT)
    return total


async def mixed_async() -> int:
    """Computes, then waits in its loop."""
    total = cpu()
    await asyncio.sleep(WAIT)
    return total


WORKS: dict[str, Callable[..., Any]] = {"cpu": cpu, "gil_free": gil_free, "io": io, "mixed": mixed}
ASYNC: dict[str, Callable[..., Any]] = {"io": io_async, "mixed": mixed_async}


def climb(model: str, work: str, counts: list[int], seconds: float) -> Iterator[dict[str, Any]]:
    """One object for each number of workers: {"workers", "per_second", "p50_ms", "p99_ms"}, or {"failed"}."""
    called = ASYNC.get(work, WORKS[work]) if model == "coroutine" else WORKS[work]
    pools.plain(WORKS[work], [], 0.0)  # what only the first call does
    for workers in counts:
        try:
            done = pools.run(model, called, [], workers=workers, seconds=seconds)
        except (OSError, RuntimeError, MemoryError) as error:  # a limit of the machine is a result
            yield {"workers": workers, "failed": f"{type(error).__name__}: {error}"}
            return
        ordered = sorted(done.latencies)
        yield {
            "workers": workers,
            "per_second": done.per_second,
            "p50_ms": ordered[len(ordered) // 2] * 1e3,
            "p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3,
        }
