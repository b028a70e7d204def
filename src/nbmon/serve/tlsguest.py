"""A guest under TLS: what makes its bytes readable cannot be lent, so it stays in its child for life.

It is parked there from its first moment, so that the child can converse with others meanwhile.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from nbmon.serve.connection import Connection
from nbmon.serve.guest import Guest, Host
from nbmon.serve.loop import Loop
from nbmon.serve.memo import Memo

LEAST_REST = 1.0  # seconds, as in the other models: whoever rests for less may be asking again


class TlsGuest(Guest):
    """Its bytes are not read before it is here: the first are those of the handshake."""

    __slots__ = ()

    def __init__(self, loop: Loop, sock: Any, message: bytes, host: Host, memo: Memo) -> None:
        super().__init__(loop, sock, message, host, memo)
        self._first = None
        self.timeouts = host.whole_timeouts

    def closing(self) -> bool:
        """Also in an old child: there is no other for it."""
        return self.must_end()

    def ready(self) -> None:
        """As Connection's."""
        if self.must_end() and self._memo is not None:
            self._memo.forget_all()  # the next answer is the last
        Connection.ready(self)
        if self.resting and self.deadline is not None and not self.must_end():
            self.deadline = max(self.deadline, self.loop.now + self.timeouts.idle)  # not a child's patience

    def overdue(self) -> None:
        """As Connection's."""
        Connection.overdue(self)

    def leave_soon(self) -> None:
        """The server stops, or its child does: see `CoroutineServer._part`."""
        if not self.resting:
            return
        now, deadline = monotonic(), self.deadline
        if deadline is None or deadline - self.timeouts.idle < now - LEAST_REST:
            self.rest_no_longer()
        elif deadline > now + LEAST_REST:
            self.deadline = now + LEAST_REST
            self.loop.wheel.place(self)

    def _wait(self, wish: int) -> None:
        if not self._parked:
            self._parked = True
            self._host.park(self)
        Connection._wait(self, wish)
