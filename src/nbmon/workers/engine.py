"""The master's loop: one thread, one epoll, no polling. Carries out the core's orders, tells it what happens.

Must not decide anything about workers: `core` does.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from random import random as chance
from typing import Any

from nbmon.workers import deaths
from nbmon.workers.control import NO_PLACES, Control, Places
from nbmon.workers.core import Core, Do
from nbmon.workers.errors import WorkerError
from nbmon.workers.highfds import HighDescriptors
from nbmon.workers.hosts import FAREWELL_TIME, Host
from nbmon.workers.keeper import Keeper
from nbmon.workers.lives import Life, ProcessLife
from nbmon.workers.log import say
from nbmon.workers.logs import Logs
from nbmon.workers.loop import Loop
from nbmon.workers.nodes import Death, Node, Slot
from nbmon.workers.policy import spread
from nbmon.workers.processes import Job, Processes
from nbmon.workers.procside import ProcessWorker, live
from nbmon.workers.readiness import Descriptor, Port
from nbmon.workers.reloading import Phase, Reload
from nbmon.workers.signals import Signals
from nbmon.workers.spec import Plan
from nbmon.workers.states import State

MEMORY_LOOK = 5.0  # seconds between two looks at the memory of a worker that has a limit
STOPPING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})


class Engine:
    """Runs the tree of a plan in this process until it is down."""

    def __init__(
        self, plan: Plan, on_ready: Callable[[], None] | None = None, places: Places = NO_PLACES
    ) -> None:
        self.core = Core(plan, chance)
        self.loop: Loop
        self.processes: Processes
        self.control: Control
        self._signals: Signals
        self.logs: Logs
        self._places = places
        self.reload_result = ""
        self._on_ready = on_ready
        self._was_up = False
        self.lives: dict[int, Life] = {}
        self._hosts: dict[tuple[int, str], Host] = {}
        self._handlers: dict[int, Callable[[], None]] = {}
        self._reload: Reload | None = None
        self._reloads_asked = 0
        self.forwarded: frozenset[int] = frozenset()  # signals that commands get as they came

    def run(self) -> None:
        """Start the tree; returns when it is down.

        WorkerError if it gave up; RuntimeError off the main thread.
        """
        reaps = _reaps_orphans()
        numbers = STOPPING | {signal.SIGHUP} | self.forwarded | ({signal.SIGCHLD} if reaps else set())
        with ExitStack() as stack:
            high = HighDescriptors()
            stack.callback(high.restore_limit)
            signals = stack.enter_context(Signals(numbers, also={signal.SIGHUP}))
            self._signals = signals
            keeper = stack.enter_context(Keeper())
            self.loop = Loop(high)
            stack.callback(self.loop.close)
            low = [*signals.descriptors(), keeper.fileno()]
            self.processes = Processes(high, keeper, low, self.loop)
            stack.callback(self.processes.close)
            self.processes.watch_keeper()
            self.loop.watch(signals.fileno(), lambda: self._signalled(signals.take()))
            self.control = Control(self, self._places)
            stack.callback(self.control.close)
            self.logs = Logs(self.loop, self.processes)
            stack.callback(self._end)
            self._live()
        if self.core.failure is not None:
            raise WorkerError(self.core.failure.sentence)

    def _end(self) -> None:
        self._dismiss_hosts()
        self.logs.close()
        self.processes.end_all()

    # --- the loop ---

    def _live(self) -> None:
        self.core.start(time.monotonic())
        self._carry_out()
        while not self.core.finished:
            self.loop.turn(self._carry_out)

    def _dismiss_hosts(self) -> None:
        """They are empty by now, or the loop has failed."""
        until = time.monotonic() + FAREWELL_TIME
        for host in self._hosts.values():
            host.leave()
        while self._hosts and not self.lives and (left := until - time.monotonic()) > 0:
            self.loop.turn(lambda: None, left)

    def _signalled(self, numbers: list[int]) -> None:
        for number in numbers:
            if number == signal.SIGINT and self.core.root.state is State.STOPPING:
                self._hurry()
            elif number in STOPPING:
                self.processes.asking = number if number in self.forwarded else signal.SIGTERM
                self.stop()
            elif number == signal.SIGHUP:
                self.reload()
            elif number == signal.SIGCHLD:
                self.processes.reap_orphans()
            elif number in self.forwarded:
                self._forward(number)

    def _forward(self, number: int) -> None:
        for life in self.lives.values():
            if isinstance(life, ProcessLife) and life.slot.spec.argv:
                life.running.child.send(number)

    def _carry_out(self) -> None:
        """Give orders until there is none; each may lead to the next."""
        while self.core.orders:
            orders, self.core.orders = self.core.orders, []
            for do, child, seconds, stamp in orders:
                self._obey(do, child, seconds, stamp)
        for host in list(self._hosts.values()):
            host.flush()
        for sentence in self.core.said:
            say(sentence)
            self.control.event("gave up", "", why=sentence)
        self.core.said.clear()
        self._look_at_reload()
        self.control.look()
        if not self._was_up and self.core.root.state is State.RUNNING:
            self._was_up = True
            self.control.event("up", "")
            if self._on_ready is not None:
                self._on_ready()

    def _obey(self, do: Do, child: Slot | Node, seconds: float, stamp: int) -> None:
        if do is Do.TIMER:
            self.loop.after(seconds, lambda: self.core.overdue(child, stamp, time.monotonic()))
            return
        assert isinstance(child, Slot)
        if do is Do.START:
            self._start(child)
        elif (life := self.lives.get(child.key)) is not None:
            if do is Do.ASK:
                life.ask()
            else:
                life.why = life.why or _why_killed(child)
                life.kill()

    def _hurry(self) -> None:
        """A second Ctrl-C does not wait for anybody."""
        for running in list(self.processes.running.values()):
            self.processes.kill(running, "was not waited for")

    # --- what is asked from outside ---

    def stop(self) -> None:
        """Stop the tree."""
        self.core.stop(time.monotonic())

    def reload(self) -> None:
        """New workers take the old ones' places; what comes during a reload makes one more of it."""
        for life in self.lives.values():
            if not isinstance(life, ProcessLife) or not life.slot.spec.argv:
                continue
            if deaths.heeds(life.pid or 0, signal.SIGHUP):  # else it would end of it
                life.running.child.send(signal.SIGHUP)
        self._reloads_asked = min(2, self._reloads_asked + 1)
        if self._reload is None:
            self._reload = Reload(self.core, time.monotonic())

    def reload_as_by_signal(self) -> None:
        """As a SIGHUP that is waited for: whoever else handles it in this process does so, too."""
        signal.raise_signal(signal.SIGHUP)
        self._signalled(self._signals.take())

    def reloaded(self) -> dict[str, Any] | None:
        """What has become of the reload; None while it is under way."""
        if self._reload is not None:
            return None
        return {"ok": False, "error": self.reload_result} if self.reload_result else {"ok": True}

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
        try:
            life = self._process(slot) if slot.spec.kind == "process" else self._hosted(slot)
        except (WorkerError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self._tell(slot, Death(f"could not be started: {why}", False, 0.0, time.time()))
            return
        self.lives[slot.key] = life
        self.control.event("started", slot.name, pid=life.pid)
        if slot.spec.max_age is not None:
            age = _jittered(slot.spec.max_age, slot.spec.jitter)
            self.loop.after(age, lambda: self._renew(life, f"is {age:.0f} seconds old"))
        if slot.spec.memory_limit is not None:
            self.loop.after(MEMORY_LOOK, lambda: self._weigh(life))
        if not slot.spec.ready and slot.spec.kind != "thread":  # a thread is known once it has a number
            self._ready(life)

    def _process(self, slot: Slot) -> Life:
        spec = slot.spec
        job = Job(
            slot.name,
            spec,
            None if spec.argv else lambda sock: _live(slot, sock),
            lambda death: self.ended(life, death),
            lambda word: self.noticed(life, word),
            self.logs.output(spec.settings.log),
        )
        pipe = None
        if spec.ready.startswith("fd:"):
            pipe = Descriptor(self.loop, self.processes.ground.high, lambda: self._ready(life))
            job.extra[int(spec.ready[3:])] = pipe.writing
        try:
            life = ProcessLife(slot, self.processes, self.processes.start(job))
        except WorkerError:
            if pipe is not None:
                pipe.close()
            raise
        finally:
            if pipe is not None:
                os.close(pipe.writing)
        life.readiness = pipe
        if spec.ready.startswith("port:"):
            life.readiness = Port(self.loop, spec.ready[5:], lambda: self._ready(life))
        elif spec.ready.startswith("alive:"):
            self.loop.after(float(spec.ready[6:]), lambda: self._lived_on(life))
        return life

    def _hosted(self, slot: Slot) -> Life:
        assert slot.parent is not None
        place = (slot.parent.key, slot.spec.kind)
        host = self._hosts.get(place)
        if host is None or host.culprit is not None or host.abandoned:
            host = self._hosts[place] = Host(slot.spec.kind, slot.parent, self, self.loop, self.processes)
        return host.start(slot)

    def host_gone(self, host: Host) -> None:
        """A host is reaped."""
        for place in [place for place, one in self._hosts.items() if one is host]:
            del self._hosts[place]

    def noticed(self, life: Life, word: str) -> None:
        """What a worker says of itself."""
        if word == "ready" or (word == "up" and not life.slot.spec.ready):
            self._ready(life)
        elif word == "beat":
            life.beat = time.monotonic()
        elif word == "full":
            self._renew(life, "has done its requests")

    def _ready(self, life: Life) -> None:
        slot = life.slot
        if slot.state is not State.STARTING:
            return
        life.beat = now = time.monotonic()
        if slot.spec.heartbeat is not None:
            self.loop.after(slot.spec.heartbeat, lambda: self._listen(life))
        self.control.event("ready", slot.name, pid=life.pid)
        self.core.ready(slot.key, now)
        if self._reload is not None:
            self._reload.ready(slot.key, now)

    def _lived_on(self, life: Life) -> None:
        if self.lives.get(life.slot.key) is life:
            self._ready(life)

    def _listen(self, life: Life) -> None:
        """Whether its heart has beaten within the time agreed."""
        if self._is_over(life):
            return
        allowed = life.slot.spec.heartbeat or 0.0
        left = life.beat + allowed - time.monotonic()
        if left > 0:
            self.loop.after(left, lambda: self._listen(life))
            return
        life.why = f"gave no heartbeat for {allowed:g} seconds"
        self.core.condemn(life.slot.key)

    def _weigh(self, life: Life) -> None:
        if self._is_over(life):
            return
        weight = deaths.resident(life.pid or 0)
        if weight > (life.slot.spec.memory_limit or 0):
            self._renew(life, f"uses {weight >> 20} MiB of memory")
        self.loop.after(MEMORY_LOOK, lambda: self._weigh(life))

    def _renew(self, life: Life, why: str) -> None:
        if self._is_over(life):
            return
        try:
            self.core.again(life.slot, time.monotonic())
        except WorkerError:  # all of it is going down
            return
        say(f"{life.slot.name} {why} and is renewed")

    def _is_over(self, life: Life) -> bool:
        return self.lives.get(life.slot.key) is not life or life.slot.state is not State.RUNNING

    def ended(self, life: Life, death: Death) -> None:
        """A worker has ended, of whatever."""
        del self.lives[life.slot.key]
        life.over()
        self._tell(life.slot, death, life.pid)

    def _tell(self, slot: Slot, death: Death, pid: int | None = None) -> None:
        if slot.state is not State.STOPPING:
            shown = f" (pid {pid})" if pid and slot.spec.kind == "process" else ""
            say(f"{slot.name}{shown} {death.sentence} after {death.life:.1f} seconds")
        self.control.event("ended" if death.normal else "died", slot.name, pid=pid, why=death.sentence)
        if self._reload is not None:
            self._reload.gone(slot.key, death)
        self.core.gone(slot.key, death, time.monotonic())

    def lost(self, lives: Sequence[Life], death: Death) -> None:
        """Workers are gone with their host, without a fault of theirs."""
        for life in lives:
            del self.lives[life.slot.key]
        self.core.lost([life.slot.key for life in lives], death, time.monotonic())


def _live(slot: Slot, sock: Any) -> int:
    """In the forked worker."""
    spec = slot.spec
    worker = ProcessWorker(sock, slot.name, slot.number, slot.restarts, spec.heartbeat)
    if spec.max_requests is not None:
        worker.max_requests = round(_jittered(spec.max_requests, spec.jitter))
    return live(worker, sock, spec.target or "", spec.args, spec.kwargs)


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
