"""A function called again and again by several workers of one model, as a program would hand out its tasks.

none: a plain loop. thread: threads that take from a queue and put into one. process: forked processes, each
with a socket of its own, arguments and results pickled. coroutine: tasks of one event loop.

On a busy machine workers also wait for a core. The kernel counts that (schedstat, in proc(5)), and
`Done.undisturbed` is the throughput without it: as long as there are no more workers than cores, it is others
who took them.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from queue import SimpleQueue
from typing import Any

from nbmon.lab.kernels import apart
from nbmon.lab.kernels.target import is_async

KEPT = 20_000  # latencies of one run that are kept
SMALL = 16 << 10  # bytes of arguments that may lie ready for a process, beside those it works on
AHEAD = 0.05  # seconds of work that lie ready, so that no worker waits for the one who hands out
MOST_AHEAD = 64  # calls
Call = Callable[[], Any]  # the function with its arguments
Share = tuple[int, float]  # a worker's calls, and the seconds that it waited for a core

clock = time.perf_counter


@dataclass(slots=True)
class Done:
    """What one run brought."""

    calls: int = 0
    seconds: float = 0.0  # from the first call to the end of the last
    latencies: list[float] = field(default_factory=list)  # seconds a call, as the worker saw it
    shares: list[Share] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Calls."""
        return self.calls / self.seconds if self.seconds else 0.0

    @property
    def undisturbed(self) -> float:
        """Calls a second, had no worker waited for a core."""
        return sum(calls / max(self.seconds - queued, self.seconds / 20) for calls, queued in self.shares)

    def took(self, seconds: float) -> None:
        """One call."""
        self.calls += 1
        if len(self.latencies) < KEPT:
            self.latencies.append(seconds)


