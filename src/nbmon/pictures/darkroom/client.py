"""The server's side of the darkroom: one connection for each result that is waited for.

Nothing in here blocks, and nothing is kept: a process may fork at any time, and use this from any thread.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import NamedTuple

from nbmon.http import Answer
from nbmon.pictures.darkroom.job import LARGEST, BadMessage, Job, Reply, job_bytes, read_reply

BUSY = Reply(503, "Pictures cannot be made at the moment; try again soon.", retry_after=2)


class Made(NamedTuple):
    """What the darkroom answered; `result`, an open descriptor, is the receiver's to close."""

    reply: Reply
    result: int = -1


class Darkroom:
    """Where the broker listens."""

    def __init__(self, address: bytes | str) -> None:
        self._address = address

    def ask(self, job: Job, source: int, finish: Callable[[Made], Answer]) -> Waiting | Answer:
        """Have `job` done with the open file `source`; `finish` makes an answer of what came of it."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            sock.connect(self._address)
            socket.send_fds(sock, [job_bytes(job)], [source], socket.MSG_NOSIGNAL)
        except OSError:  # it is just being started again, or has too many before us
            sock.close()
            return finish(Made(BUSY))
        return Waiting(sock, finish)


class Waiting:
    """An answer that is being made: `nbmon.http.Later`."""

    def __init__(self, sock: socket.socket, finish: Callable[[Made], Answer]) -> None:
        self._sock = sock
        self._finish = finish

    def fileno(self) -> int:
        """Readable once `result` may be called."""
        return self._sock.fileno()

    def result(self) -> Answer:
        """The answer."""
        made = self._received()
        try:
            return self._finish(made)
        except BaseException:
            if made.result >= 0:
                os.close(made.result)
            raise

    def _received(self) -> Made:
        try:
            data, sent, _, _ = socket.recv_fds(self._sock, LARGEST, 1)
        except OSError:
            return Made(BUSY)
        result = sent[0] if sent else -1
        try:
            reply = read_reply(data)
            if (reply.status == 200) != (result >= 0):
                raise BadMessage("a result, or a reason")
        except BadMessage:  # among them the empty one of a broker that has died
            if result >= 0:
                os.close(result)
            return Made(BUSY)
        if result >= 0:
            os.set_inheritable(result, False)
        return Made(reply, result)

    def close(self) -> None:
        """Whether or not `result` was called: the job is not waited for any more."""
        self._sock.close()
