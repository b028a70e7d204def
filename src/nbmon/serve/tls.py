"""TLS (RFC 8446, RFC 5246) in front of a connection: a socket that looks like any other to the loop.

Must not know HTTP, but for the one answer to a client that speaks it without TLS. Certificates may be
exchanged at any time: connections that are open keep what they began with.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import sys
from collections.abc import Mapping
from socket import SocketType
from typing import TypeVar

from nbmon.serve.ledger import Client
from nbmon.serve.logs import logger, plain

RECORD = 16_384  # bytes of content in one record, at most (RFC 8446 section 5.1)
# For 1.2; those of 1.3 are all good. Mozilla's "intermediate" list, without the finite-field ones.
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
NO_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 42\r\n\r\n"
    b"TLS is spoken here; ask with https instead"
)


DEFAULT = "default"  # the certificate of a folder for clients that name no host that is there
T = TypeVar("T")


class TlsError(Exception):
    """A certificate or key cannot be used; `str(error)` is a finished sentence."""


class Certificates:
    """A certificate with its key in PEM files, or a folder of them by the names of hosts. Raises TlsError."""

    def __init__(self, certificate: str, key: str | None = None) -> None:
        """`certificate`: with the chain behind it. `key`: its own file, if it does not stand in the first.

        A folder has HOST.pem with, where it does not stand in the same file, HOST.key beside it. A HOST of
        _.example.org is any name of one part more; `default`, or the first, is for clients that name none.
        """
        self._certificate = certificate
        self._key = key
        self._context = _contexts(certificate, key)

    def reload(self) -> None:
        """Read the files again; if they cannot be used the old ones go on, and the log says why."""
        try:
            self._context = _contexts(self._certificate, self._key)
        except TlsError as error:
            logger.error("%s; the certificate in use goes on", plain(str(error)))
        else:
            logger.info("the certificate %s is loaded", plain(self._certificate))

    def dress(self, sock: SocketType) -> TlsSocket:
        """`sock`, just accepted, under TLS. Closes it and raises OSError if it is gone."""
        try:
            sock.getpeername()
            return TlsSocket(self._context, sock)
        except (OSError, ValueError) as error:
            sock.close()
            raise OSError(str(error)) from error


class TlsListener(socket.socket):
    """A listening socket whose connections are under TLS."""

    certificates: Certificates

    @classmethod
    def over(cls, listener: socket.socket, certificates: Certificates) -> TlsListener:
        """`listener` itself, which is not to be used any more under its old name."""
        blocking = listener.getblocking()
        made = cls(listener.family, listener.type, listener.proto, listener.detach())
        made.setblocking(blocking)
        made.certificates = certificates
        return made

    def dress(self, sock: SocketType) -> TlsSocket:
        """See Certificates."""
        return self.certificates.dress(sock)


class Undressed:
    """A connection whose TLS another process will speak: what came is left in the kernel."""

    __slots__ = ("_sock", "close", "fileno", "getpeername", "setsockopt", "shutdown")

    def __init__(self, sock: SocketType) -> None:
        self._sock = sock
        self.fileno, self.getpeername, self.close = sock.fileno, sock.getpeername, sock.close
        self.setsockopt, self.shutdown = sock.setsockopt, sock.shutdown

    def recv(self, _size: int, flags: int = 0) -> bytes:
        """The first byte, if it is there; b"" at the end."""
        return self._sock.recv(1, flags | socket.MSG_PEEK)

    def send(self, _data: bytes | memoryview, _flags: int = 0) -> int:
        """Whatever it is, the client would not understand it. Raises OSError."""
        raise OSError(errno.EPROTO, "TLS is spoken here")


class TlsSocket:
    """What a driver uses of a socket: never waits, says so by BlockingIOError, fails by OSError.

    The handshake is a part of the first `recv`. Flags are for the eyes of plain sockets alone.
    """

    __slots__ = ("_tls",)

    def __init__(self, context: ssl.SSLContext, sock: SocketType) -> None:
        sock.setblocking(False)
        self._tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)  # type: ignore[arg-type]  # the C socket has all that it needs

    def setsockopt(self, level: int, name: int, value: bytes) -> None:
        """Of the socket beneath."""
        self._tls.setsockopt(level, name, value)

    def fileno(self) -> int:
        """Of the connection."""
        return self._tls.fileno()

    def getpeername(self) -> Client:
        """Of the client."""
        peer: Client = self._tls.getpeername()
        return peer

    def recv(self, _size: int, _flags: int = 0) -> bytes:
        """The content of one record, whatever size was asked for: none may wait where epoll does not look."""
        try:
            return self._tls.recv(RECORD)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLError as error:
            if error.reason == "HTTP_REQUEST":
                with contextlib.suppress(OSError):
                    socket.socket.send(self._tls, NO_TLS)
            raise

    def send(self, data: bytes | memoryview, _flags: int = 0) -> int:
        """How much of `data` was taken. After BlockingIOError the same must be sent again (SSL_write(3))."""
        view = memoryview(data)
        sent = 0
        try:
            while sent < len(view):
                sent += self._tls.send(view[sent : sent + RECORD])
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if not sent:
                raise BlockingIOError from None
        return sent

    def shutdown(self, how: int) -> None:
        """Tell the client, by TLS and by TCP, that no more is sent."""
        self._say_close()
        self._tls.shutdown(how)

    def close(self) -> None:
        """Close, after the alert that tells an end from an attacker's cut (RFC 8446 section 6.1)."""
        self._say_close()
        self._tls.close()

    def _say_close(self) -> None:
        try:
            self._tls.unwrap()
        except (OSError, ValueError):  # gone, closed, never shaken hands with, or has yet to answer
            pass