def queued() -> float:
    """Seconds that this thread was ready to run but had no core; 0 where the kernel does not count it."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:  # noqa: PTH123 - quick
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def run(
    model: str,
    called: Callable[..., Any],
    arguments: list[Any],
    *,
    workers: int,
    seconds: float,
    each: float = AHEAD,
) -> Done:
    """Hand out calls for `seconds`, then wait for those that are on their way; a call takes about `each`."""
    ahead = 1 + min(MOST_AHEAD, int(AHEAD / max(each, 1e-9)))
    if model == "thread":
        return threads(called, arguments, workers, seconds, ahead)
    if model == "process":
        return processes(called, arguments, workers, seconds, ahead)
    if model == "coroutine":
        return coroutines(called, arguments, workers, seconds)
    return plain(called, arguments, seconds)


def _blocking(called: Callable[..., Any]) -> Callable[[list[Any]], Any]:
    """A call from where no loop runs; an `async def` function is run by a loop that this thread keeps."""
    if not is_async(called):
        return lambda arguments: called(*arguments)
    runner = asyncio.Runner()
    return lambda arguments: runner.run(called(*arguments))


def plain(called: Callable[..., Any], arguments: list[Any], seconds: float) -> Done:
    """One after the other; once at least."""
    if is_async(called):
        return coroutines(called, arguments, 1, seconds)
    done, waited, begun = Done(), queued(), clock()
    now = begun
    while now < begun + seconds or not done.calls:
        called(*arguments)
        before, now = now, clock()
        done.took(now - before)
    done.seconds = clock() - begun
    done.shares.append((done.calls, queued() - waited))
    return done


def coroutines(called: Callable[..., Any], arguments: list[Any], workers: int, seconds: float) -> Done:
    """Each worker a task of one event loop; a plain function holds the loop up while it runs."""
    done, waited, awaited = Done(), queued(), is_async(called)

    async def work(end: float) -> None:
        now, first = clock(), True
        while now < end or first:
            if awaited:
                await called(*arguments)
            else:
                called(*arguments)
                await asyncio.sleep(0)
            before, now, first = now, clock(), False
            done.took(now - before)

    async def all_of_them() -> None:
        begun = clock()
        await asyncio.gather(*(work(begun + seconds) for _ in range(workers)))
        done.seconds = clock() - begun

    asyncio.run(all_of_them())
    done.shares.append((done.calls, queued() - waited))
    return done


def threads(
    called: Callable[..., Any], arguments: list[Any], workers: int, seconds: float, ahead: int
) -> Done:
    """Each worker a thread."""
    tasks: SimpleQueue[bool] = SimpleQueue()
    results: SimpleQueue[float | Exception] = SimpleQueue()
    shares: list[Share] = []

    def work() -> None:
        call, calls, waited = _blocking(called), 0, queued()
        while tasks.get():
            begun = clock()
            try:
                call(arguments)
            except Exception as error:  # it is raised where the results are taken
                results.put(error)
            else:
                results.put(clock() - begun)
            calls += 1
        shares.append((calls, queued() - waited))

    crew = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for one in crew:
        one.start()
    done = _queued_through(tasks, results, workers * ahead, seconds)
    for _ in crew:
        tasks.put(False)
    for one in crew:
        one.join()
    done.shares = shares
    return done


def _queued_through(
    tasks: SimpleQueue[bool], results: SimpleQueue[float | Exception], ahead: int, seconds: float
) -> Done:
    done, begun, under_way = Done(), clock(), ahead
    for _ in range(ahead):
        tasks.put(True)
    while under_way:
        took = results.get()
        if isinstance(took, Exception):
            raise took
        done.took(took)
        if clock() < begun + seconds:
            tasks.put(True)
        else:
            under_way -= 1
    done.seconds = clock() - begun
    return done


def processes(
    called: Callable[..., Any], arguments: list[Any], workers: int, seconds: float, ahead: int
) -> Done:
    """Each worker a forked process; what it gets and gives is pickled."""
    lines: list[Connection] = []
    pids: list[int] = []
    try:
        for _ in range(workers):
            mine, theirs = Pipe()
            pid = os.fork()
            if pid == 0:
                _serve(called, theirs, [mine, *lines])
            theirs.close()
            lines.append(mine)
            pids.append(pid)
        for line in lines:
            line.recv_bytes()  # it is there: what its start takes is not counted
        return _handed_out(lines, arguments, seconds, ahead)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for line in lines:
            line.close()


def _serve(called: Callable[..., Any], line: Connection, others: list[Connection]) -> None:
    """In the child, until it is killed; an empty message asks for its share."""
    try:
        apart.bound_to_parent()
        for one in others:
            one.close()
        call, calls, waited = _blocking(called), 0, queued()
        line.send_bytes(b"")
        while True:
            said = line.recv_bytes()
            if not said:
                line.send_bytes(pickle.dumps((calls, queued() - waited)))
                continue
            begun = clock()
            try:
                answer = pickle.dumps((call(pickle.loads(said)), None))  # noqa: S301 - our parent's
            except Exception as error:
                answer = pickle.dumps((None, f"{type(error).__name__}: {error}"))
            calls += 1
            line.send_bytes(pickle.dumps(clock() - begun))
            line.send_bytes(answer)
    finally:
        os._exit(1)


def _handed_out(lines: list[Connection], arguments: list[Any], seconds: float, ahead: int) -> Done:
    if len(pickle.dumps(arguments)) * ahead > SMALL:
        ahead = 1  # both would wait for each other to read
    done, begun, under_way = Done(), clock(), 0
    for line in lines * ahead:
        line.send_bytes(pickle.dumps(arguments))
        under_way += 1
    while under_way:
        for line in [one for one in wait(lines) if isinstance(one, Connection)]:
            done.took(pickle.loads(line.recv_bytes()))  # noqa: S301 - our child's
            _result, failed = pickle.loads(line.recv_bytes())  # noqa: S301 - our child's
            if failed:
                raise RuntimeError(failed)
            if clock() < begun + seconds:
                line.send_bytes(pickle.dumps(arguments))
            else:
                under_way -= 1
    done.seconds = clock() - begun
    for line in lines:
        line.send_bytes(b"")
        done.shares.append(pickle.loads(line.recv_bytes()))  # noqa: S301 - our child's
    return done
