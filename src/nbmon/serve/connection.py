"""One client's socket as a task in the loop: receive, send, and how long each may take. Must not know HTTP.

Sockets are used with MSG_DONTWAIT instead of being made non-blocking: that saves a system call for each
connection.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable, Coroutine
from socket import SocketType
from time import monotonic
from typing import Any

from nbmon.serve.bodies import Mapped
from nbmon.serve.elsewhere import HANG_UP, Other, end_of
from nbmon.serve.ledger import Client, Ledger
from nbmon.serve.loop import READ, WRITE, CoroutineTask, Loop, Overdue, wait_for
from nbmon.serve.memo import Known, Memo
from nbmon.serve.timeouts import Timeouts

DONTWAIT = int(socket.MSG_DONTWAIT)  # plain numbers: an IntFlag costs a microsecond wherever it is combined
MORE = int(socket.MSG_MORE)
RECEIVE = 16_384  # bytes asked for at once; a usual request has 0.1 to 2 KiB


class ClientGone(Exception):  # noqa: N818 - a client may go at any time
    """The connection broke: nobody is there to be told anything."""


class Stopped(Exception):  # noqa: N818 - thrown into conversations that outlast the drain
    """The server stops, and waits no longer."""


ENDINGS = (ClientGone, Overdue, Stopped)  # of a conversation in which nothing failed

Ended = Callable[["Connection", Exception | None], None]
Conversing = Callable[["Connection"], Coroutine[int, Any, None]]


class Connection(CoroutineTask):
    """A socket with a coroutine that converses over it, once there is something to converse about.

    As long as the memo knows all that comes, there is no coroutine: such a connection is small and quick.
    """

    __slots__ = (
        "_accepted", "_at_window", "_closes", "_conversing", "_ended", "_first", "_fresh", "_memo",
        "_nonblocking", "_rest", "asking", "client", "endless", "ledger", "remembered", "resting", "since",
        "sock", "timeouts",
    )  # fmt: skip

    def __init__(
        self,
        loop: Loop,
        sock: SocketType,
        first: bytes | None,
        timeouts: Timeouts,
        *,
        ended: Ended,
        memo: Memo | None = None,
        conversing: Conversing | None = None,
        client: Client = None,
        ledger: Ledger | None = None,
    ) -> None:
        """`conversing` makes the coroutine when it is needed, after `open`; `begin` is given one at once."""
        super().__init__(loop, sock.fileno())
        self.sock = sock
        self.client = client  # its address, as accept(2) gave it
        self.ledger = ledger
        self.since = loop.now  # seconds, monotonic: when the last bytes came of what is being answered
        self.timeouts = timeouts
        self.resting = False  # between requests: may be closed without harm
        self.asking = False  # a request has begun to arrive, and its deadline runs
        self.remembered = False  # the memo has answered requests since the conversation last heard of one
        self.endless = False  # waits for more of a stream that may be ended at any time
        self._memo = memo
        self._fresh: dict[bytes, Known] = memo.fresh if memo is not None else {}
        self._conversing = conversing
        # Of an answer from memory, to be sent, with the file in which it lies
        self._rest: tuple[tuple[memoryview, ...], Mapped | None] | None = None
        self._closes = False  # after that one
        self._nonblocking = False
        self._first = first  # received when the connection was accepted; None: nothing was there yet
        self._ended = ended
        self._accepted = -1  # bytes that the kernel took of a slow answer; -1: no answer is slow
        self._at_window = 0  # bytes that the client had taken at the beginning of the window of time

    def open(self) -> None:
        """Rest, until something comes; or take what came already."""
        first, self._first = self._first, None
        self.resting = True
        self.deadline = self.loop.now + self.timeouts.idle
        if first is None:
            self._wait(READ)
        elif (known := self._remembered(first)) is None:
            self._converse_about(first)
        else:
            self._send_known(known)
            self._known_is_sent()

    def finish_answer(self, known: Known, sent: int) -> None:
        """Send the rest of an answer from memory, the connection's only one."""
        self._rest, self._closes = (known.rest(sent), known.mapped), True
        self._go_on(None)

    # What the conversation calls

    async def receive(self, patience: float | None = None) -> bytes:
        """Some bytes; b"" once the client sends no more. Raises ClientGone, and Overdue at the deadline.

        `patience`, in seconds, sets the deadline anew; without it the one set before goes on.
        """
        if patience is not None:
            self.deadline = monotonic() + patience  # not loop.now: an answer may have taken long since
        begun = self.deadline
        data, self._first = self._first, None
        if data is not None and self.resting and (known := self._remembered(data)) is not None:
            self._send_known(known)
            data = None
        while data is None:
            if self._rest is not None:
                await self._send_rest()
                if self._closes:
                    return b""
            data = await wait_for(READ)
        self.since = self.loop.now
        self.remembered = self.deadline != begun  # what is answered from memory sets it anew
        return data

    async def _send_rest(self) -> None:
        assert self._rest is not None
        (pieces, mapped), self._rest = self._rest, None
        for piece in pieces:
            await self.send_all(piece, check=mapped.check if mapped is not None else None)
        self.answer_is_out()
        self.deadline = monotonic() + self.timeouts.idle

    def send_some(self, data: bytes | memoryview, flags: int = 0) -> int:
        """How many bytes the kernel took, perhaps 0. Raises ClientGone."""
        try:
            return self.sock.send(data, flags | DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ClientGone(str(error)) from error

    async def send_all(
        self, data: bytes | memoryview, flags: int = 0, check: Callable[[], None] | None = None
    ) -> None:
        """Send all of it, whatever the reader's pace. Raises ClientGone, and Overdue if that is too slow.

        `check` may raise before each part.
        """
        if check is not None:
            check()
        sent = self.send_some(data, flags)
        if sent == len(data):
            return
        rest = memoryview(data)[sent:]
        while rest:
            await self.room()
            if check is not None:
                check()
            sent = self.send_some(rest, flags)
            self.took(sent)
            rest = rest[sent:]

    async def room(self) -> None:
        """Wait until the kernel takes more; other connections have their turn meanwhile."""
        if self._accepted < 0:
            self._accepted = 0
            self._open_window()
        await wait_for(WRITE)

    def took(self, count: int) -> None:
        """Note that the kernel took `count` bytes; without meaning before the first `room`."""
        if self._accepted >= 0:
            self._accepted += count

    def answer_is_out(self) -> None:
        """The answer is with the kernel: the reader's speed matters no more."""
        self._accepted = -1

    async def elsewhere(self, fd: int, has_left: Callable[[], bool], *, endless: bool = False) -> bool:
        """Wait until `fd` is readable, without a deadline. False, of what is `endless`: nothing more comes.

        `has_left` is asked once, if the client says that it will send no more. Raises ClientGone; OSError
        (of `fd`).
        """
        if endless and self.must_end():
            return False
        self.deadline = None
        other = Other(self, fd)
        self.endless = endless
        half_closed = False
        try:
            while (there := await wait_for(HANG_UP)) is None:
                gone, ended = end_of(self.fd)
                if gone or (ended and not half_closed and has_left()):
                    raise ClientGone("it did not wait for the answer")
                half_closed = half_closed or ended
            return bool(there)
        finally:
            self.endless = False
            other.close()

    def must_end(self) -> bool:
        """Whether this is no time to wait for more of what never ends."""
        return self.loop.draining

    def end_stream(self) -> None:
        """End the answer that waits for more of what never ends, if it is one."""
        if self.endless:
            self.resume(False)

    def all_taken(self) -> bool:
        """Whether the client has acknowledged all that was sent."""
        return _unsent(self.fd) == 0

    def send_from_file(self, fd: int, offset: int, count: int) -> int | None:
        """sendfile(2); None when the socket takes nothing now, 0 at the file's end. Raises OSError."""
        if type(self.sock) is not SocketType:  # the kernel knows nothing of the keys
            raise OSError(errno.ENOSYS, "no sendfile under TLS")
        if not self._nonblocking:  # sendfile has no flags
            os.set_blocking(self.fd, False)
            self._nonblocking = True
        try:
            return os.sendfile(self.fd, fd, offset, count)
        except BlockingIOError:
            return None

    def say_no_more(self) -> None:
        """Let the client see the end of what was sent, while it can still be heard."""
        with contextlib.suppress(OSError):  # it may be gone
            self.sock.shutdown(socket.SHUT_WR)

    # What the loop calls

    def ready(self) -> None:
        """The client has sent, or has room. Most requests end here: no parser, no coroutine, no timer."""
        if self.wish != READ:
            self.resume(None)
            return
        try:
            data = self.sock.recv(RECEIVE, DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            self.interrupt(ClientGone(str(error)))
            return
        if self.resting and (known := self._fresh.get(data)) is not None:
            known.hits += 1
        elif not self.resting or (known := self._remembered(data)) is None:
            self._converse_about(data)
            return
        elif known.mapped is not None or known.closes:
            self._send_known(known)
            self._known_is_sent()
            return
        answer = known.answer
        try:
            sent = self.sock.send(answer, DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.interrupt(ClientGone(str(error)))
            return
        if sent == len(answer):
            self.deadline = self.loop.horizon
        else:
            self._rest = known.rest(sent), None
            self._go_on(None)

    def _remembered(self, data: bytes) -> Known | None:
        return self._memo.answer_to(data, self.client) if self._memo is not None else None

    def _converse_about(self, data: bytes) -> None:
        """What no memory answers."""
        if data or self._course is not None:
            self._go_on(data)
        else:
            self.finished(None)

    def _known_is_sent(self) -> None:
        """What comes after an answer from memory that may be large, or the connection's first or last."""
        if self._rest is not None:
            self._go_on(None)
        elif self._closes:
            self.finished(None)
        else:
            self._wait(READ)  # the first time; later it does so as it is

    def _send_known(self, known: Known) -> None:
        """Send an answer from memory; what the kernel did not take of it is in `_rest` then."""
        try:
            if known.mapped is None or type(self.sock) is not SocketType:  # TLS joins nothing
                sent = self.sock.send(known.answer, DONTWAIT)
            elif known.mapped.lent:
                sent = self._send_by_sendfile(known.answer, known.mapped, known.content)
            else:  # the last byte waits until it is sure that the file was not written to meanwhile
                sent = self.sock.sendmsg((known.answer, known.mapped.view[:-1]), (), DONTWAIT | MORE)
        except OSError:  # whatever it was, it comes again with the rest
            sent = 0
        self._closes = known.closes
        rest = known.rest(sent)
        if rest[-1] or (self._closes and self._course is not None):
            self._rest = rest, known.mapped
        else:
            self.deadline = self.loop.horizon

    def _send_by_sendfile(self, head: bytes, mapped: Mapped, length: int) -> int:
        """As much as the kernel takes at once goes without a copy; for the rest, a copy is cheaper."""
        sent = self.sock.send(head, DONTWAIT | MORE)
        if sent == len(head):
            with contextlib.suppress(OSError):  # as in the caller; the head is out, though
                sent += self.send_from_file(mapped.fileno(), mapped.offset, length) or 0
        return sent

    def _go_on(self, data: bytes | None) -> None:
        """Resume the conversation, or begin it: up to where it waits for its first bytes."""
        if self._course is not None:
            self.resume(data)
            return
        assert self._conversing is not None
        if data is None:  # there is something to be sent before
            self.begin(self._conversing(self))
            return
        self._course = self._conversing(self)
        self._course.send(None)
        self.resume(data)

    def overdue(self) -> None:
        """Patience has ended, unless it is a reader that takes enough."""
        if self.wish == WRITE and self._takes_enough():
            self._open_window()
            self.loop.wheel.place(self)
        elif self.resting:  # a long answer to another may have kept us from what this one sent in time
            self.rest_no_longer()
        else:
            if self.wish == WRITE:
                self.drop_unsent()
            self.interrupt(Overdue())

    def drop_unsent(self) -> None:
        """Let close() reset: for one who takes nothing the kernel would keep a full buffer for minutes."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def rest_no_longer(self) -> None:
        """End a connection that rests, unless its next request is here already."""
        self.ready()
        if self.resting:
            self.interrupt(Overdue())

    def finished(self, error: Exception | None) -> None:
        """The conversation is over."""
        self.resting = False
        self.leave()
        self.sock.close()
        self._ended(self, error)

    def _takes_enough(self) -> bool:
        wanted = self.timeouts.send_rate * self.timeouts.send_window
        return self._taken() - self._at_window >= wanted

    def _open_window(self) -> None:
        self._at_window = self._taken()
        self.deadline = monotonic() + self.timeouts.send_window

    def _taken(self) -> int:
        """Bytes that the client has acknowledged: without those in the kernel's buffer, perhaps megabytes."""
        return self._accepted - _unsent(self.fd)


_RESET = struct.pack("ii", 1, 0)  # struct linger of socket(7): on, 0 seconds


def _unsent(fd: int) -> int:
    """SIOCOUTQ (tcp(7)), which is TIOCOUTQ."""
    buffer: Any = bytearray(4)
    try:
        fcntl.ioctl(fd, termios.TIOCOUTQ, buffer)
    except OSError:
        return 0
    return int.from_bytes(buffer, "little" if _LITTLE else "big")


_LITTLE = memoryview(b"\1\0").cast("H")[0] == 1
