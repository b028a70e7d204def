"""Kernels of `spawn`: so many workers of one kind are made, live at the same time, and are ended.

Yields {"starts_us", "ends_us", "memory_bytes"} a worker, with {"limit", "reached"} too where the machine
refused more; these two alone where it refused the first. Memory is what a worker does not share: private
pages, page tables, the kernel's stack for it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nbmon.lab.kernels import apart
from nbmon.lab.kernels.waiting import wait_for_end

KERNEL_STACK = 16 << 10  # bytes: THREAD_SIZE on x86-64 and arm64
LOOKED_AT = 20  # processes whose memory is read; the others are like them
PAGE = os.sysconf("SC_PAGE_SIZE")
SLEEPER = ("cat",)  # it reads a pipe that ends with us, so that it never outlives us
End = Callable[[], None]

clock = time.perf_counter


def made(means: str, count: int) -> Iterator[dict[str, Any]]:
    """Make `count` workers by `means`, look at them, end them."""
    _allow_descriptors()
    crew = KINDS[means](count)
    limit: dict[str, Any] = {}
    begun = clock()
    try:
        crew.ready()
        begun = clock()
        crew.start()
    except (OSError, RuntimeError, MemoryError, EOFError) as error:  # RuntimeError: "can't start new thread"
        limit = {"limit": f"{type(error).__name__}: {error}", "reached": crew.alive()}
    started = clock()
    alive = crew.alive()
    memory = crew.memory() if alive else 0
    looked = clock()
    crew.end()
    if not alive:
        yield limit
        return
    yield {
        "starts_us": (started - begun) / alive * 1e6,
        "ends_us": (clock() - looked) / alive * 1e6,
        "memory_bytes": memory,
        **limit,
    }


def _allow_descriptors() -> None:
    """As many as may be had: some means need one or two for each worker, which is no limit on workers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Crew:
    """Workers of one kind."""

    def __init__(self, count: int) -> None:
        self.count = count

    def ready(self) -> None:
        """What is made once for all of them, and not counted."""

    def start(self) -> None:
        """Make all of them; each has come to its own code when this returns."""
        raise NotImplementedError

    def memory(self) -> int:
        """Bytes a worker."""
        raise NotImplementedError

    def end(self) -> None:
        """End them, and wait for that."""
        raise NotImplementedError

    def alive(self) -> int:
        """How many there are, after a limit was met."""
        raise NotImplementedError


class Processes(Crew):
    """Those that have a pid; subclasses make one."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.pids: list[int] = []

    def start(self) -> None:
        """One after the other."""
        for _ in range(self.count):
            self.pids.append(self.one())

    def one(self) -> int:
        """A new process's pid."""
        raise NotImplementedError

    def memory(self) -> int:
        """Of the first ones."""
        return sum(map(own_memory, self.pids[:LOOKED_AT])) // len(self.pids[:LOOKED_AT])

    def end(self) -> None:
        """SIGKILL, and reaped."""
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        for pid in self.pids:
            os.waitpid(pid, 0)

    def alive(self) -> int:
        """All that were made."""
        return len(self.pids)


class Forked(Processes):
    """os.fork; the child says by a pipe that it runs."""

    def one(self) -> int:
        """See Processes."""
        reader, writer = os.pipe()
        try:
            pid = os.fork()
            if pid == 0:
                _sleep_for_ever(writer)
        finally:
            os.close(writer)
        os.read(reader, 1)
        os.close(reader)
        return pid


def _sleep_for_ever(writer: int) -> None:
    try:
        apart.bound_to_parent()
        os.write(writer, b"x")
        signal.pause()
    finally:
        os._exit(0)


class Programs(Processes):
    """Those that execute another, small program."""

    def ready(self) -> None:
        """The pipe that they wait at."""
        self.reader, self.writer = os.pipe()


class PosixSpawned(Programs):
    """os.posix_spawn."""

    def one(self) -> int:
        """See Processes."""
        at_pipe = [(os.POSIX_SPAWN_DUP2, self.reader, 0)]
        return os.posix_spawnp(SLEEPER[0], SLEEPER, os.environ, file_actions=at_pipe)


class Subprocesses(Programs):
    """subprocess.Popen of the same program."""

    def one(self) -> int:
        """See Processes."""
        child = subprocess.Popen(SLEEPER, stdin=self.reader)
        child.returncode = 0  # it is ended and reaped here, by its pid
        return child.pid


