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

from nbmon.workers import cgroups, deaths, orphans, upgrading
from nbmon.workers.commonlog import CommonLog
from nbmon.workers.control import NO_PLACES, Control, Places
from nbmon.workers.core import Core, Do
from nbmon.workers.errors import WorkerError
from nbmon.workers.health import Health, jittered
from nbmon.workers.highfds import HighDescriptors
from nbmon.workers.hosts import FAREWELL_TIME, Host
from nbmon.workers.keeper import Keeper
from nbmon.workers.lives import Life, ProcessLife
from nbmon.workers.log import say
from nbmon.workers.logs import Logs
from nbmon.workers.loop import Loop
from nbmon.workers.nodes import Death, Node, Slot
from nbmon.workers.order import NOT_STARTED
from nbmon.workers.processes import Job, Processes, Running
from nbmon.workers.procside import ProcessWorker, live
from nbmon.workers.readiness import Descriptor, Port
from nbmon.workers.reloading import Phase, Reload
from nbmon.workers.signals import Signals
from nbmon.workers.spec import Plan
from nbmon.workers.states import State
from nbmon.workers.upgrading import Successor, Upgrade

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
        self.common_log: CommonLog
        self._places = places
        self.reload_result = ""
        self._on_ready = on_ready
        self._was_up = False
        self.lives: dict[int, Life] = {}
        self.health = Health(self)
        self._hosts: dict[tuple[int, str], Host] = {}
        self._handlers: dict[int, Callable[[], None]] = {}
        self._reload: Reload | None = None
        self._reloads_asked = 0
        self.pulse: tuple[float, Callable[[], None]] | None = None  # seconds, and what is called so often
        self.forwarded: frozenset[int] = frozenset()  # signals that commands get as they came
        self.successor: Successor | None = None  # what this process becomes by an upgrade
        self.handed: dict[str, Any] = {}  # by a former image of this process
        self._upgrade: Upgrade | None = None

    def run(self) -> None:
        """Start the tree; returns when it is down.

        WorkerError if it gave up; RuntimeError off the main thread.
        """
        reaps = orphans.are_ours()
        numbers = STOPPING | {signal.SIGHUP} | self.forwarded | ({signal.SIGCHLD} if reaps else set())
        before: dict[str, Any] = self.handed.get("estate", {"high": (), "keeper": (-1, 0), "notices": None})
        with ExitStack() as stack:
            high = HighDescriptors(*before["high"])
            stack.callback(high.restore_limit)
            signals = stack.enter_context(Signals(numbers, also={signal.SIGHUP}))
            self._signals = signals
            home, own_pid = cgroups.home(), os.getpid()
            also = None if home is None else lambda: cgroups.end_all(home, own_pid)
            writing, pid = before["keeper"]
            keeper = stack.enter_context(Keeper(writing, pid, also))
            self.loop = Loop(high)
            stack.callback(self.loop.close)
            if self.pulse is not None:
                self.loop.every(*self.pulse)
            low = [*signals.descriptors(), keeper.fileno()]
            self.processes = Processes(
                high, keeper, low, self.loop, inherited=before["notices"], cgroups=cgroups.Cgroups(home)
            )
            stack.callback(self.processes.close)
            self.processes.watch_keeper()
            self.loop.watch(signals.fileno(), lambda: self._signalled(signals.take()))
            self.control = Control(self, self._places)
            stack.callback(self.control.close)
            self.logs = Logs(self.loop, self.processes)
            self.common_log = CommonLog(self.loop, self.processes)
            stack.callback(self._end)
            self._live()
        if self.core.failure is not None:
            raise WorkerError(self.core.failure.sentence)

    def _end(self) -> None:
        self._dismiss_hosts()
        self.logs.close()
        self.common_log.close()
        self.processes.end_all()

    # --- the loop ---

    def _live(self) -> None:
        if self.handed:
            upgrading.go_on(self, self.handed)
        else:
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
        if self._upgrade is not None:
            self._upgrade.look()
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

    @property
    def reloads(self) -> bool:
        """Whether a reload is under way."""
        return self._reload is not None

    def upgrade(self) -> None:
        """Execute new code of this program, and keep the workers. WorkerError if it cannot be tried."""
        if self.successor is None:
            raise WorkerError("only what nbmon runs as a service can be upgraded; restart the program")
        if self._upgrade is None or self._upgrade.phase is upgrading.Phase.REFUSED:
            self._upgrade = Upgrade(self, self.successor)

    def upgraded(self) -> dict[str, Any] | None:
        """Why the upgrade was refused; None while it is under way. If it succeeds, the next image answers."""
        if self._upgrade is None or self._upgrade.phase is not upgrading.Phase.REFUSED:
            return None
        return {"ok": False, "error": self._upgrade.reason}

    def took_over(self) -> None:
        """All that there was goes on, so nobody is to be told that it is up."""
        self._was_up = True

    def dismissed_hosts(self) -> bool:
        """Whether all hosts are gone; they are empty, and told to go."""
        for host in self._hosts.values():
            host.leave()
        return not self._hosts

    def keep_signals(self) -> None:
        """Those that came and were not taken come again, once they are let in."""
        for number in self._signals.take():
            os.kill(os.getpid(), number)

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
            self._tell(slot, Death(f"{NOT_STARTED}{why}", False, 0.0, time.time()))
            return
        self.lives[slot.key] = life
        self.control.event("started", slot.name, pid=life.pid)
        self.health.watch_over(life)
        if not slot.spec.ready and slot.spec.kind != "thread":  # a thread is known once it has a number
            self._ready(life)

    def job(self, slot: Slot) -> Job:
        """What its process is started for."""
        return Job(
            slot.name,
            slot.spec,
            None if slot.spec.argv else lambda sock: _live(slot, sock),
            lambda death: self.ended(self.lives[slot.key], death),
            lambda word: self.noticed(self.lives[slot.key], word),
        )

    def _process(self, slot: Slot) -> Life:
        spec, job = slot.spec, self.job(slot)
        job.output = self.logs.output(spec.settings.log)
        pipe = None
        if spec.ready.startswith("fd:"):
            pipe = Descriptor(self.loop, self.processes.ground.high, lambda: self._ready(life))
            job.extra[int(spec.ready[3:])] = pipe.writing
        try:
            start = self._starter(slot.parent, spec.prefix) if job.output < 0 else self.processes.start
            life = ProcessLife(slot, self.processes, start(job))
        except (WorkerError, OSError):
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
            start = self._starter(slot.parent)
            host = Host(slot.spec.kind, slot.parent, self, self.loop, self.processes, start=start)
            self._hosts[place] = host
        return host.start(slot)

    def _starter(self, node: Node | None, prefix: bool = False) -> Callable[[Job], Running]:
        """What starts a process without a log of its own: with a prefix, if it or one above wants that."""
        while node is not None and not prefix:
            prefix, node = node.plan.prefix, node.parent
        return self.common_log.start if prefix else self.processes.start

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
            self.health.renew(life, "has done its requests")

    def _ready(self, life: Life) -> None:
        slot = life.slot
        if slot.state is not State.STARTING:
            return
        now = time.monotonic()
        self.control.event("ready", slot.name, pid=life.pid)
        self.core.ready(slot.key, now)
        self.health.listen(life)
        if self._reload is not None:
            self._reload.ready(slot.key, now)

    def _lived_on(self, life: Life) -> None:
        if self.lives.get(life.slot.key) is life:
            self._ready(life)

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
        worker.max_requests = round(jittered(spec.max_requests, spec.jitter))
    return live(worker, sock, spec.target or "", spec.args, spec.kwargs)


def _why_killed(slot: Slot) -> str:
    if slot.state is State.KILLING:
        return f"did not stop within {slot.spec.grace:g} seconds"
    return f"was not ready within {slot.spec.start_timeout:g} seconds"
