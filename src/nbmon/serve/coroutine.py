"""The coroutine model: one thread, an event loop, and a coroutine for each connection.

`converse` is the lesson, and has the same shape in each model: receive, ask the session, ask the application,
send. Here each `await` is a point where the other connections have their turn.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from heapq import nsmallest
from operator import itemgetter
from socket import SocketType
from time import monotonic, time

from nbmon.http import (
    CLOSED,
    DEFAULT_LIMITS,
    NEED_DATA,
    Event,
    Limits,
    Refusal,
    Request,
    Response,
    Session,
    State,
    body_length,
    refusal_response,
)
from nbmon.serve.accepting import Acceptor, room_for
from nbmon.serve.asking import App, ask, date_now, render, sends_on, turn_away
from nbmon.serve.connection import DONTWAIT, ENDINGS, MORE, Connection, Stopped
from nbmon.serve.ledger import Client, Ledger, Record
from nbmon.serve.logs import log_failure, logger
from nbmon.serve.loop import Loop, Overdue, Timer
from nbmon.serve.memo import Known, Memo
from nbmon.serve.peraddress import PerAddress
from nbmon.serve.sending import FileCut, close_files, send_answer
from nbmon.serve.slow import wait_for_answer
from nbmon.serve.spread import Share, Spread
from nbmon.serve.timeouts import DEFAULT_BOUNDS, DEFAULT_TIMEOUTS, Bounds, Timeouts

ALL_AND_CLOSE = DONTWAIT | MORE
ROOM_MADE = 64  # connections ended at once when there is no room for new ones
SETTLE_EACH = 1.0  # seconds
LEAST_REST = 1.0  # seconds: whoever rests for less is not ended for another, nor at once at the end


class CoroutineServer:
    """Serves `app` on listening sockets, in the thread that calls `serve`. Made before or after a fork.

    An `app` with a `state_of` is served from memory where that is the same (see `nbmon.serve.memo`), in up to
    `memory` bytes instead of the bounds'. `ledger` counts, and hands on what is to be logged.
    `spread`: what several workers share, and the number of this one, from 0.
    """

    def __init__(
        self,
        app: App,
        sockets: list[socket.socket],
        limits: Limits = DEFAULT_LIMITS,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        on_serving: Callable[[], None] | None = None,
        *,
        bounds: Bounds = DEFAULT_BOUNDS,
        ledger: Ledger | None = None,
        memory: int | None = None,
        spread: tuple[Spread, int] | None = None,
    ) -> None:
        self._app = app
        self.ledger = Ledger() if ledger is None else ledger
        most = bounds.memory_bytes if memory is None else memory
        self._memo = Memo(app, self.ledger, limits, most, bounds.mapped_bytes)
        self._sockets = sockets
        self._limits = limits
        self._timeouts = timeouts
        self._on_serving = on_serving
        self._bounds = bounds
        self._loop: Loop | None = None
        self._stopping = False
        self._draining = False
        self._acceptors: list[Acceptor] = []
        self._connections: set[Connection] = set()
        self._per_address = PerAddress(bounds.per_address)
        self._spread = spread
        self._share: Share | None = None

    @property
    def loop(self) -> Loop | None:
        """The loop while it runs, for what else is to be done in it."""
        return self._loop

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def serve(self) -> None:
        """Serve until `stop`, and return when the last answer is out or the drain's time is over.

        `on_serving` is called once connections are accepted. The sockets are closed at the end.
        """
        loop = Loop()
        try:
            loop.on_wake = self._woken
            self._loop = loop
            if self._stopping:
                return
            with loop.hearing_signals():
                self._open(loop)
                loop.run()
        finally:
            self._loop = None
            self._close(loop)

    def stop(self) -> None:
        """Accept no more, finish the answers in flight, return from `serve`. Safe in handlers and threads."""
        self._stopping = True
        if self._loop is not None:
            self._loop.wake()

    def _open(self, loop: Loop) -> None:
        loop.patience = self._timeouts.idle
        loop.chime, loop.next_chime = self._second, loop.now
        self._second(loop.now)
        if self.ledger.sink is not None:
            self._settle()
        self._room = room_for(self._bounds.connections, self._bounds.spare_descriptors)
        if self._spread is not None:
            row = self._spread[0].addresses.claim()
            self._per_address = PerAddress(self._bounds.per_address, row)
            self._share = Share(*self._spread, loop, self._taken)
        for listener in self._sockets:
            acceptor = Acceptor(loop, listener, self._accepted, self._has_room)
            self._acceptors.append(acceptor)
            acceptor.open()
        if self._on_serving is not None:
            self._on_serving()

    def _close(self, loop: Loop) -> None:
        for connection in list(self._connections):
            connection.interrupt(Stopped())
        for acceptor in self._acceptors:
            acceptor.leave()
        for listener in self._sockets:
            listener.close()
        self.ledger.close()
        loop.close()

    def _has_room(self) -> bool:
        if len(self._connections) >= self._room:
            self._make_room()
        return len(self._connections) < self._room

    def _make_room(self) -> None:
        """End those that have rested longest: a client that waits comes before one that might return."""
        latest = monotonic() + self._timeouts.idle - LEAST_REST
        resting = ((c.deadline, c) for c in self._connections if c.resting and c.deadline is not None)
        long_resting = (pair for pair in resting if pair[0] < latest)
        for _, connection in nsmallest(ROOM_MADE, long_resting, key=itemgetter(0)):
            connection.rest_no_longer()

    def _second(self, now: float) -> float:
        """Another second of the clock has begun; returns when the next does."""
        at = time()
        self._memo.tick(date_now(), at)
        return now + 1.0 - at % 1.0

    def _settle(self) -> None:
        """What is to be logged waits for a second at most."""
        assert self._loop is not None
        self.ledger.settle()
        Timer(self._loop, monotonic() + SETTLE_EACH, self._settle)

    def _accepted(self, sock: SocketType, first: bytes | None, client: Client) -> None:
        self.ledger.accepted += 1
        known = self._memo.fresh_last.get(first) if first is not None else None
        if known is not None and (sent := _send_only_answer(sock, known)) < 0:
            return
        if known is not None:
            self._taken(sock, first, client, (known, sent))
        elif not (first != b"" and self._share is not None and self._share.pass_on(sock, first)):
            self._taken(sock, first, client)

    def _taken(
        self,
        sock: SocketType,
        first: bytes | None,
        client: Client,
        begun: tuple[Known, int] | None = None,
    ) -> None:
        if not self._per_address.enter(client):
            self.ledger.refused("per address")
            turn_away(sock)
            return
        connection = self._connection(sock, first, client)
        self._connections.add(connection)
        self.ledger.open += 1
        if self._share is not None:
            self._share.has(len(self._connections))
        if begun is None:
            connection.open()
        else:
            connection.finish_answer(*begun)

    def _connection(self, sock: SocketType, first: bytes | None, client: Client) -> Connection:
        assert self._loop is not None
        return Connection(
            self._loop, sock, first, self._timeouts, ended=self._ended, memo=self._memo,
            conversing=self._converse, client=client, ledger=self.ledger,
        )  # fmt: skip

    async def _converse(self, connection: Connection) -> None:
        await converse(connection, self._app, Session(self._limits), lambda: self._stopping, self._bounds)

    def _ended(self, connection: Connection, error: Exception | None) -> None:
        self._connections.discard(connection)
        self._per_address.leave(connection.client)
        self.ledger.open -= 1
        if self._share is not None:
            self._share.has(len(self._connections))
        _note(error)
        if self._draining:
            if not self._connections and self._loop is not None:
                self._loop.stop()
            return
        for acceptor in self._acceptors:
            if acceptor.deadline is not None:  # pauses
                acceptor.open()

    def _woken(self) -> None:
        if self._stopping and not self._draining:
            self._drain()

    def _drain(self) -> None:
        assert self._loop is not None
        if self._share is not None:
            share, self._share = self._share, None
            share.end()
        for acceptor in self._acceptors:
            acceptor.take(self._room)  # those in the backlog have connected while we served
            acceptor.close()
        self._draining = self._loop.draining = True
        self._memo.forget_all()  # the next answer of each connection is its last
        for connection in [c for c in self._connections if c.resting]:
            self._part(connection)
        for connection in list(self._connections):
            connection.end_stream()
        if not self._connections:
            self._loop.stop()
        Timer(self._loop, monotonic() + self._timeouts.drain, self._cut)

    def _part(self, connection: Connection) -> None:
        """Close a resting connection: not quite yet, if it asked a moment ago and may be asking again.

        A request that crosses our close on its way would be lost; so it is answered, as the last.
        """
        assert self._loop is not None
        now, deadline = monotonic(), connection.deadline
        if deadline is None or deadline - self._timeouts.idle < now - LEAST_REST:
            connection.rest_no_longer()
        elif deadline > now + LEAST_REST:
            connection.deadline = now + LEAST_REST
            self._loop.wheel.place(connection)

    def _cut(self) -> None:
        assert self._loop is not None
        logger.warning("stopping: %d unfinished connections are cut", len(self._connections))
        self._loop.stop()


def _send_only_answer(sock: SocketType, known: Known) -> int:
    """Send the answer to a connection's only request, and close it; or say how much the kernel took.

    MSG_MORE keeps its last segment back until the close, whose FIN it carries then: one segment less is sent,
    received and acknowledged.
    """
    known.hits += 1
    try:
        sent = sock.send(known.answer, ALL_AND_CLOSE)
    except BlockingIOError:
        sent = 0
    except OSError:  # the client is gone
        sent = len(known.answer)
    if sent < len(known.answer):
        return sent
    sock.close()
    return -1


async def converse(
    conn: Connection, app: App, session: Session, closing: Callable[[], bool], bounds: Bounds
) -> None:
    """One connection from its first byte to its last."""
    while True:
        event = session.next_event()
        if event is NEED_DATA:
            event = await _receive(conn, session)
        if isinstance(event, Request):
            conn.asking = False
            response = ask(app, event)
            if not isinstance(response, Response):
                response = await wait_for_answer(conn, response, event)
            await _send(conn, session, response, last=closing())
            if session.state is State.CLOSED and sends_on(conn.fd, session, event):
                await _linger(conn, bounds.linger_bytes)
        elif isinstance(event, Refusal):
            await _refuse(conn, session, event, bounds.linger_bytes)
        elif event is CLOSED:
            return


async def _receive(conn: Connection, session: Session) -> Event:
    """Give the session more bytes, and its next event, or what it makes of there being none in time."""
    conn.resting = session.idle
    try:
        data = await conn.receive(_patience(conn))
    except Overdue:
        return session.time_out()
    finally:
        conn.asking = not conn.resting
        conn.resting = False
    if conn.remembered:
        session.begin_anew()
    session.receive(data)
    return session.next_event()


def _patience(conn: Connection) -> float | None:
    """Seconds until the next bytes must be here; None: the time that runs already goes on."""
    if conn.resting:  # one whose answer did not say that it was the last asks on: see `_part`
        return min(LEAST_REST, conn.timeouts.idle) if conn.loop.draining else conn.timeouts.idle
    return None if conn.asking else conn.timeouts.head


async def _send(conn: Connection, session: Session, response: Response, *, last: bool) -> None:
    """Render and send one answer; its files are closed however that ends."""
    try:
        head, response = render(session, response, last=last)
        if session.body_wanted:
            await send_answer(conn, head, response, chunked=session.chunked)
        else:
            await conn.send_all(head)
        conn.answer_is_out()
        if session.state is not State.CLOSED:
            session.sent()
    finally:
        close_files(response)
        if conn.ledger is not None:
            _record(conn, conn.ledger, session, response)


async def _refuse(conn: Connection, session: Session, refusal: Refusal, most: int) -> None:
    """Say why, and give the client the time to see it."""
    try:
        await _send(conn, session, refusal_response(refusal), last=True)
    finally:
        if conn.ledger is not None:
            conn.ledger.refused(refusal.reason)
    await _linger(conn, most)


def _record(conn: Connection, ledger: Ledger, session: Session, response: Response) -> None:
    content = (body_length(response.body) or 0) if session.body_wanted else 0
    record = Record(time(), conn.client, session.request, response.status, content, monotonic() - conn.since)
    ledger.answered(record, response.field(b"content-type") or b"")


async def _linger(conn: Connection, most: int) -> None:
    """RFC 9112 section 9.6: TCP would reset a connection closed with bytes unread, and lose the answer."""
    conn.say_no_more()
    patience: float | None = conn.timeouts.linger
    try:
        while most > 0 and (data := await conn.receive(patience)):
            most -= len(data)
            patience = None
    except Overdue:
        pass  # it has had its time


def _note(error: Exception | None) -> None:
    """Write down how a conversation ended, where that is anybody's concern."""
    match error:
        case None:
            pass
        case _ if isinstance(error, ENDINGS):
            pass
        case FileCut():
            logger.warning(
                "a file became shorter or was written to while it was sent; its connection was closed"
            )
        case _:
            log_failure("a connection failed", error)
