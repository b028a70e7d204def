"""Listening on a Unix socket, unix(7). Its file outlives a crash; connecting tells whether it is in use."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat

from nbmon.serve.errors import ListenError

PREFIX = "unix:"
MODE = 0o660  # the user and the group, as a proxy in front is given access
LONGEST = 107  # bytes: sockaddr_un.sun_path less its NUL


def listen_unix(path: str, backlog: int, mode: int = MODE) -> socket.socket:
    """Listen on a socket file at `path`; a leftover that nobody serves is replaced. Raises ListenError."""
    if not path or "\0" in path:
        raise ListenError(f"{PREFIX}{path!r} names no file; give a path, such as {PREFIX}/run/pictures.sock")
    if len(os.fsencode(path)) > LONGEST:
        raise ListenError(f"the socket path {path} is too long: {LONGEST} bytes are accepted")
    try:
        return _bound(os.path.abspath(path), backlog, mode)  # noqa: PTH100 - a socket's name is a string
    except OSError as error:
        raise ListenError(f"cannot listen on {PREFIX}{path}: {error.strerror}") from error


def _bound(path: str, backlog: int, mode: int) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            sock.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            _remove_leftover(path)
            sock.bind(path)
        os.chmod(path, mode)  # noqa: PTH101 - before listen: until then nobody can connect
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _remove_leftover(path: str) -> None:
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        raise ListenError(f"{path} is there already and is no socket; choose another path, or remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)  # noqa: PTH108 - nobody listens: a server that died
            return
        except BlockingIOError:
            pass  # a full backlog: somebody listens
    raise ListenError(f"{PREFIX}{path} is already taken; choose another path")


def remove_socket_files(sockets: list[socket.socket]) -> None:
    """At the end of a service, remove the files of its Unix sockets, unless they are closed already."""
    for sock in sockets:
        if sock.fileno() >= 0 and sock.family == socket.AF_UNIX:
            name = sock.getsockname()
            if isinstance(name, str) and name:
                with contextlib.suppress(OSError):
                    os.unlink(name)  # noqa: PTH108 - a socket's name is a string
