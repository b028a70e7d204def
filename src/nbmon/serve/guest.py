"""A child of the process model converses with one guest at a time, and may block as it likes meanwhile.

A guest that says nothing for a moment is given back to the master, with what is here of its next request. One
whose answer has to wait (for its reader, or for something else than its next request) is parked: the child
tells the master that it can converse with another, and both go on in its loop.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from socket import SocketType
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from nbmon.http import Limits, Session, State
from nbmon.serve.asking import App, date_now
from nbmon.serve.board import Board, Shown
from nbmon.serve.child import LOOK, NUMBER, OVER, PARKED, RESTS, WORD
from nbmon.serve.children import Shared
from nbmon.serve.connection import Connection
from nbmon.serve.coroutine import _note, converse
from nbmon.serve.ledger import Ledger
from nbmon.serve.loop import NOTHING, READ, Loop, Task
from nbmon.serve.memo import Memo
from nbmon.serve.timeouts import Bounds, Timeouts

KEEP = 0.25  # seconds for which a guest that says nothing is kept, in case it asks again at once
SLICE = 0.05  # seconds: a guest that asks on and on keeps its child so long while others wait

_BETWEEN = frozenset((State.IDLE, State.LINE, State.FIELDS))  # nothing is lost if another goes on from here


if TYPE_CHECKING:
    from nbmon.serve.tls import Certificates


class Host:
    """What a child does."""

    def __init__(
        self, app: App, limits: Limits, timeouts: Timeouts, bounds: Bounds, *, shared: Shared
    ) -> None:
        self.app = app
        self.limits = limits
        self.bounds = bounds
        self.shared = shared
        self.generation = 0
        self.ledger = Ledger()
        self.board: Board | None = None  # where children show their counts
        self.memory = 0  # bytes of answers that a child remembers
        self.patience = timeouts.head  # seconds for a request's content; the master waits for heads
        self.whole_timeouts = timeouts
        self.certificates: Certificates | None = None  # for guests under TLS
        self.timeouts = replace(timeouts, idle=min(KEEP, timeouts.idle), head=min(KEEP, timeouts.head))
        self._retired = False  # the master has hung up
        self._current: Guest | None = None  # the one that is conversed with
        self._parked: set[Guest] = set()

    def serve(self, channel: socket.socket) -> None:
        """Take connections from the master until it hangs up, and those that are here are over."""
        self._channel = channel
        self.ledger = self.ledger.for_child()
        self._shown = None if self.board is None else Shown(self.board, self.ledger)
        self._memo = memo = Memo(self.app, self.ledger, self.limits, self.memory, self.bounds.mapped_bytes)
        self._loop = loop = Loop()
        self._orders = Orders(loop, channel)
        loop.patience = self.timeouts.idle
        loop.chime, loop.next_chime = (lambda now: _tick(memo, now)), loop.now
        self.generation = self.shared.generation
        while self._take_order():
            pass
        self._retired = True
        self._hear_the_end()
        while self._parked:
            loop.run()
        self.ledger.close()

    def _take_order(self) -> bool:
        """Converse with the next guest, or with those that are parked; False: the master has hung up."""
        if self._parked:  # they go on while nobody else is here
            self._orders.wait()
            if not self._orders.here:
                return True
        message, descriptors, _, _ = socket.recv_fds(self._channel, WORD, 1)
        if not message:
            return False
        if message == LOOK:
            self._hear_the_end()
            return True
        self._converse(SocketType(fileno=descriptors[0]), message)
        return True

    def _converse(self, sock: SocketType, message: bytes) -> None:
        """Converse until the guest rests, leaves, or is parked."""
        loop = self._loop
        loop.now = monotonic()  # who knows for how long there was no guest
        loop.horizon = loop.now + loop.patience
        if loop.now >= loop.next_chime:
            loop.next_chime = loop.chime(loop.now)
        try:
            self._current = guest = self._guest(sock, message)
        except OSError:  # it has gone
            self._channel.send(OVER + message[:NUMBER])
            return
        guest.open()
        if self._current is guest:
            loop.run()

    def ends(self) -> bool:
        """Whether what has no end of its own must end: the server stops, or this child is an old one."""
        return self._retired or self.shared.stopping or self.shared.generation != self.generation

    def _hear_the_end(self) -> None:
        if self.ends():
            self._loop.draining = True
            for guest in list(self._parked):
                guest.end_stream()
                guest.leave_soon()

    def _guest(self, sock: SocketType, message: bytes) -> Guest:
        """A message with nothing but its number brings a connection under TLS, of which nothing was read."""
        if len(message) > NUMBER or self.certificates is None:
            return Guest(self._loop, sock, message, self, self._memo)
        from nbmon.serve.tlsguest import TlsGuest

        return TlsGuest(self._loop, self.certificates.dress(sock), message, self, self._memo)

    def park(self, guest: Guest) -> None:
        """Let it wait, and be free for another."""
        self._parked.add(guest)
        self._say(guest, PARKED)

    def let_go(self, guest: Guest, word: bytes) -> None:
        """It is not here any more; `word` says what became of it."""
        self._parked.discard(guest)
        guest.sock.close()
        self.ledger.settle()
        if self._shown is not None:
            self._shown()
        self._say(guest, word)

    def _say(self, guest: Guest, word: bytes) -> None:
        if self._current is guest:
            self._current = None
            self._loop.stop()
        elif self._current is None and not self._parked:
            self._loop.stop()  # nobody to wait for
        self._channel.send(word[:1] + guest.number + word[1:])

    def wants_rid_of_one_since(self, began: float, now: float) -> bool:
        """Whether a guest that rests shall go: others wait, or a reload has made this child an old one."""
        shared = self.shared
        return (shared.wanted and now - began > SLICE) or shared.generation != self.generation


class Orders(Task):
    """The master's end of the channel, heard while guests are parked and none is conversed with."""

    __slots__ = ("here",)

    def __init__(self, loop: Loop, channel: socket.socket) -> None:
        super().__init__(loop, channel.fileno())
        self.here = False  # an order, or the channel's end

    def wait(self) -> None:
        """Run the loop until there is an order, or nobody parked."""
        self.here = False
        self.watch(READ)
        self.loop.run()
        self.watch(NOTHING)

    def ready(self) -> None:
        """The master has said something."""
        self.here = True
        self.loop.stop()


