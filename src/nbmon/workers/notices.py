"""The words between a worker that is a process and its supervisor: sd_notify(3)'s datagrams.

The kernel says who sent each (SCM_CREDENTIALS, unix(7)), so that one socket serves all workers and none can
speak for another. A command that knows sd_notify finds the socket by NOTIFY_SOCKET; a function inherits one.
"""

from __future__ import annotations

import array
import os
import socket
import struct
from collections.abc import Callable

Lift = Callable[[int], int]
LONGEST = 16 * 1024  # bytes of one notice; what is longer is cut
WORDS = {"ready": b"READY=1", "beat": b"WATCHDOG=1", "full": b"X_NBMON_FULL=1"}
DIED = b"X_NBMON_DIED="
FRAMES = b"X_NBMON_FRAMES="
SENDING_TIMEOUT = struct.pack("ll", 5, 0)  # a struct timeval: seconds, microseconds
_CREDENTIALS = struct.Struct("iII")  # struct ucred
_ROOM = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(64)


def pair(lift: Lift) -> tuple[socket.socket, socket.socket]:
    """The supervisor's end, lifted, and the one that functions inherit."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SENDING_TIMEOUT)
    return _hearing(ours, lift), theirs


def again(ours: int, theirs: int, public: int) -> tuple[socket.socket, socket.socket, socket.socket | None]:
    """The sockets that a former image of this process had."""
    for fd in (ours, theirs, public):
        if fd >= 0:
            os.set_inheritable(fd, False)
    named = socket.socket(fileno=public) if public >= 0 else None
    if named is not None:
        named.setblocking(False)
    hearing = socket.socket(fileno=ours)
    hearing.setblocking(False)
    return hearing, socket.socket(fileno=theirs), named


def public(lift: Lift) -> tuple[socket.socket, str]:
    """A socket with a name for NOTIFY_SOCKET; abstract, so that it needs no folder and leaves no file."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    sock.bind("")  # Linux gives it an abstract name (unix(7), autobind)
    name = sock.getsockname()
    assert isinstance(name, bytes)
    return _hearing(sock, lift), "@" + os.fsdecode(name[1:])


def _hearing(sock: socket.socket, lift: Lift) -> socket.socket:
    """The socket, lifted; the kernel shall say who sends."""
    lifted = socket.socket(fileno=lift(sock.detach()))
    lifted.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    lifted.setblocking(False)
    return lifted


def receive(sock: socket.socket) -> tuple[int, dict[bytes, bytes]] | None:
    """The next notice: its sender's pid and its words. None when there is none just now."""
    try:
        data, ancillary, _, _ = sock.recvmsg(LONGEST, _ROOM, socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        return None
    pid = 0
    for level, kind, payload in ancillary:
        if level != socket.SOL_SOCKET:
            continue
        if kind == socket.SCM_CREDENTIALS:
            pid = _CREDENTIALS.unpack(payload[: _CREDENTIALS.size])[0]
        elif kind == socket.SCM_RIGHTS:
            _close_all(payload)
    return pid, parse(data)


def parse(data: bytes) -> dict[bytes, bytes]:
    """`NAME=value` lines, as sd_notify(3) has them; what is none is left out."""
    pairs = (line.partition(b"=") for line in data.split(b"\n"))
    return {name: value for name, equals, value in pairs if equals and name}


def last_words(sentence: str, frames: str) -> bytes:
    """What a function says of its own death; line feeds are escaped."""

    def one_line(text: str, most: int) -> bytes:
        return text.replace("\\", "\\\\").replace("\n", "\\n")[:most].encode("utf-8", "backslashreplace")

    return DIED + one_line(sentence, 1000) + b"\n" + FRAMES + one_line(frames, 3000)


def read_words(value: bytes) -> str:
    """The text that `last_words` escaped."""
    parts = value.decode("utf-8", "replace").split("\\\\")
    return "\\".join(part.replace("\\n", "\n") for part in parts)


def _close_all(payload: bytes) -> None:
    """Descriptors that somebody sent along are none of ours."""
    numbers = array.array("i")
    numbers.frombytes(payload[: len(payload) - len(payload) % numbers.itemsize])
    for number in numbers:
        os.close(number)
