"""The other end of the control socket: ask a supervisor, and wait for its answer."""

from __future__ import annotations

import _socket as socket  # the one that is made of it loads `enum` and `selectors`

from nbmon.workers import quickjson
from nbmon.workers.errors import WorkerError
from nbmon.workers.unixpath import Short

TYPE_CHECKING = False  # as mypy reads it; `typing` would be a large part of what `status` loads
if TYPE_CHECKING:
    from typing import Any

ANSWER_TIME = 70.0  # seconds: longer than the supervisor itself takes
CHUNK = 256 * 1024  # bytes read at once


class Remote:
    """A connection to a supervisor."""

    def __init__(
        self, sock: socket.socket, called: str = "the supervisor", patience: float = ANSWER_TIME
    ) -> None:
        self._patience = patience
        self._sock = sock
        self._called = called
        self._unread = b""

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Its answer. WorkerError if it refuses, or is gone."""
        self._sock.settimeout(self._patience)
        try:
            self._sock.sendall(quickjson.dumps({"do": do, **more}).encode() + b"\n")
        except OSError:
            raise WorkerError(f"{self._called} is not running any more") from None
        while "ok" not in (answer := self._line()):
            pass  # events that came before
        if not answer["ok"]:
            raise WorkerError(str(answer.get("error", "no reason is given")))
        return answer

    def event(self, timeout: float | None) -> dict[str, Any]:
        """The next event; WorkerError if it is gone. `timeout` in seconds."""
        self._sock.settimeout(timeout)
        return self._line()

    def _line(self) -> dict[str, Any]:
        while b"\n" not in self._unread:
            try:
                data = self._sock.recv(CHUNK)
            except TimeoutError:
                raise WorkerError(f"{self._called} does not answer") from None
            except OSError:
                data = b""
            if not data:
                raise WorkerError(f"{self._called} is not running any more")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        answer = quickjson.loads(line)
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        """Hang up."""
        self._sock.close()


def connect(path: str, called: str, patience: float = ANSWER_TIME) -> Remote:
    """Speak to the supervisor that listens at `path`. WorkerError if none does, or it may not be.

    `patience`: seconds until an answer must have come; after a WorkerError for want of it, close it.
    """
    from struct import pack

    sock = socket.socket(socket.AF_UNIX)
    try:
        # Not settimeout: a non-blocking connect fails where a blocking one waits for its turn (unix(7)).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, pack("ll", *_timeval(patience)))
        with Short(path) as name:
            sock.connect(name)
    except OSError as error:
        sock.close()
        raise WorkerError(f"{called} cannot be asked: {error.strerror or error} ({path})") from None
    return Remote(sock, called, patience)


def _timeval(seconds: float) -> tuple[int, int]:
    whole = int(seconds)
    return whole, int((seconds - whole) * 1e6)
