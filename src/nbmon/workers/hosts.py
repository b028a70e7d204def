"""The master's side of the processes that host threads and coroutines.

One host for each supervisor and kind. Must not decide anything: what happens to the hosted is told to
`Ears`. A hosted worker that has to be forced costs its host: first its stack is asked for, for the log.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from nbmon.workers import wire
from nbmon.workers.errors import WorkerError
from nbmon.workers.lives import Life
from nbmon.workers.log import say
from nbmon.workers.loop import Loop
from nbmon.workers.nodes import Death, Node, Slot
from nbmon.workers.processes import Job, Processes, Running
from nbmon.workers.spec import Worker
from nbmon.workers.states import UP

STACK_TIME = 1.0  # seconds in which a host has to tell what its culprit does
NAMED = 20  # workers that are named when they are lost with their host
FAREWELL_TIME = 2.0  # seconds in which an empty host ends


class Ears(Protocol):
    """Who is told what happens."""

    def ended(self, life: Life, death: Death) -> None:
        """A worker has ended."""

    def lost(self, lives: Sequence[Life], death: Death) -> None:
        """Workers are gone with their host."""

    def noticed(self, life: Life, word: str) -> None:
        """A worker has said that it is ready, that it lives, that it has done its requests."""

    def host_gone(self, host: Host) -> None:
        """It is no host any more."""


class HostedLife(Life):
    """A thread or a coroutine."""

    def __init__(self, slot: Slot, host: Host) -> None:
        super().__init__(slot)
        self._host = host
        self.pid = self.host_pid = host.running.child.pid

    def ask(self) -> None:
        """A word to the host."""
        self._host.send("stop", self.slot.key)

    def kill(self) -> None:
        """The end of the host."""
        self._host.condemn(self)


class Host:
    """One host process, from its fork to its end."""

    def __init__(
        self,
        kind: str,
        node: Node,
        ears: Ears,
        loop: Loop,
        processes: Processes,
        *,
        start: Callable[[Job], Running],
    ) -> None:
        self._ears = ears
        self._loop = loop
        self._processes = processes
        self._specs = [one for one in node.plan.children if isinstance(one, Worker)]
        self.lives: dict[int, HostedLife] = {}
        self.culprit: HostedLife | None = None
        self.abandoned = False  # a thread in it did not stop, and runs on
        self._out = bytearray()
        self._lines = wire.Lines()
        self._kind = kind
        self._name = f"{node.name}/{kind}s" if node.name else f"{kind}s"
        self.running = self._fork(start)

    def _fork(self, start: Callable[[Job], Running]) -> Running:
        ours, theirs = socket.socketpair()
        specs, kind = self._specs, self._kind

        def live(_: socket.socket) -> int:
            return _run_host(kind, specs, theirs)

        job = Job(self._name, Worker("process", self._name), live, self._gone, lambda _word: None)
        try:
            self._sock = socket.socket(fileno=self._processes.ground.high.lift(ours.detach()))
            running = start(job)
        except OSError as error:
            raise WorkerError(f"cannot start the host of {self._name}: {error.strerror}") from None
        finally:
            theirs.close()
        self._sock.setblocking(False)
        self._loop.watch(self._sock.fileno(), self._readable)
        return running

    # --- said to it ---

    def start(self, slot: Slot) -> HostedLife:
        """Start a worker in it."""
        life = HostedLife(slot, self)
        self.lives[slot.key] = life
        index = self._specs.index(slot.spec)
        self.send("start", slot.key, index, slot.name, slot.number, slot.restarts)
        return life

    def send(self, *words: object) -> None:
        """Say something; it goes out with the next `flush`."""
        self._out += wire.line(*words)

    def flush(self) -> None:
        """Send as much as it takes just now."""
        while self._out:
            try:
                sent = self._sock.send(memoryview(self._out)[: wire.CHUNK])
            except BlockingIOError:
                break
            except OSError:  # it is dying; its pidfd will tell
                self._out.clear()
                break
            del self._out[:sent]
        self._loop.want(self._sock.fileno(), room=bool(self._out))

    def condemn(self, life: HostedLife) -> None:
        """End it for the sake of one that it hosts; first it may say what that one does."""
        if self._kind == "thread" and self._goes_down(life):
            self._abandon(life)
            return
        if self.culprit is not None:
            return
        self.culprit = life
        self.send("stack", life.slot.key)
        self.flush()
        self._loop.after(STACK_TIME, lambda: self._kill("it cannot even say where it is"))

    def _goes_down(self, life: HostedLife) -> bool:
        parent = life.slot.parent
        return parent is not None and parent.state not in UP

    def _abandon(self, life: HostedLife) -> None:
        """All of them are being stopped: the others need not be lost for the sake of this one."""
        self.abandoned = True
        say(f"{life.slot.name} {life.why}: it ends with its host, when the others have stopped")
        self._over(life, life.why, False)

    def _over(self, life: HostedLife, sentence: str, normal: bool, frames: str = "") -> None:
        del self.lives[life.slot.key]
        if self.abandoned and not self.lives:
            self._processes.kill(self.running, "hosted a thread that did not stop")
        self._ears.ended(life, _death(life, sentence, normal, frames))

    def _kill(self, stack: str) -> None:
        if self.culprit is None or self.running.why:
            return
        culprit, pid = self.culprit, self.running.child.pid
        others = sorted(life.slot.name for life in self.lives.values() if life is not culprit)
        more = " …" if len(others) > NAMED else ""
        with_it = f", and with it {', '.join(others[:NAMED])}{more}" if others else ""
        say(f"{culprit.slot.name} {culprit.why}: its host (pid {pid}) is killed{with_it}\n{stack.rstrip()}")
        self._processes.kill(self.running, culprit.why)

    def leave(self) -> None:
        """Nobody is hosted any more: it may end."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:  # it is gone already
            pass

    # --- heard from it ---

    def _readable(self) -> None:
        if self._out:
            self.flush()
        while True:
            try:
                data = self._sock.recv(wire.CHUNK)
            except (BlockingIOError, ConnectionError):
                return
            if not data:  # it is dying; its pidfd will tell
                self._loop.want(self._sock.fileno(), reading=False)
                return
            for word, key, *rest in self._lines.feed(data):
                self._heard(word, key, *rest)

    def _heard(self, word: str, key: int, *rest: Any) -> None:
        life = self.lives.get(key)
        if life is None:
            return
        if word == "end":
            sentence, frames = rest
            self._over(life, sentence or "ended", not sentence, frames)
        elif word == "up":
            life.tid = rest[0]
            self._ears.noticed(life, word)
        elif word == "stack":
            self._found(*rest)
        else:
            self._ears.noticed(life, word)

    def _found(self, key: int, stack: str) -> None:
        """Who it was: of coroutines, the one that holds up the loop, not the one that could not speak."""
        found = self.lives.get(key)
        if found is not None and self.culprit is not None and found is not self.culprit:
            found.why = f"held up the event loop, so that {self.culprit.slot.name} {self.culprit.why}"
            self.culprit = found
        self._kill(stack)

    def _gone(self, death: Death) -> None:
        """It is reaped: the culprit is dead (of an unknown cause, the first), the others are lost."""
        self._readable()
        self._loop.unwatch(self._sock.fileno())
        self._sock.close()
        lives, self.lives = list(self.lives.values()), {}
        self._ears.host_gone(self)
        if not lives:
            return
        culprit = self.culprit if self.culprit in lives else None
        pid = self.running.child.pid
        first = culprit or lives[0]
        sentence = first.why if culprit else f"died with its host (pid {pid}), which {death.sentence}"
        self._ears.ended(first, _death(first, sentence, False))
        rest = [life for life in lives if life is not first]
        if rest:
            self._ears.lost(rest, _death(rest[0], f"was lost with its host (pid {pid})", False))


def _death(life: Life, sentence: str, normal: bool, frames: str = "") -> Death:
    return Death(sentence, normal, time.monotonic() - life.since, time.time(), frames)


def _run_host(kind: str, specs: list[Worker], sock: socket.socket) -> int:
    """In the host: its whole life."""
    from nbmon.workers.procside import host

    if kind == "thread":
        from nbmon.workers.threadhost import ThreadHost

        return host(ThreadHost(specs, sock).run)
    from nbmon.workers.loophost import LoopHost

    return host(LoopHost(specs, sock).run)
