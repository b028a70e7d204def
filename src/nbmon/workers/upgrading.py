"""An upgrade: the master executes new code of itself, and keeps its workers; then they are renewed.

The new code is tried first, in a child that does all but take over; if it fails there, the old goes on and
says why. Threads and coroutines are stopped before, since their hosts run old code, and started after.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from nbmon.workers import estate
from nbmon.workers.errors import WorkerError
from nbmon.workers.log import say
from nbmon.workers.nodes import Death
from nbmon.workers.processes import Job
from nbmon.workers.spec import Worker
from nbmon.workers.states import ALIVE, State

if TYPE_CHECKING:
    from nbmon.workers.engine import Engine

TRIAL_TIME = 30.0  # seconds
TRIAL_FD = 3  # where a trial finds the estate
LONGEST_REASON = 4096  # bytes of what a trial says


class Phase(Enum):
    """How far it has come."""

    TRYING = "the new code is tried in a child"
    EMPTYING = "it will do: what cannot be kept is stopped, what is under way is waited for"
    REFUSED = "the old code goes on"


@dataclass(frozen=True)
class Successor:
    """What the master becomes. `beside` is what the program hands over too, `kept` its descriptors."""

    trial: tuple[str, ...]  # a command: exits with 0 if it could take over; finds the estate at TRIAL_FD
    argv: tuple[str, ...]  # what is executed, with the estate's descriptor as one word more
    beside: Callable[[], dict[str, Any]]
    kept: Callable[[], list[int]]


class Upgrade:
    """One try; `reason` tells why it was refused."""

    def __init__(self, engine: Engine, successor: Successor) -> None:
        self.phase = Phase.TRYING
        self.reason = ""
        self._engine = engine
        self._successor = successor
        self._said = os.memfd_create("nbmon-trial", os.MFD_CLOEXEC)
        spec = Worker("process", "upgrade", argv=successor.trial)
        job = Job("the trial of the new code", spec, None, self._tried, lambda _word: None, self._said)
        memory = self._memory(self._estate())
        job.extra[TRIAL_FD] = memory
        try:
            self._trial = engine.processes.start(job)
        except WorkerError as error:
            os.close(self._said)
            self._refuse(str(error))
            return
        finally:
            os.close(memory)
        engine.loop.after(TRIAL_TIME, self._too_long)

    def _too_long(self) -> None:
        if self.phase is Phase.TRYING:
            self._engine.processes.kill(self._trial, f"was not done within {TRIAL_TIME:g} seconds")

    def _tried(self, death: Death) -> None:
        start = max(0, os.fstat(self._said).st_size - LONGEST_REASON)
        told = os.pread(self._said, LONGEST_REASON, start)
        os.close(self._said)
        if not death.normal:
            lines = told.decode("utf-8", "replace").strip().splitlines()
            self._refuse(lines[-1] if lines else f"its trial {death.sentence}")
            return
        self.phase = Phase.EMPTYING
        self._engine.core.hold()

    def _refuse(self, reason: str) -> None:
        self.reason = f"the new code cannot take over: {reason}"
        self.phase = Phase.REFUSED
        say(f"the upgrade was refused, the old code goes on: {reason}")

    def look(self) -> None:
        """Go on, if it is time."""
        engine = self._engine
        if self.phase is Phase.TRYING and engine.core.root.state is not State.RUNNING:
            self._engine.processes.kill(self._trial, "is of no use any more")
        if self.phase is not Phase.EMPTYING:
            return
        if engine.core.root.state is not State.RUNNING:
            self._refuse("it is being stopped")
        elif is_quiet(engine) and engine.dismissed_hosts():
            self._go()

    def _go(self) -> None:
        """The last thing that the old code does, unless it fails."""
        engine, successor = self._engine, self._successor
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        waiting = engine.control.hand_over(engine.upgraded)
        handed = self._estate() | {"waiting": waiting}
        fds = [*estate.descriptors(handed["estate"]), *successor.kept(), *waiting]
        memory = self._memory(handed)
        try:
            engine.keep_signals()
            for fd in (*fds, memory):
                os.set_inheritable(fd, True)
            os.execv(successor.argv[0], [*successor.argv, str(memory)])  # noqa: S606 - no shell is what is wanted
        except OSError as error:
            for fd in fds:
                os.set_inheritable(fd, False)
            os.close(memory)
            self._refuse(f"cannot execute {successor.argv[0]}: {error.strerror}")
            engine.core.go_on(time.monotonic())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _estate(self) -> dict[str, Any]:
        return {"estate": estate.written(self._engine), "beside": self._successor.beside()}

    @staticmethod
    def _memory(handed: dict[str, Any]) -> int:
        fd = os.memfd_create("nbmon-estate", os.MFD_CLOEXEC)
        os.write(fd, json.dumps(handed).encode())
        return fd


def is_quiet(engine: Engine) -> bool:
    """Whether nothing is on its way up or down, but those that have left their places to others."""
    if engine.reloads or engine.core.root.state is not State.RUNNING:
        return False
    return all(
        slot.state not in ALIVE or (slot.state is State.RUNNING and slot.spec.kind == "process")
        for slot in engine.core.root.slots()
    )


def received(fd: int) -> dict[str, Any]:
    """What the old image has handed over; `fd` is closed. ValueError for whatever else it is."""
    os.lseek(fd, 0, os.SEEK_SET)
    with open(fd, "rb") as file:
        handed = json.load(file)
    if not isinstance(handed, dict) or handed.get("estate", {}).get("version") != estate.VERSION:
        raise ValueError("it does not know what the running one would hand over; restart it instead")
    return handed


def go_on(engine: Engine, handed: dict[str, Any]) -> None:
    """In the next image: the workers are its own, and are renewed; who asked hears of that."""
    estate.settle(engine, handed["estate"])
    engine.took_over()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    say("upgraded: this is the new code")
    engine.reload()
    for fd in handed["waiting"]:
        engine.control.take_over(fd, engine.reloaded)
