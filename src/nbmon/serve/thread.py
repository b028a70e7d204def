"""The thread model: a bounded pool of threads, each of which makes and sends one answer with blocking calls.

Connections that rest, and heads that have not arrived whole, wait in the loop and hold no thread; nor does a
reader that is slow: what is left of its answer waits there too, and any thread goes on with it. `converse`
has the same shape as in the other models.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from select import POLLOUT, poll
from socket import SHUT_RDWR, SocketType
from threading import Thread
from time import monotonic
from typing import Any

from nbmon.http import CLOSED, NEED_DATA, Refusal, Request, Response, Session, State
from nbmon.serve.asking import App, ask, sends_on
from nbmon.serve.connection import Connection, Stopped
from nbmon.serve.coroutine import CoroutineServer, _linger, _receive, _refuse, _send
from nbmon.serve.ledger import Client, Ledger, Record
from nbmon.serve.logs import log_failure
from nbmon.serve.loop import NOTHING, WRITE, Loop, wait_for
from nbmon.serve.slow import wait_for_answer
from nbmon.serve.timeouts import Bounds

PATIENCE = 0.25  # seconds for which a thread waits for a reader that takes nothing, if nobody needs it
ELSEWHERE = -1  # a wish: see `LentConnection.elsewhere`
END = 2.0  # seconds at the end for threads whose connections are cut

Course = Any  # a coroutine of this room: it yields what it waits for


class ThreadServer(CoroutineServer):
    """Serves `app` on listening sockets: the loop in the thread that calls `serve`, answers in others.

    At most `bounds.threads` of them, started as they are needed. `app` is called in several at once.
    """

    _threads: Threads

    def _open(self, loop: Loop) -> None:
        self._threads = Threads(self._bounds.threads, loop.wake, Postponed(self.ledger))
        super()._open(loop)

    def _connection(self, sock: SocketType, first: bytes | None, client: Client) -> Connection:
        assert self._loop is not None
        return LentConnection(
            self._loop, sock, first, self._timeouts, ended=self._ended, memo=self._memo,
            conversing=self._converse, client=client, ledger=self._threads.ledger,
        )  # fmt: skip

    async def _converse(self, connection: Connection) -> None:
        assert isinstance(connection, LentConnection)
        await converse(
            connection,
            self._app,
            Session(self._limits),
            lambda: self._stopping,
            self._bounds,
            threads=self._threads,
        )

    def _woken(self) -> None:
        self._threads.take_back()
        super()._woken()

    def _close(self, loop: Loop) -> None:
        for connection in self._connections:
            if isinstance(connection, LentConnection) and connection.lent:
                connection.hang_up()
        if hasattr(self, "_threads"):  # not if it was stopped before it served
            self._threads.close()
        super()._close(loop)


async def converse(
    conn: LentConnection,
    app: App,
    session: Session,
    closing: Callable[[], bool],
    bounds: Bounds,
    *,
    threads: Threads,
) -> None:
    """One connection from its first byte to its last."""
    while True:
        event = session.next_event()
        if event is NEED_DATA:
            event = await _receive(conn, session)
        if isinstance(event, Request):
            conn.asking = False
            await threads.run(conn, _answer(conn, session, app, event, closing))
            if session.state is State.CLOSED and sends_on(conn.fd, session, event):
                await _linger(conn, bounds.linger_bytes)
        elif isinstance(event, Refusal):
            await _refuse(conn, session, event, bounds.linger_bytes)
        elif event is CLOSED:
            return


async def _answer(
    conn: Connection, session: Session, app: App, request: Request, closing: Callable[[], bool]
) -> None:
    """What a thread does: it may wait here for the disk, the application, the client.

    Not for an answer that is made elsewhere: that is waited for in the loop, and another thread may go on.
    """
    response = ask(app, request)
    if not isinstance(response, Response):
        response = await wait_for_answer(conn, response, request)
    await _send(conn, session, response, last=closing())


class LentConnection(Connection):
    """A connection that the loop leaves alone while a thread has it."""

    __slots__ = ("_elsewhere", "lent")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.lent = False
        self._elsewhere: tuple[int, Callable[[], bool], bool] | None = None  # what a thread left to the loop

    async def elsewhere(self, fd: int, has_left: Callable[[], bool], *, endless: bool = False) -> bool:
        """As Connection's; a thread leaves it to the loop, and another thread goes on."""
        if not self.lent:
            return await super().elsewhere(fd, has_left, endless=endless)
        self._elsewhere = fd, has_left, endless
        return bool(await wait_for(ELSEWHERE))

    async def wait_elsewhere(self) -> bool:
        """In the loop: what a thread left to it."""
        assert self._elsewhere is not None
        (fd, has_left, endless), self._elsewhere = self._elsewhere, None
        return await self.elsewhere(fd, has_left, endless=endless)

    def overdue(self) -> None:
        """As long as a thread has it, time is that thread's concern."""
        if not self.lent:
            super().overdue()

    def interrupt(self, error: Exception) -> None:
        """A thread cannot be interrupted; but what it waits for can be ended."""
        if self.lent:
            self.hang_up()
        else:
            super().interrupt(error)

    def hang_up(self) -> None:
        """Let every call on the socket fail from now on. The descriptor stays open: a thread uses it."""
        try:
            self.sock.shutdown(SHUT_RDWR)
        except OSError:
            pass  # the client was quicker


