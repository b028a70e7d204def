"""A child of the process model converses with one guest at a time, and may block as it likes meanwhile.

A guest that says nothing for a moment is given back to the master, with what is here of its next request.
"""

from __future__ import annotations

import socket
from dataclasses import replace
from socket import SocketType
from time import monotonic, time
from typing import Any

from nbmon.http import Limits, Session, State
from nbmon.serve.asking import App, date_now
from nbmon.serve.board import Board, Shown
from nbmon.serve.children import OVER, RESTS, WORD, Shared
from nbmon.serve.connection import Connection
from nbmon.serve.coroutine import _note, converse
from nbmon.serve.ledger import Ledger
from nbmon.serve.loop import Loop
from nbmon.serve.memo import Memo
from nbmon.serve.timeouts import Bounds, Timeouts

KEEP = 0.25  # seconds for which a guest that says nothing is kept, in case it asks again at once
SLICE = 0.05  # seconds: a guest that asks on and on keeps its child so long while others wait

_BETWEEN = frozenset((State.IDLE, State.LINE, State.FIELDS))  # nothing is lost if another goes on from here


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
        self.timeouts = replace(timeouts, idle=min(KEEP, timeouts.idle), head=min(KEEP, timeouts.head))

    def serve(self, channel: socket.socket) -> None:
        """Take connections from the master until it hangs up."""
        self.ledger = self.ledger.for_child()
        shown = None if self.board is None else Shown(self.board, self.ledger)
        memo, loop = Memo(self.app, self.ledger, self.limits, self.memory, self.bounds.mapped_bytes), Loop()
        loop.patience = self.timeouts.idle
        loop.chime, loop.next_chime = (lambda now: _tick(memo, now)), loop.now
        self.generation = self.shared.generation
        while True:
            received, descriptors, _, _ = socket.recv_fds(channel, WORD, 1)
            if not received:
                self.ledger.close()
                return
            sock = SocketType(fileno=descriptors[0])
            try:
                word = self.converse(loop, memo, sock, received)
            finally:
                sock.close()
                self.ledger.settle()
                if shown is not None:
                    shown()
            channel.send(word)

    def wants_rid_of_one_since(self, began: float, now: float) -> bool:
        """Whether a guest that rests shall go: others wait, or a reload has made this child an old one."""
        shared = self.shared
        return (shared.wanted and now - began > SLICE) or shared.generation != self.generation

    def converse(self, loop: Loop, memo: Memo, sock: SocketType, received: bytes) -> bytes:
        """Converse until the guest rests or leaves; the word for the master."""
        loop.now = monotonic()  # who knows for how long there was no guest
        loop.horizon = loop.now + loop.patience
        if loop.now >= loop.next_chime:
            loop.next_chime = loop.chime(loop.now)
        guest = Guest(loop, sock, received, self, memo)
        guest.open()
        if not guest.over:
            loop.run()
        return OVER if guest.over else RESTS + guest.session.begun


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
    """The one connection in a child's loop."""

    __slots__ = ("_began", "_granted", "_host", "over", "session")

    def __init__(self, loop: Loop, sock: SocketType, first: bytes, host: Host, memo: Memo) -> None:
        super().__init__(
            loop, sock, first, host.timeouts, ended=self._left, memo=memo, conversing=self._conversation,
            client=_client_of(sock), ledger=host.ledger,
        )  # fmt: skip
        self._began = loop.now
        self._host = host
        self.session = Session(host.limits)
        self._granted: Any = None  # the request whose content has been given its time
        self.over = False

    async def _conversation(self, _connection: Connection) -> None:
        host = self._host
        await converse(self, host.app, self.session, lambda: host.shared.stopping, host.bounds)

    def ready(self) -> None:
        """As Connection's; then make room for others if they wait and this one rests."""
        if self._host.shared.stopping and self._memo is not None:
            self._memo.forget_all()  # the next answer is the last
        super().ready()
        if self.resting and self._host.wants_rid_of_one_since(self._began, self.loop.now):
            self.part()

    def overdue(self) -> None:
        """It has said nothing for a while."""
        if self.session.state in _BETWEEN:
            super().ready()
            if self.session.state in _BETWEEN and not self.over:
                self.part()
        elif self.session.state is State.BODY and self._granted is not self.session.request:
            self._granted = self.session.request
            self.deadline = monotonic() + self._host.patience
            self.loop.wheel.place(self)
        else:
            super().overdue()

    def part(self) -> None:
        """Leave this connection as it is, to be gone on with by another child."""
        self.leave()
        self.loop.stop()

    def _left(self, _connection: Connection, error: Exception | None) -> None:
        _note(error)
        self.over = True
        self.loop.stop()