class Multiprocesses(Crew):
    """multiprocessing's Process by one of its start methods: a Python that waits at an event."""

    method = "spawn"

    def __init__(self, count: int) -> None:
        super().__init__(count)
        _hide_main()
        self.context = multiprocessing.get_context(self.method)
        self.crew: list[Any] = []
        self.lines: list[Any] = []

    def start(self) -> None:
        """All at once, then heard from; also those that were made before a limit was met."""
        try:
            for _ in range(self.count):
                self._one()
        finally:
            for line in self.lines:
                line.recv()

    def _one(self) -> None:
        mine, theirs = self.context.Pipe()
        child = self.context.Process(target=wait_for_end, args=(theirs,), daemon=True)  # type: ignore[attr-defined]  # typeshed knows it of each context, not of all
        child.start()
        theirs.close()
        self.crew.append(child)
        self.lines.append(mine)

    def memory(self) -> int:
        """Of the first ones."""
        pids = [child.pid for child in self.crew[:LOOKED_AT]]
        return sum(map(own_memory, pids)) // len(pids)

    def end(self) -> None:
        """They are told, and end by themselves."""
        for line in self.lines:
            line.close()
        for child in self.crew:
            child.join()

    def alive(self) -> int:
        """All that were made."""
        return len(self.crew)


def _hide_main() -> None:
    """The children shall be bare Pythons: without this they import what this one runs, too."""
    main = sys.modules["__main__"]
    main.__spec__ = None
    if hasattr(main, "__file__"):
        del main.__file__


class Spawned(Multiprocesses):
    """A fresh interpreter each."""


class Forkserved(Multiprocesses):
    """Forked by a server that was started once, which is not counted."""

    method = "forkserver"

    def ready(self) -> None:
        """The server."""
        first = self.context.Process()  # type: ignore[attr-defined]  # as above
        first.start()  # and with it the server
        first.join()


class Threads(Crew):
    """threading.Thread."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.over = threading.Event()
        self.crew: list[threading.Thread] = []
        self.before = resident()

    def start(self) -> None:
        """Thread.start returns once the thread runs."""
        for _ in range(self.count):
            self.begin()

    def begin(self) -> None:
        """One more."""
        one = threading.Thread(target=self.over.wait)
        one.start()
        self.crew.append(one)

    def memory(self) -> int:
        """Of all, and the kernel's stack."""
        return max(0, resident() - self.before) // len(self.crew) + KERNEL_STACK

    def end(self) -> None:
        """Told and joined."""
        self.over.set()
        for one in self.crew:
            one.join()

    def alive(self) -> int:
        """All that were made."""
        return len(self.crew)


class Coroutines(Crew):
    """Tasks of asyncio."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.runner = asyncio.Runner()
        self.runner.get_loop()
        self.tasks: list[asyncio.Task[None]] = []
        self.over = asyncio.Event()
        self.bytes = 0

    def start(self) -> None:
        """Made, and each has come to where it waits."""
        self.runner.run(self._start())

    async def _start(self) -> None:
        self.tasks = [asyncio.ensure_future(self._one()) for _ in range(self.count)]
        await asyncio.sleep(0)

    async def _one(self) -> None:
        await self.over.wait()

    def memory(self) -> int:
        """As the allocator counts it: they are too small for pages. Another crew, since counting is slow."""
        import tracemalloc

        other = Coroutines(min(self.count, 1000))
        tracemalloc.start()
        other.start()
        self.bytes = tracemalloc.get_traced_memory()[0] // other.count
        tracemalloc.stop()
        other.end()
        return self.bytes

    def end(self) -> None:
        """Told and gathered."""
        self.runner.run(self._end())

    async def _end(self) -> None:
        self.over.set()
        await asyncio.gather(*self.tasks)

    def alive(self) -> int:
        """All that were made."""
        return len(self.tasks)


KINDS: dict[str, Callable[[int], Crew]] = {
    "fork": Forked,
    "posix_spawn": PosixSpawned,
    "subprocess": Subprocesses,
    "forkserver": Forkserved,
    "spawn": Spawned,
    "thread": Threads,
    "coroutine": Coroutines,
}


def own_memory(pid: int) -> int:
    """Bytes that only this process has: private pages (smaps_rollup), page tables, a kernel stack."""
    private = _sum(Path(f"/proc/{pid}/smaps_rollup"), ("Private_Clean:", "Private_Dirty:"))
    return private + _sum(Path(f"/proc/{pid}/status"), ("VmPTE:",)) + KERNEL_STACK


def _sum(path: Path, keys: tuple[str, ...]) -> int:
    lines = path.read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(keys)) * 1024


def resident() -> int:
    """Bytes of this process in memory: proc(5), statm."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