class Loan:
    """A connection in a thread's hands: what is to be done for it, and how far that came."""

    __slots__ = ("_course", "_error", "_value", "_wish", "conn")

    def __init__(self, conn: LentConnection, course: Course, value: object = None) -> None:
        self.conn = conn
        self._course = course
        self._value = value  # what it waited for
        self._wish: int | None = None
        self._error: Exception | None = None

    def run(self, hurry: Callable[[], bool]) -> None:
        """In a thread: go on until it is done, or its reader makes us wait for too long."""
        try:
            wish = self._course.send(self._value)
            while wish == WRITE and _has_room(self.conn.fd, 0.0 if hurry() else PATIENCE):
                wish = self._course.send(None)
            self._wish = wish
        except StopIteration:
            self._wish = None
        except Exception as error:
            self._error = error

    def outcome(self) -> int | None:
        """In the loop: what it waits for, None if it is done. Raises what went wrong."""
        if self._error is not None:
            raise self._error
        return self._wish


def _has_room(fd: int, patience: float) -> bool:
    """Whether the kernel takes more for this client within so many seconds, or says that it is gone."""
    poller = poll()
    poller.register(fd, POLLOUT)
    return bool(poller.poll(patience * 1000))


class Postponed(Ledger):
    """What threads tell the ledger reaches it in the loop's thread, which alone may touch it."""

    __slots__ = ("_ledger", "_told")

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger
        self._told: SimpleQueue[tuple[Record, bytes]] = SimpleQueue()

    def answered(self, record: Record, kind: bytes) -> None:
        """In a thread, or in the loop."""
        self._told.put((record, kind))

    def refused(self, reason: str) -> None:
        """In the loop: refusals are found there."""
        self._ledger.refused(reason)
        self.catch_up()

    def catch_up(self) -> None:
        """In the loop: tell it all that was told here."""
        while not self._told.empty():
            self._ledger.answered(*self._told.get())


class Threads:
    """A bounded pool of threads for loans. All but `_work` is called by the loop's thread alone."""

    def __init__(self, most: int, wake: Callable[[], None], ledger: Postponed) -> None:
        self.ledger = ledger
        self._most = most
        self._wake = wake
        self._lent = 0
        self._closed = False
        self._threads: list[Thread] = []
        self._orders: SimpleQueue[Loan | None] = SimpleQueue()
        self._returned: SimpleQueue[Loan] = SimpleQueue()

    async def run(self, conn: LentConnection, course: Course) -> None:
        """Await `course`, which a thread runs; where its client is slow, it waits in the loop in between."""
        try:
            value = None
            while (wish := await self._lend(Loan(conn, course, value))) is not None:
                value = await (conn.wait_elsewhere() if wish == ELSEWHERE else wait_for(wish))
        finally:
            course.close()

    async def _lend(self, loan: Loan) -> int | None:
        if self._closed:
            raise Stopped
        loan.conn.deadline = None
        self._see_to_a_thread()
        loan.conn.lent = True
        self._lent += 1
        self._orders.put(loan)
        await wait_for(NOTHING)
        return loan.outcome()

    def _see_to_a_thread(self) -> None:
        """Start another if all are busy and there may be one more."""
        if self._lent < len(self._threads) or len(self._threads) >= self._most:
            return
        thread = Thread(target=self._work, name=f"nbmon-answers-{len(self._threads) + 1}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more; those that are there go on
            if not self._threads:
                raise
            log_failure("no further thread can be started", error)
        else:
            self._threads.append(thread)

    def _work(self) -> None:
        while (loan := self._orders.get()) is not None:
            loan.run(lambda: not self._orders.empty())
            self._returned.put(loan)
            self._wake()

    def take_back(self) -> None:
        """Let the connections go on that threads have done with."""
        self.ledger.catch_up()
        while not self._returned.empty():
            loan = self._returned.get()
            self._lent -= 1
            loan.conn.lent = False
            loan.conn.resume(None)

    def close(self) -> None:
        """End the threads; one that is stuck in the application is left behind, and dies with the process."""
        self._closed = True
        for _ in self._threads:
            self._orders.put(None)
        deadline = monotonic() + END
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        self.take_back()
