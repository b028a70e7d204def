"""The master's loop: one thread, one epoll, no polling. Carries out the core's orders, tells it what happens.

Must not decide anything about workers: `core` does.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from random import random as chance
from typing import Any

from nbmon.workers import deaths
from nbmon.workers.clock import Timers
from nbmon.workers.core import Core, Do
from nbmon.workers.errors import WorkerError
from nbmon.workers.highfds import HighDescriptors
from nbmon.workers.keeper import Keeper
from nbmon.workers.nodes import Death, Node, Slot
from nbmon.workers.policy import spread
from nbmon.workers.processes import Job, Processes, Running
from nbmon.workers.procside import ProcessWorker, live
from nbmon.workers.reloading import Phase, Reload
from nbmon.workers.signals import Signals
from nbmon.workers.spec import Plan
from nbmon.workers.states import State

MEMORY_LOOK = 5.0  # seconds between two looks at the memory of a worker that has a limit
STOPPING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


class Engine:
    """Runs the tree of a plan in this process until it is down."""

    def __init__(self, plan: Plan, on_ready: Callable[[], None] | None = None) -> None:
        self.core = Core(plan, chance)
        self.processes: Processes
        self.timers = Timers()
        self.reload_result = ""
        self._on_ready = on_ready
        self._jobs: dict[int, Running] = {}
        self._beats: dict[int, float] = {}
        self._handlers: dict[int, Callable[[], None]] = {}
        self._reload: Reload | None = None
        self._reloads_asked = 0

    def run(self) -> None:
        """Start the tree; returns when it is down.

        WorkerError if it gave up; RuntimeError off the main thread.
        """
        reaps = _reaps_orphans()
        numbers = STOPPING | {signal.SIGHUP} | ({signal.SIGCHLD} if reaps else set())
        high = HighDescriptors()
        with Signals(numbers, also={signal.SIGHUP}) as signals, Keeper() as keeper:
            self._poller = _high_epoll(high)
            try:
                self._open(high, keeper, signals)
                self._loop()
            finally:
                self._close(high)
        if self.core.failure is not None:
            raise WorkerError(self.core.failure.sentence)

    def _open(self, high: HighDescriptors, keeper: Keeper, signals: Signals) -> None:
        low = [*signals.descriptors(), keeper.fileno()]
        self.processes = Processes(high, keeper, low, self.watch, self.unwatch)
        self.watch(signals.fileno(), lambda: self._signalled(signals.take()))

    def _close(self, high: HighDescriptors) -> None:
        self.processes.end_all()
        self.processes.close()
        self._poller.close()
        high.restore_limit()

    # --- the loop ---

    def _loop(self) -> None:
        self.core.start(time.monotonic())
        self._carry_out()
        while not self.core.finished:
            for fd, _ in self._poller.poll(self.timers.pause()):
                handler = self._handlers.get(fd)
                if handler is not None:
                    handler()
                self._carry_out()
            self.timers.fire()
            self._carry_out()

    def watch(self, fd: int, handler: Callable[[], None]) -> None:
        """Call `handler` whenever `fd` is readable."""
        self._handlers[fd] = handler
        self._poller.register(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        """No more; before it is closed."""
        del self._handlers[fd]
        self._poller.unregister(fd)

    def _signalled(self, numbers: list[int]) -> None:
        for number in numbers:
            if number in STOPPING:
                self.stop()
            elif number == signal.SIGHUP:
                self.reload()
            elif number == signal.SIGCHLD:
                self.processes.reap_orphans()

    def _carry_out(self) -> None:
        """Give orders until there is none; each may lead to the next."""
        while self.core.orders:
            orders, self.core.orders = self.core.orders, []
            for do, child, seconds, stamp in orders:
                self._obey(do, child, seconds, stamp)
        for sentence in self.core.said:
            say(sentence)
        self.core.said.clear()
        self._look_at_reload()
        if self._on_ready is not None and self.core.root.state is State.RUNNING:
            on_ready, self._on_ready = self._on_ready, None
            on_ready()

    def _obey(self, do: Do, child: Slot | Node, seconds: float, stamp: int) -> None:
        if do is Do.TIMER:
            self.timers.after(seconds, lambda: self.core.overdue(child, stamp, time.monotonic()))
            return
        assert isinstance(child, Slot)
        if do is Do.START:
            self._start(child)
        elif (running := self._jobs.get(child.key)) is not None:
            if do is Do.ASK:
                self.processes.ask(running)
            else:
                self.processes.kill(running, running.why or _why_killed(child))

    # --- what is asked from outside ---

    def stop(self) -> None:
        """Stop the tree."""
        self.core.stop(time.monotonic())

    def reload(self) -> None:
        """New workers take the old ones' places; what comes during a reload makes one more of it."""
        for running in self._jobs.values():
            if running.job.spec.argv:
                running.child.send(signal.SIGHUP)
        self._reloads_asked = min(2, self._reloads_asked + 1)
        if self._reload is None:
            self._reload = Reload(self.core, time.monotonic())

    def _look_at_reload(self) -> None:
        reload = self._reload
        if reload is None or reload.phase is Phase.LAUNCHING:
            return
        done = reload.phase is Phase.DONE
        self.reload_result = "" if done else reload.reason
        say("reloaded" if done else f"the reload was refused, the old workers go on: {reload.reason}")
        self._reloads_asked -= 1
        self._reload = Reload(self.core, time.monotonic()) if self._reloads_asked else None
        self._carry_out()

    # --- workers ---

    def _start(self, slot: Slot) -> None:
        spec = slot.spec
        job = Job(
            slot.key,
            slot.name,
            spec,
            None if spec.argv else lambda sock: self._live(slot, sock),
            lambda death: self._ended(slot, death),
            lambda word: self._noticed(slot, word),
        )
        try:
            self._jobs[slot.key] = self.processes.start(job)
        except WorkerError as error:
            self._ended(slot, Death(f"could not be started: {error}", False, 0.0, time.time()))
            return
        self._arrange(slot)
        if not spec.ready:
            self._ready(slot)

    def _live(self, slot: Slot, sock: Any) -> int:
        spec = slot.spec
        worker = ProcessWorker(sock, slot.name, slot.number, slot.restarts, spec.heartbeat)
        if spec.max_requests is not None:
            worker.max_requests = round(_jittered(spec.max_requests, spec.jitter))
        return live(worker, sock, spec.target or "", spec.args, spec.kwargs)

    def _arrange(self, slot: Slot) -> None:
        """What is to be looked at while it lives."""
        spec = slot.spec
        running = self._jobs[slot.key]
        if spec.max_age is not None:
            age = _jittered(spec.max_age, spec.jitter)
            self.timers.after(age, lambda: self._renew(slot, running, f"is {age:.0f} seconds old"))
        if spec.memory_limit is not None:
            self.timers.after(MEMORY_LOOK, lambda: self._weigh(slot, running))

    def _noticed(self, slot: Slot, word: str) -> None:
        if word == "ready":
            self._ready(slot)
        elif word == "beat":
            self._beats[slot.key] = time.monotonic()
        elif word == "full":
            self._renew(slot, self._jobs.get(slot.key), "has done its requests")

    def _ready(self, slot: Slot) -> None:
        if slot.state is not State.STARTING:
            return
        now = time.monotonic()
        if slot.spec.heartbeat is not None:
            self._beats[slot.key] = now
            self.timers.after(slot.spec.heartbeat, lambda: self._listen(slot, stamp))
        self.core.ready(slot.key, now)
        stamp = slot.stamp
        if self._reload is not None:
            self._reload.ready(slot.key, now)

    def _listen(self, slot: Slot, stamp: int) -> None:
        """Whether its heart has beaten within the time agreed."""
        if slot.stamp != stamp or slot.state is not State.RUNNING:
            return
        allowed = slot.spec.heartbeat or 0.0
        left = self._beats[slot.key] + allowed - time.monotonic()
        if left > 0:
            self.timers.after(left, lambda: self._listen(slot, stamp))
            return
        running = self._jobs[slot.key]
        running.why = f"gave no heartbeat for {allowed:g} seconds"
        self.core.condemn(slot.key)

    def _weigh(self, slot: Slot, running: Running) -> None:
        if self._jobs.get(slot.key) is not running:
            return
        weight = deaths.resident(running.child.pid)
        if weight > (slot.spec.memory_limit or 0):
            self._renew(slot, running, f"uses {weight >> 20} MiB of memory")
        self.timers.after(MEMORY_LOOK, lambda: self._weigh(slot, running))

    def _renew(self, slot: Slot, running: Running | None, why: str) -> None:
        if running is None or self._jobs.get(slot.key) is not running or slot.state is not State.RUNNING:
            return
        try:
            self.core.again(slot, time.monotonic())
        except WorkerError:  # all of it is going down
            return
        say(f"{slot.name} {why} and is renewed")

    def _ended(self, slot: Slot, death: Death) -> None:
        running = self._jobs.pop(slot.key, None)
        self._beats.pop(slot.key, None)
        if slot.state is not State.STOPPING:
            pid = f" (pid {running.child.pid})" if running else ""
            say(f"{slot.name}{pid} {death.sentence} after {death.life:.1f} seconds")
        now = time.monotonic()
        if self._reload is not None:
            self._reload.gone(slot.key, death)
        self.core.gone(slot.key, death, now)


def _high_epoll(high: HighDescriptors) -> select.epoll:
    low = select.epoll()
    try:
        return select.epoll.fromfd(high.lift(os.dup(low.fileno())))
    finally:
        low.close()


def say(text: str) -> None:
    """A line to the common log."""
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    plain = "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text.rstrip("\n"))
    try:
        sys.stderr.write(f"{when} " + plain.replace("\n", "\n    ") + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):  # a full disk, or nobody listens: the workers matter more
        pass


def _jittered(value: float, jitter: float) -> float:
    return spread(value, jitter, chance())  # noqa: S311 - no secret depends on it


def _why_killed(slot: Slot) -> str:
    if slot.state is State.KILLING:
        return f"did not stop within {slot.spec.grace:g} seconds"
    return f"was not ready within {slot.spec.start_timeout:g} seconds"


def _reaps_orphans() -> bool:
    """Whether the kernel gives us others' children: as PID 1, or as subreaper (prctl(2))."""
    if os.getpid() == 1:
        return True
    from ctypes import CDLL, byref, c_int

    answer = c_int()
    get_child_subreaper = 37  # <linux/prctl.h>
    CDLL(None).prctl(get_child_subreaper, byref(answer), 0, 0, 0)
    return bool(answer.value)
