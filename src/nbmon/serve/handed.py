"""Sockets that systemd opened and handed over: LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES (sd_listen_fds(3)).

The variables are somebody's word: every number is checked, and the descriptors are looked at before they are
believed to be listening sockets.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Mapping, MutableMapping
from typing import NamedTuple

from nbmon.serve.errors import ListenError
from nbmon.serve.listen import UNSENT
from nbmon.serve.logs import plain

FIRST = 3  # SD_LISTEN_FDS_START
MOST = 64  # sockets
VARIABLES = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


class Handed(NamedTuple):
    """One descriptor, and the name that its unit gave it."""

    fd: int
    name: str


def announced(environment: Mapping[str, str], pid: int) -> list[Handed]:
    """What the environment says was handed to the process `pid`. Raises ListenError if it makes no sense."""
    count = environment.get("LISTEN_FDS")
    if count is None or environment.get("LISTEN_PID") != str(pid):  # none, or another's, inherited
        return []
    if not (count.isascii() and count.isdigit() and len(count) < 4 and int(count) <= MOST):
        raise ListenError(f"LISTEN_FDS is {plain(count)!r}; accepted is a number of sockets from 0 to {MOST}")
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    names += ["unknown"] * (int(count) - len(names))
    return [Handed(FIRST + number, names[number]) for number in range(int(count))]


def take(
    name: str = "", environment: MutableMapping[str, str] = os.environ, pid: int | None = None
) -> list[socket.socket]:
    """The listening sockets that were handed over, those called `name` if there is one.

    They are close-on-exec and non-blocking afterwards, and the variables are gone, so that no child believes
    them its own; sockets by other names are closed. Raises ListenError.
    """
    handed = announced(environment, os.getpid() if pid is None else pid)
    for variable in VARIABLES:
        environment.pop(variable, None)
    if not handed:
        raise ListenError(
            "no sockets were handed over by systemd (LISTEN_FDS); start this from a socket unit, or say "
            "where to listen with --listen"
        )
    wanted = [one for one in handed if not name or one.name == name]
    for one in handed:
        if one not in wanted:
            with contextlib.suppress(OSError):
                os.close(one.fd)
    if not wanted:
        names = ", ".join(sorted({plain(one.name) for one in handed}))
        raise ListenError(f"systemd handed over no socket called {plain(name)!r}; there are {names}")
    return [_listening(one) for one in wanted]


def _listening(one: Handed) -> socket.socket:
    where = f"descriptor {one.fd} ({plain(one.name)}), handed over by systemd,"
    try:
        if not stat.S_ISSOCK(os.fstat(one.fd).st_mode):
            raise ListenError(f"{where} is no socket; use ListenStream= in its unit")
    except OSError as error:
        raise ListenError(f"{where} is not open") from error
    os.set_inheritable(one.fd, False)
    sock = socket.socket(fileno=one.fd)
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.close()
        raise ListenError(f"{where} does not listen for connections; use ListenStream= and Accept=no")
    sock.setblocking(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return sock