def _contexts(certificate: str, key: str | None) -> ssl.SSLContext:
    """The context to begin with, which goes over to another where the client names its host (RFC 6066)."""
    if not os.path.isdir(certificate):  # noqa: PTH112 - pathlib would be one more import
        return _context(certificate, key)
    if key is not None:
        raise TlsError(f"the keys of the folder {certificate} stand in it, as HOST.key; leave out --tls-key")
    by_name = {name: _context(*files) for name, files in _pairs(certificate).items()}
    if not by_name:
        raise TlsError(f"{certificate} holds no certificate; accepted are files like example.org.pem")
    first = by_name.get(DEFAULT) or by_name[min(by_name)]

    def choose(tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        tls.context = chosen(by_name, name) or first

    _pass_over_odd_names()
    first.sni_callback = choose
    return first


def _pass_over_odd_names() -> None:
    """Let no client write tracebacks: it is refused as it is.

    The ssl module decodes the name that a client says before it calls back, and gives what is not ASCII to
    sys.unraisablehook, which would print it as often as anybody asks.
    """
    before = sys.unraisablehook
    if getattr(before, "passes_over_odd_names", False):
        return

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not UnicodeDecodeError or not isinstance(unraisable.object, bytes):
            before(unraisable)

    hook.passes_over_odd_names = True  # type: ignore[attr-defined]  # mypy knows no attributes of functions
    sys.unraisablehook = hook


def chosen(by_name: Mapping[str, T], name: str | None) -> T | None:
    """What stands for the host `name`: itself before a wildcard, which stands for one label (RFC 6125)."""
    name = (name or "").lower().rstrip(".")
    return by_name.get(name) or by_name.get("_." + name.partition(".")[2])


def _pairs(folder: str) -> dict[str, tuple[str, str | None]]:
    """By the names of hosts: the files of certificate and key. Raises TlsError."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - as above
    except OSError as error:
        raise TlsError(f"cannot read {folder!r} for TLS: {error.strerror}") from error
    path = folder.rstrip("/") + "/"
    return {
        name[:-4].lower(): (path + name, path + name[:-4] + ".key" if name[:-4] + ".key" in names else None)
        for name in sorted(names)
        if name.endswith(".pem")
    }


def _context(certificate: str, key: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    for path in filter(None, (certificate, key)):
        _check_readable(path)
    try:
        context.load_cert_chain(certificate, key, password=_refuse)
    except _EncryptedError:
        raise TlsError(
            f"the key in {key or certificate} is encrypted, and nobody is there to type its password; "
            f"openssl pkey -in {key or certificate} -out PLAIN.pem decrypts it"
        ) from None
    except (ssl.SSLError, OSError, ValueError) as error:
        raise TlsError(_explained(error, certificate, key)) from error
    return context


def _check_readable(path: str) -> None:
    """OpenSSL's own words do not tell which of the two files is meant."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except (OSError, ValueError) as error:
        words = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise TlsError(f"cannot read {path!r} for TLS: {words}") from error


class _EncryptedError(Exception):
    pass


def _refuse() -> str:
    raise _EncryptedError


def _explained(error: Exception, certificate: str, key: str | None) -> str:
    reason = getattr(error, "reason", None)
    if reason == "KEY_VALUES_MISMATCH":
        return f"the key in {key or certificate} is not that of the certificate in {certificate}"
    if key is None:
        return (
            f"{certificate} holds no certificate in PEM form with its key; give the key's file by --tls-key"
        )
    words = {"NO_START_LINE": "no PEM form"}.get(str(reason), str(reason or error))
    return f"cannot use the certificate {certificate} with the key {key}: {words}"
