"""Opens the sockets that a server listens on, and says in a sentence why that cannot be done.

The sockets are non-blocking, close-on-exec, without SO_REUSEPORT (which would let a second server share the
port unseen), and give TCP_NODELAY to the connections that they accept: the kernel copies it from the listener
(tcp(7)).
"""

from __future__ import annotations

import errno
import socket

from nbmon.serve.errors import ListenError
from nbmon.serve.unixsocket import PREFIX, listen_unix

BACKLOG = 4096  # connections; the kernel lowers it to net.core.somaxconn (listen(2))
DEFER_ACCEPT = 1  # seconds: wake the server when a request's first bytes are there, not before (tcp(7))
# Bytes for which the network has no room yet, that the kernel takes of one answer (tcp(7)). Its own bound is
# megabytes, which hundreds of slow readers fill at once: others wait for that copying, and memory goes.
UNSENT = 262_144
PORTS = 65535
TRIES = 16  # for one free port in several address families

Address = tuple[int, tuple[str, int] | tuple[str, int, int, int]]


def listen(host: str, port: int, backlog: int = BACKLOG, *, another: str = "") -> list[socket.socket]:
    """Listen on every address that `host` names: an address, a name, "*" for all, or `unix:/path`.

    Port 0 is any free one, the same in all address families. `another` says how the caller's user chooses
    another port, such as "--port 9086"; it ends the sentence about a taken one. Raises ListenError, and
    leaves nothing open.
    """
    if host.startswith(PREFIX):
        return [listen_unix(host.removeprefix(PREFIX), backlog)]
    if not 0 <= port <= PORTS:
        raise ListenError(f"port {port} is out of range: 1 to {PORTS} are accepted, and 0 for any free one")
    for _ in range(TRIES if port == 0 else 1):
        try:
            return _listen_all(_resolve(host, port), backlog)
        except OSError as error:
            reason = error
    raise _explained(reason, host, port, another)


def _resolve(host: str, port: int) -> list[Address]:
    if host == "*":
        return [(socket.AF_INET, ("0.0.0.0", port)), (socket.AF_INET6, ("::", port, 0, 0))]  # noqa: S104 - asked for
    if not host or "\0" in host:
        raise ListenError(
            f"host {host!r} is not a name or an address; use 127.0.0.1 (this machine) or * (all)"
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenError(
            f"host {host!r} does not resolve: {error.strerror}; "
            f"give a name or an address of this machine, as in 127.0.0.1"
        ) from error
    except UnicodeError as error:
        raise ListenError(f"host {host!r} is not a name that can be looked up: {error}") from error
    wanted = (socket.AF_INET, socket.AF_INET6)
    return list(dict.fromkeys((family, address) for family, *_, address in found if family in wanted))  # type: ignore[misc]  # a family's address has its shape


def _listen_all(addresses: list[Address], backlog: int) -> list[socket.socket]:
    """All of `addresses`; a family that this machine lacks is passed over if another one serves."""
    sockets: list[socket.socket] = []
    lacking: OSError | None = None
    try:
        for family, (name, port, *rest) in addresses:
            chosen = port or (sockets[0].getsockname()[1] if sockets else 0)
            try:
                sockets.append(_listen_one(family, (name, chosen, *rest), backlog))
            except OSError as error:
                if len(addresses) == 1 or error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                    raise
                lacking = error
        if not sockets and lacking is not None:
            raise lacking
    except BaseException:
        close_all(sockets)
        raise
    return sockets


def _listen_one(family: int, address: tuple[str | int, ...], backlog: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Over TIME_WAIT leftovers of a former server; beside a living listener Linux refuses all the same.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_ACCEPT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _explained(error: OSError, host: str, port: int, another: str) -> ListenError:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    choose = f"; choose another with {another}" if another else "; choose another port"
    match error.errno:
        case errno.EADDRINUSE:
            from nbmon.serve.portholder import holder_of_port

            holder = holder_of_port(port)
            taken = f"{where} is taken by {holder}" if holder else f"{where} is already taken"
            return ListenError(taken + choose)
        case errno.EACCES | errno.EPERM:
            below = f"ports below {_first_free_port()} are for root or CAP_NET_BIND_SERVICE"
            return ListenError(f"no permission to listen on {where}: {below}{choose}")
        case errno.EADDRNOTAVAIL:
            return ListenError(
                f"{host} is not an address of this machine; use 127.0.0.1 (this machine only) or * (all)"
            )
        case errno.EAFNOSUPPORT:
            return ListenError(f"cannot listen on {where}: this machine has no such address family")
        case errno.EMFILE | errno.ENFILE:
            return ListenError(
                f"cannot listen on {where}: no file descriptors left; raise the limit (ulimit -n)"
            )
    return ListenError(f"cannot listen on {where}: {error.strerror}")


def _first_free_port() -> int:
    try:
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:  # noqa: PTH123 - pathlib is slow to load
            return int(file.read())
    except (OSError, ValueError):
        return 1024


def close_all(sockets: list[socket.socket]) -> None:
    """Close each of `sockets`."""
    for sock in sockets:
        sock.close()


def url_of(sockets: list[socket.socket]) -> str:
    """What to type in a browser on this machine, `http://127.0.0.1:9085/`; `unix:/path` for a Unix socket."""
    first = sockets[0]
    if first.family == socket.AF_UNIX:
        return f"{PREFIX}{first.getsockname()}"
    host, port = first.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a wildcard is no address to visit
    shown = f"[{host.replace('%', '%25')}]" if ":" in host else host  # RFC 6874 for a zone
    return f"http://{shown}/" if port == 80 else f"http://{shown}:{port}/"
