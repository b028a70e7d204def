"""What every driver does the same between a request and its answer.

The application is a stranger's code to this room: whatever it raises becomes a 500 and a record in the log.
"""

from __future__ import annotations

import errno
import fcntl
import termios
from collections.abc import Callable
from socket import MSG_DONTWAIT, SHUT_WR, SocketType
from time import time

from nbmon.http import Answer, MisuseError, Request, Response, Session, error_response, imf_date, render_head
from nbmon.serve.bodies import close_files
from nbmon.serve.logs import log_failure, plain

App = Callable[[Request], Answer]

FAILED = "Something went wrong here; it has been written to the log."
BUSY = "There are too many clients at the moment; please try again soon."
RETRY_AFTER = 2  # seconds
_BUSY_ERRORS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def ask(app: App, request: Request) -> Answer:
    """The application's answer; 503 if it lacks descriptors, 500 if it fails otherwise."""
    try:
        return app(request)
    except Exception as error:
        return failed(request, error)


def failed(request: Request, error: Exception) -> Response:
    """The answer where the application raised `error`, which is logged."""
    log_failure(f"the answer to {_named(request)} failed", error)
    if isinstance(error, OSError) and error.errno in _BUSY_ERRORS:
        return _busy()
    return error_response(500, FAILED)


def _busy() -> Response:
    busy = error_response(503, BUSY)
    busy.fields.append((b"Retry-After", b"%d" % RETRY_AFTER))
    return busy


def turn_away(sock: SocketType) -> None:
    """Say 503 to a client with too many connections, if that is at once possible, and close."""
    busy = _busy()
    assert isinstance(busy.body, bytes)
    try:
        sock.send(render_head(busy, date_now(), b"close") + busy.body, MSG_DONTWAIT)
        sock.shutdown(SHUT_WR)
    except OSError:  # it is gone, or has not come to speak TLS yet
        pass
    sock.close()


def render(session: Session, response: Response, *, last: bool) -> tuple[bytes, Response]:
    """The head of `response`, and the response: another and last one if that cannot be sent."""
    try:
        return session.respond(response, date_now(), close=last), response
    except MisuseError as error:
        log_failure("an answer cannot be sent as it is", error)
        close_files(response)
        session.lose()
        instead = error_response(500, FAILED)
        return render_head(instead, date_now(), b"close"), instead


def sends_on(fd: int, session: Session, request: Request) -> bool:
    """Whether more came, or may come, behind a request whose answer was its connection's last.

    Content that was not read, or, where it is we who end the connection, requests that will not be answered.
    """
    if request.mentions(b"content-length:") or request.mentions(b"transfer-encoding:"):
        return True
    return request.keep_alive and (session.cut_off or _is_waiting(fd))


def _is_waiting(fd: int) -> bool:
    """Whether bytes have come that nobody has received (SIOCINQ of tcp(7) and unix(7))."""
    return any(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))


def _named(request: Request) -> str:
    return plain(f"{request.method} {request.target.decode('latin-1')}")


class _Dates:
    """The Date field's value, rendered once a second."""

    second = -1
    rendered = b""


def date_now() -> bytes:
    """The present second as RFC 9110 section 5.6.7 writes it."""
    second = int(time())
    if second != _Dates.second:
        _Dates.rendered = imf_date(second)
        _Dates.second = second
    return _Dates.rendered