def _tick(memo: Memo, now: float) -> float:
    at = time()
    memo.tick(date_now(), at)
    return now + 1.0 - at % 1.0


def _client_of(sock: SocketType) -> Any:
    try:
        return sock.getpeername()
    except OSError:  # it is gone already
        return None


class Guest(Connection):
    """A connection in a child's loop, lent by a message: the order's number, and what was received."""

    __slots__ = ("_began", "_granted", "_host", "_parked", "number", "session")

    def __init__(self, loop: Loop, sock: SocketType, message: bytes, host: Host, memo: Memo) -> None:
        super().__init__(
            loop, sock, message[NUMBER:], host.timeouts, ended=self._left, memo=memo,
            conversing=self._conversation, client=_client_of(sock), ledger=host.ledger,
        )  # fmt: skip
        self._began = loop.now
        self._host = host
        self.session = Session(host.limits)
        self._granted: Any = None  # the request whose content has been given its time
        self._parked = False
        self.number = message[:NUMBER]

    async def _conversation(self, _connection: Connection) -> None:
        host = self._host
        await converse(self, host.app, self.session, self.closing, host.bounds)

    def closing(self) -> bool:
        """Whether its next answer is its last."""
        return self._host.shared.stopping

    def leave_soon(self) -> None:
        """Of one that stays in this child only: one that rests is given back anyway."""

    def ready(self) -> None:
        """As Connection's; then make room for others if they wait and this one rests."""
        if self._host.shared.stopping and self._memo is not None:
            self._memo.forget_all()  # the next answer is the last
        super().ready()
        if self.resting and self._host.wants_rid_of_one_since(self._began, self.loop.now):
            self.part()

    def overdue(self) -> None:
        """It has said nothing for a while, or takes too little."""
        if self.wish == READ and self.session.state in _BETWEEN:
            super().ready()
            if self.wish == READ and self.session.state in _BETWEEN:
                self.part()
        elif self.session.state is State.BODY and self._granted is not self.session.request:
            self._granted = self.session.request
            self.deadline = monotonic() + self._host.patience
            self.loop.wheel.place(self)
        else:
            super().overdue()

    def must_end(self) -> bool:
        """As Connection's."""
        return self._host.ends()

    def part(self) -> None:
        """Leave this connection as it is, to be gone on with by another child."""
        self.resting = False
        self.leave()
        self._host.let_go(self, RESTS + self.session.begun)

    def _wait(self, wish: int) -> None:
        """As Connection's; an answer that has to wait keeps nobody else from this child."""
        if wish != READ:
            if not self._parked:
                self._parked = True
                self._host.park(self)
        elif self._parked and self.session.state in _BETWEEN:
            self.part()
            return
        super()._wait(wish)

    def _left(self, _connection: Connection, error: Exception | None) -> None:
        _note(error)
        self._host.let_go(self, OVER)
