"""Who steers the supervisor from outside: one JSON object a line, over a Unix socket.

What may be asked stands in `requests`. After "events", each event is a line: {"event": …, "worker": …,
"time": …}.

Only the same user and root are heard (SO_PEERCRED, unix(7)); requests, connections and what waits to be
read are bounded.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbmon.workers import requests
from nbmon.workers.errors import WorkerError
from nbmon.workers.listening import Listener
from nbmon.workers.requests import Answer, Done

if TYPE_CHECKING:
    from nbmon.workers.engine import Engine

LONGEST_REQUEST = 64 * 1024  # bytes
LARGEST_BACKLOG = 16 * 1024 * 1024  # bytes that a client has not read
CONNECTIONS = 32
MOST_WAITING = 16  # requests of one client that are not done
WAITING_TIME = 60.0  # seconds until a request is answered though it is not done
_CREDENTIALS = struct.Struct("iII")  # struct ucred


@dataclass(frozen=True)
class Places:
    """Where the supervisor may be spoken to."""

    path: str | None = None  # of a Unix socket to listen at
    sock: socket.socket | None = None  # connected to a parent, whose end is the tree's end


NO_PLACES = Places()


class Client:
    """One connection."""

    def __init__(self, control: Control, sock: socket.socket, is_parent: bool = False) -> None:
        self._control = control
        self.sock = sock
        self.is_parent = is_parent
        self._unread = b""
        self._unsent = bytearray()
        self.follows = is_parent
        sock.setblocking(False)
        control.loop.watch(sock.fileno(), self._ready)

    def _ready(self) -> None:
        self._flush()
        try:
            data = self.sock.recv(LONGEST_REQUEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        if len(self._unread) > LONGEST_REQUEST:
            self.answer({"ok": False, "error": f"a request is longer than {LONGEST_REQUEST} bytes"})
            self.close()
            return
        for line in lines:
            if self.sock.fileno() >= 0:
                self._control.asked(self, line)

    def answer(self, answer: Answer) -> None:
        """Send a line; one who does not read is left."""
        if self.sock.fileno() < 0:
            return
        self._unsent += json.dumps(answer, separators=(",", ":")).encode() + b"\n"
        if len(self._unsent) > LARGEST_BACKLOG:
            self.close()
        else:
            self._flush()

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self.sock.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:  # gone; the reading side will tell
            self._unsent.clear()
        if self.sock.fileno() >= 0:
            self._control.loop.want(self.sock.fileno(), room=bool(self._unsent))

    def close(self) -> None:
        """No more of this one."""
        if self.sock.fileno() < 0:
            return
        self._control.loop.unwatch(self.sock.fileno())
        self.sock.close()
        self._control.left(self)


class Control:
    """All connections of a supervisor."""

    def __init__(self, engine: Engine, places: Places) -> None:
        self._engine = engine
        self.loop = engine.loop
        self._lift = engine.processes.ground.high.lift
        self._clients: list[Client] = []
        self._waiting: list[tuple[Client, Done, float]] = []
        self._listener = (
            Listener(places.path, CONNECTIONS, self.loop, self._lift, self._accept) if places.path else None
        )
        if places.sock is not None:
            self._clients.append(Client(self, self._lifted(places.sock), is_parent=True))

    def _lifted(self, sock: socket.socket) -> socket.socket:
        return socket.socket(fileno=self._lift(sock.detach()))

    def _accept(self) -> None:
        """Take all that have come."""
        assert self._listener is not None
        while (sock := self._listener.accept()) is not None:
            if _is_friend(sock):
                self._admit(sock)
            else:
                sock.close()

    def _admit(self, sock: socket.socket) -> None:
        while len(self._clients) >= CONNECTIONS:
            next(client for client in self._clients if not client.is_parent).close()
        self._clients.append(Client(self, self._lifted(sock)))

    def left(self, client: Client) -> None:
        """A connection has ended; with the parent's, the tree does."""
        self._clients.remove(client)
        self._waiting = [one for one in self._waiting if one[0] is not client]
        if client.is_parent:
            self._engine.stop()

    def close(self) -> None:
        """The end of all."""
        self.event("down", "")
        for client in self._clients[:]:
            self.loop.unwatch(client.sock.fileno())
            client.sock.close()
        if self._listener is not None:
            self._listener.close()

    def hand_over(self, done: Done) -> list[int]:
        """Who waits for `done`, for the next image of this process to answer."""
        return [client.sock.fileno() for client, one, _ in self._waiting if one == done]

    def take_over(self, fd: int, done: Done) -> None:
        """In the next image: this one waits for `done`."""
        os.set_inheritable(fd, False)
        client = Client(self, self._lifted(socket.socket(fileno=fd)))
        self._clients.append(client)
        self._wait(client, done)

    def _wait(self, client: Client, done: Done) -> None:
        self._waiting.append((client, done, time.monotonic() + WAITING_TIME))
        self.loop.after(WAITING_TIME, lambda: None)

    # --- what is asked, and answered ---

    def asked(self, client: Client, line: bytes) -> None:
        """One request."""
        try:
            request = requests.parsed(line)
            if sum(one is client for one, _, _ in self._waiting) >= MOST_WAITING:
                raise WorkerError("too much was asked that is not done yet")
            done = requests.do(self._engine, request)
        except WorkerError as error:
            client.answer({"ok": False, "error": str(error)})
            return
        client.follows = client.follows or request.get("do") == "events"
        answer = done()
        if answer is not None:
            client.answer(answer)
        else:
            self._wait(client, done)

    def look(self) -> None:
        """Answer what is done by now."""
        waiting, self._waiting = self._waiting, []
        for client, done, until in waiting:
            answer = done() or _too_late(until)
            if answer is None:
                self._waiting.append((client, done, until))
            else:
                client.answer(answer)

    def event(self, what: str, worker: str, **more: Any) -> None:
        """Tell those who follow."""
        for client in self._clients[:]:
            if client.follows:
                client.answer({"event": what, "worker": worker, "time": time.time(), **more})


def _is_friend(sock: socket.socket) -> bool:
    size = _CREDENTIALS.size
    peer = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return peer[1] in (0, os.geteuid())


def _too_late(until: float) -> Answer | None:
    if time.monotonic() < until:
        return None
    return {"ok": False, "error": f"it is not done within {WAITING_TIME:g} seconds, and goes on"}
