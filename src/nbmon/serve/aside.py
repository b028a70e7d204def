"""A second application beside a server's, on sockets of its own, in the same loop: the admin's.

In the same loop, so that the counts that it tells are exact, and so that it is silent when the loop hangs,
which is what a health check is to find out. It has few connections, and answers until the last moment: a
server that drains says that it is not ready.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from socket import SocketType
from time import monotonic

from nbmon.http import DEFAULT_LIMITS, Session
from nbmon.serve.accepting import Acceptor
from nbmon.serve.asking import App
from nbmon.serve.connection import Connection
from nbmon.serve.coroutine import CoroutineServer, converse
from nbmon.serve.ledger import Client, Ledger
from nbmon.serve.loop import Timer
from nbmon.serve.timeouts import DEFAULT_BOUNDS, DEFAULT_TIMEOUTS

CONNECTIONS = 16
EACH = 1.0  # seconds between two calls of `chime`


class Aside:
    """Serves `app` on `sockets` in a loop that runs already. `chime` is called there once a second."""

    def __init__(
        self, app: App, sockets: list[socket.socket], chime: Callable[[], None] | None = None
    ) -> None:
        self._app = app
        self._sockets = sockets
        self._chime = chime
        self._acceptors: list[Acceptor] = []
        self._connections: set[Connection] = set()
        self._ledger = Ledger()  # who looks at the counts is not counted

    def open(self, server: CoroutineServer) -> None:
        """Begin, in the server's loop, which has begun and is closed by it."""
        loop = server.loop
        assert loop is not None
        self._loop = loop
        for listener in self._sockets:
            acceptor = Acceptor(loop, listener, self._accepted, self._has_room)
            self._acceptors.append(acceptor)
            acceptor.open()
        if self._chime is not None:
            self._ring()

    def close(self) -> None:
        """End, before or after the loop does."""
        for listener in self._sockets:
            listener.close()
        for connection in self._connections:
            connection.sock.close()
        self._connections.clear()
        if self._chime is not None:
            self._chime()

    def _ring(self) -> None:
        assert self._chime is not None
        self._chime()
        Timer(self._loop, monotonic() + EACH, self._ring)

    def _has_room(self) -> bool:
        return len(self._connections) < CONNECTIONS

    def _accepted(self, sock: SocketType, first: bytes | None, client: Client) -> None:
        connection = Connection(
            self._loop, sock, first, DEFAULT_TIMEOUTS, ended=self._ended, conversing=self._converse,
            client=client, ledger=self._ledger,
        )  # fmt: skip
        self._connections.add(connection)
        connection.open()

    async def _converse(self, connection: Connection) -> None:
        await converse(connection, self._app, Session(DEFAULT_LIMITS), lambda: False, DEFAULT_BOUNDS)

    def _ended(self, connection: Connection, _error: Exception | None) -> None:
        self._connections.discard(connection)
        for acceptor in self._acceptors:
            if acceptor.deadline is not None:  # pauses
                acceptor.open()
