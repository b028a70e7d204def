"""The process model: a process for each connection that has something to say, from a pre-forked pool.

The master accepts, and keeps connections until a whole request is there; then it lends the connection to a
child process, which converses until the client rests, and says so. Resting clients and slow heads hold no
child. A child that dies costs the connections that it has: the one it talks with, and those that wait in it.
`converse` has the same shape as in the other models.

The pool grows when a request waits, up to `bounds.processes`, and shrinks to `bounds.spare_processes`.
"""

from __future__ import annotations

from socket import SocketType
from typing import TYPE_CHECKING, Any

from nbmon.http import CLOSED, NEED_DATA, Limits, Refusal, Request, Session
from nbmon.serve.board import Board
from nbmon.serve.children import Children, Shared
from nbmon.serve.connection import Connection, Stopped
from nbmon.serve.coroutine import CoroutineServer, _receive, _refuse
from nbmon.serve.guest import Host
from nbmon.serve.loop import Loop
from nbmon.serve.timeouts import Bounds

if TYPE_CHECKING:
    from nbmon.serve.tls import Certificates

ENOUGH = 65_536  # bytes: a request this large is read on by a child


class ProcessServer(CoroutineServer):
    """Serves `app` on listening sockets from child processes; the master runs in the thread that serves.

    That must be the main thread, and the only one: it forks.
    """

    def __init__(self, *given: Any, memory: int | None = None, **options: Any) -> None:
        """As CoroutineServer's. Each child has a memory of its own: its share of the whole."""
        super().__init__(*given, memory=0, **options)
        most = self._bounds.memory_bytes if memory is None else memory
        self._memory = most // self._bounds.processes
        self._children: Children | None = None
        self._certificates: Certificates | None = None
        self._outdated = False  # children have what the master had before `renew`
        self.board: Board | None = None  # where children show their counts; set it before serving

    def _open(self, loop: Loop) -> None:
        shared = Shared()
        host = Host(self._app, self._limits, self._timeouts, self._bounds, shared=shared)
        host.board = self.board
        host.ledger, host.memory = self.ledger, self._memory
        host.certificates = self._certificates = self._leave_tls_to_children()
        self._children = Children(loop, self._bounds, shared, host.serve, self._not_for_children)
        self._children.open()
        super()._open(loop)

    def _leave_tls_to_children(self) -> Certificates | None:
        under_tls: list[Any] = [sock for sock in self._sockets if hasattr(sock, "certificates")]
        if not under_tls:
            return None
        from nbmon.serve.tls import Undressed

        for listener in under_tls:
            listener.dress = Undressed
        certificates: Certificates = under_tls[0].certificates
        return certificates

    def renew(self) -> None:
        """Let children be forked anew, from the master's present state. Safe in handlers and threads."""
        self._outdated = True
        if self._loop is not None:
            self._loop.wake()

    def _woken(self) -> None:
        if self._outdated and self._children is not None:
            self._outdated = False
            self._children.renew()
        super()._woken()

    def _not_for_children(self) -> list[int]:
        """Descriptors of the master that its children close: a client must see the end when we close."""
        return [thing.fileno() for thing in self._sockets] + [c.fd for c in self._connections]

    async def _converse(self, connection: Connection) -> None:
        assert self._children is not None
        if self._certificates is not None and type(connection.sock) is not SocketType:
            await lend_for_life(connection, self._children)
        else:
            await converse(connection, self._limits, self._bounds, self._children)

    def _drain(self) -> None:
        assert self._children is not None
        self._children.say_stopping()
        super()._drain()

    def _close(self, loop: Loop) -> None:
        for connection in list(self._connections):
            connection.interrupt(Stopped())
        if self._children is not None:
            self._children.close()
        super()._close(loop)


async def converse(
    conn: Connection,
    limits: Limits,
    bounds: Bounds,
    children: Children,
) -> None:
    """One connection from its first byte to its last."""
    session = Kept(limits)
    while True:
        event = session.next_event()
        if event is NEED_DATA and len(session.kept) < ENOUGH:
            event = await _receive(conn, session)
        if isinstance(event, Request) or len(session.kept) >= ENOUGH:
            conn.asking = False
            unread = await children.converse(conn, session.kept)
            if unread is None:
                return
            session = Kept(limits)
            session.receive_again(unread)
        elif isinstance(event, Refusal):
            await _refuse(conn, session, event, bounds.linger_bytes)
        elif event is CLOSED:
            return


async def lend_for_life(conn: Connection, children: Children) -> None:
    """One connection under TLS, whose first bytes are there: what it says is for a child's ears alone."""
    if await conn.receive(conn.timeouts.idle):
        conn.resting = False
        await children.converse(conn, b"")


class Kept(Session):
    """A session that keeps the bytes that it was given, for the process that will converse."""

    __slots__ = ("kept",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.kept = b""

    def receive(self, data: bytes) -> None:
        """As Session's."""
        self.kept += data
        super().receive(data)

    def receive_again(self, data: bytes) -> None:
        """What a child had received and given back; b"" is nothing, not an end."""
        if data:
            self.receive(data)
