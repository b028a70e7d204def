"""What one function is like: how long a call takes, what it waits for, who holds the GIL, what pickling is.

On a busy machine a call also waits for a core: the kernel's count of that (schedstat) is taken off, so that
what is left over is the function's own waiting.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbmon.lab import machine
from nbmon.lab.errors import LabError, LabMisuseError
from nbmon.lab.kernels import pools, target

NAP = 0.001  # seconds between two looks whether the GIL is held
HELD = 0.3  # of the switch interval: who waits so long for the GIL has found it held
PICKLED = 5  # times that arguments and result are pickled
LEAST_CALLS = 3

clock = time.perf_counter


@dataclass(frozen=True, slots=True)
class Profile:
    """One function's."""

    awaited: bool  # `async def`
    call_seconds: float  # median of a call, called one after the other
    cpu_share: float  # of a call: on a core
    waiting_share: float  # of a call: for something else than a core
    gil_share: float  # of looks that found the GIL held while it ran
    import_seconds: float
    memory_bytes: int  # of the interpreter with it, resident
    arguments_bytes: int  # pickled
    result_bytes: int
    pickle_seconds: float  # of arguments and result, there and back
    unpicklable: str = ""  # why it cannot cross to another process
    gil: bool = True  # whether this interpreter has one


def measure(name: str, arguments: str, seconds: float) -> Iterator[dict[str, Any]]:
    """The profile of the function `name`, or {"error", "misused"}."""
    try:
        begun = clock()
        called = target.function(name)
        imported = clock() - begun
        yield asdict(_profile(called, target.arguments(arguments), imported, seconds))
    except LabError as error:
        yield {"error": str(error), "misused": isinstance(error, LabMisuseError)}
    except Exception as error:  # the function's own: its caller is told, without a traceback
        yield {"error": f"{name} failed: {type(error).__name__}: {error}", "misused": False}


def _profile(called: Callable[..., Any], arguments: list[Any], imported: float, seconds: float) -> Profile:
    result = _result(called, arguments)
    call, cpu, waiting = _timed(called, arguments, seconds)
    weight = _pickled(arguments, result)
    return Profile(
        awaited=target.is_async(called),
        call_seconds=call,
        cpu_share=cpu,
        waiting_share=waiting,
        gil_share=_held(called, arguments, seconds) if machine.gil() else 0.0,
        import_seconds=imported,
        memory_bytes=resident(),
        gil=machine.gil(),
        **weight,
    )


def _result(called: Callable[..., Any], arguments: list[Any]) -> Any:
    if not target.is_async(called):
        return called(*arguments)

    async def once() -> Any:
        return await called(*arguments)

    return asyncio.run(once())


def _timed(called: Callable[..., Any], arguments: list[Any], seconds: float) -> tuple[float, float, float]:
    """Median seconds of a call; shares of the time on a core, and waiting for anything but a core."""
    before, begun = pools.queued(), clock()
    used = time.process_time()
    done = pools.plain(called, arguments, seconds)
    while done.calls < LEAST_CALLS and clock() - begun < 4 * seconds:
        more = pools.plain(called, arguments, 0.0)
        done.calls, done.latencies = done.calls + more.calls, done.latencies + more.latencies
    wall, after = clock() - begun, pools.queued()
    cpu, queued = time.process_time() - used, after - before
    waiting = max(0.0, wall - cpu - queued)
    return statistics.median(done.latencies), min(1.0, cpu / max(1e-9, wall - queued)), waiting / wall


def _held(called: Callable[..., Any], arguments: list[Any], seconds: float) -> float:
    """The share of looks, from another thread, that found the GIL held."""
    looks: list[float] = []
    end = threading.Event()

    def look() -> None:
        while not end.is_set():
            begun, before = clock(), pools.queued()
            time.sleep(NAP)  # it gives the GIL up, and needs it to come back
            queued = pools.queued() - before
            looks.append(clock() - begun - NAP - queued)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        pools.plain(called, arguments, seconds)
    finally:
        end.set()
        watcher.join()
    reach = HELD * sys.getswitchinterval()
    return sum(one > reach for one in looks) / max(1, len(looks))


def _pickled(arguments: list[Any], result: Any) -> dict[str, Any]:
    try:
        there, back = pickle.dumps(arguments), pickle.dumps(result)
    except Exception as error:  # whatever a class's __reduce__ does
        why = f"{type(error).__name__}: {error}"
        return {"arguments_bytes": 0, "result_bytes": 0, "pickle_seconds": 0.0, "unpicklable": why}
    begun = clock()
    for _ in range(PICKLED):
        pickle.loads(pickle.dumps(arguments))  # noqa: S301 - made here
        pickle.loads(pickle.dumps(result))  # noqa: S301 - made here
    took = (clock() - begun) / PICKLED
    return {"arguments_bytes": len(there), "result_bytes": len(back), "pickle_seconds": took}


def resident() -> int:
    """Bytes of this process in memory: proc(5), statm."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def rung(
    name: str, arguments: str, *, model: str, workers: int, seconds: float, each: float
) -> Iterator[dict[str, Any]]:
    """One step of the ladder: the function in one model with so many workers."""
    try:
        called, given = target.function(name), target.arguments(arguments)
        _result(called, given)  # what only the first call does
        done = pools.run(model, called, given, workers=workers, seconds=seconds, each=each)
        ordered = sorted(done.latencies)
    except Exception as error:  # a limit of the machine, or the function's own failure there: a result
        yield {"failed": f"{type(error).__name__}: {error}"}
        return
    yield {
        "per_second": done.per_second,
        "undisturbed": done.undisturbed,
        "calls": done.calls,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1e3,
    }
