"""The options of a picture server: which there are, whether each makes sense, and what they become.

`fault` is asked when a command is typed or a file read, and touches nothing but the words; `Outfit` is made
in the daemon, where sockets are opened and files read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbmon.services import limits, processing
from nbmon.services.errors import ServiceError, printable, reason_of
from nbmon.services.service import HOST, PORT, Options

if TYPE_CHECKING:
    from socket import socket

    from nbmon.serve import App, CoroutineServer
    from nbmon.serve.addresses import Place
    from nbmon.serve.aside import Aside
    from nbmon.serve.ledger import Ledger, Snapshot

PUBLIC = "public"  # as the word of --metrics
STDOUT = "-"
LARGEST = 1 << 20  # bytes of a file with passwords
FILES = ("tls_cert", "tls_key", "auth", "access_log", "sign_key")  # options that are paths
KEYS = (
    "listen", "tls_cert", "tls_key", "access_log", "access_log_format", "metrics",
    "auth", "cors", "cache_control", "base_path", "header", "limit",
    "processing", "preset", "sign_key", "cache_size", "max_megapixels", "show_location",
)  # fmt: skip

REPEATED = ("listen", "cors", "cache_control", "header", "limit", "preset")


def fault(options: Options) -> tuple[str, str] | None:
    """The key that is to blame and a sentence, if an option's form is wrong; else None."""
    if all(getattr(options, key) is None for key in KEYS):
        return None  # what reads them is not loaded for nothing
    for key, one in _said(options):
        try:
            _reader(key)(one)
        except ValueError as error:
            return key, printable(str(error))
    return _together(options)


def _said(options: Options) -> list[tuple[str, str]]:
    found = []
    for key in (
        "listen",
        "metrics",
        "cors",
        "cache_control",
        "base_path",
        "header",
        "limit",
        *processing.KEYS,
    ):
        value = getattr(options, key)
        found += [(key, one) for one in ((value,) if isinstance(value, str) else value or ())]
    return found


def _reader(key: str) -> Callable[[str], object]:
    if key == "listen":
        from nbmon.serve.addresses import parse

        return parse
    if key == "metrics":
        return _metrics_place
    if key == "limit":
        return limits.parse
    if key in processing.KEYS:
        return processing.reader(key)
    from nbmon.serve import wrappers

    readers: dict[str, Callable[[str], object]] = {
        "cors": wrappers.Cors.parse,
        "cache_control": wrappers.CacheControl.parse,
        "base_path": wrappers.BasePath.parse,
        "header": wrappers.Headers.parse,
    }
    return readers[key]


def _metrics_place(text: str) -> Place | None:
    """Where the metrics are told; None for the public sockets. WrongAddress."""
    from nbmon.serve.addresses import WrongAddress, parse

    if text == PUBLIC:
        return None
    place = parse(text)
    if place.handed is None and place.port is None and not place.host.startswith("unix:"):
        raise WrongAddress(f"{text!r} has no port; give one, as in 127.0.0.1:9086, unix:/run/x.sock, public")
    return place


def _together(options: Options) -> tuple[str, str] | None:
    if options.tls_key is not None and options.tls_cert is None:
        return "tls_key", "it is the key of a certificate, which is missing; give it with --tls-cert"
    if options.access_log_format is not None and options.access_log is None:
        return "access_log_format", "there is no access log to be written so; give one with --access-log"
    if options.processing == "presets" and not options.preset:
        return "processing", "there are no presets; give some, as in --preset 'thumb=w=320&h=240&fit=crop'"
    return None


class Outfit:
    """What stands around a picture server's application. Raises ServiceError where it cannot be had."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._access_log: Any = None
        self._certificates: Any = None
        self._auth: Any = None
        self._aside: Aside | None = None
        self._admin_sockets: list[socket] = []
        self._socket_files: list[tuple[str, tuple[int, int] | None]] = []
        self._server: CoroutineServer | None = None
        self.ledger: Ledger | None = None
        self.further: Callable[[], bytes] = bytes  # what else is told in the metrics; set before `dress`

    def dress(
        self,
        app: App,
        ledger: Ledger,
        snapshots: Callable[[], list[Snapshot]] | None = None,
        workers: Callable[[], int] = lambda: 1,
    ) -> App:
        """`app` with everything around it that the options ask for."""
        from nbmon.serve import wrappers
        from nbmon.serve.admin import WithAdmin

        options = self._options
        self.ledger = ledger
        self._admin = self._make_admin(snapshots or (lambda: [ledger.snapshot()]), workers)
        if options.cache_control:
            app = wrappers.CacheControl(app, map(wrappers.CacheControl.parse, options.cache_control))
        if options.base_path and (base := wrappers.BasePath.parse(options.base_path)):
            app = wrappers.BasePath(app, base)
        if options.metrics == PUBLIC:
            app = WithAdmin(app, self._admin)
        if options.auth is not None:
            app = self._auth = wrappers.Auth(app, _passwords(options.auth))
        if options.cors:
            app = wrappers.Cors(app, options.cors)
        if options.header:
            app = wrappers.Headers(app, map(wrappers.Headers.parse, options.header))
        if options.auth is not None:
            app = wrappers.Private(app)
        return app

    def limited(self) -> limits.Limited:
        """What one client may take, and all together."""
        return limits.limited(self._options.limit or ())

    def _make_admin(self, snapshots: Callable[[], list[Snapshot]], workers: Callable[[], int]) -> Any:
        from nbmon.serve.admin import Admin

        return Admin(snapshots, ready=self._not_ready, workers=workers, further=self.further)

    def _not_ready(self) -> str | None:
        stops = self._server is not None and self._server.stopping
        return "The server stops." if stops else None

    def listen(self, another: str) -> list[socket]:
        """Every socket to serve on, those of TLS under TLS. `another`: see `serve.listen`."""
        from nbmon.serve import ListenError, close_all

        sockets: list[socket] = []
        try:
            for place in self._places():
                sockets += self._opened(place, another)
            if self._options.metrics not in (None, PUBLIC):
                place_ = _metrics_place(self._options.metrics or "")
                assert place_ is not None
                self._admin_sockets = self._opened(place_, "--metrics")
            return self._under_tls(sockets)
        except (ListenError, ServiceError) as error:
            close_all(sockets)
            self._remove_socket_files()
            raise ServiceError(str(error)) from None

    @property
    def aside_sockets(self) -> list[socket]:
        """Those of metrics and health."""
        return self._admin_sockets

    @property
    def socket_files(self) -> list[tuple[str, tuple[int, int] | None]]:
        """The files of Unix sockets, and which file each was: this server removes them."""
        return self._socket_files

    def take_over(self, handed: dict[str, Any]) -> list[socket]:
        """As `listen`, of the sockets that a former image of this process has opened."""
        from nbmon.services.succession import again

        self._admin_sockets = again(handed["aside"])
        self._socket_files = [(path, identity and tuple(identity)) for path, identity in handed["files"]]
        return self._under_tls(again(handed["listening"]))

    def rehearse(self) -> None:
        """Read what would be read. ServiceError."""
        self._under_tls([])

    def _places(self) -> list[Place]:
        from nbmon.serve.addresses import Place, parse

        options = self._options
        places = [parse(text) for text in options.listen or ()]
        usual = options.host is None and options.port is None
        if usual and not places and os.environ.get("LISTEN_PID") == str(os.getpid()):
            return [Place("", None, "")]
        if usual and places:
            return places
        return [Place(HOST if options.host is None else options.host, options.port), *places]

    def _opened(self, place: Place, another: str) -> list[socket]:
        from nbmon.serve import listen
        from nbmon.serve.handed import take

        if place.handed is not None:
            return take(place.handed)
        said = PORT if self._options.port is None else self._options.port
        sockets = listen(place.host, said if place.port is None else place.port, another=another)
        if place.host.startswith("unix:"):
            path = place.host.removeprefix("unix:")
            self._socket_files.append((path, _identity(path)))
        return sockets

    def _under_tls(self, sockets: list[socket]) -> list[socket]:
        """TLS is for the network: a Unix socket's clients are on this machine, often a proxy."""
        if self._options.tls_cert is None:
            return sockets
        import socket

        from nbmon.serve.tls import Certificates, TlsError, TlsListener

        try:
            self._certificates = Certificates(self._options.tls_cert, self._options.tls_key)
        except TlsError as error:
            raise ServiceError(str(error)) from None
        return [
            sock if sock.family == socket.AF_UNIX else TlsListener.over(sock, self._certificates)
            for sock in sockets
        ]

    def open_log(self) -> None:
        """Open the access log, which takes what the ledger keeps from now on."""
        options = self._options
        if options.access_log is None or self.ledger is None:
            return
        from nbmon.serve.accesslog import AccessLog, AccessLogError

        try:
            form, users = options.access_log_format or "combined", options.auth is not None
            self._access_log = AccessLog(options.access_log, form, users=users)
        except AccessLogError as error:
            raise ServiceError(f"{error}; name another with --access-log") from None
        self.ledger.sink, self.ledger.at_end = self._access_log.take, self._access_log.flush

    def url(self, sockets: list[socket]) -> str:
        """What to type in a browser on this machine."""
        from nbmon.serve import url_of

        found = url_of(sockets)
        if self._certificates is not None and found.startswith("http:"):
            found = f"https:{found.removeprefix('http:')}"
        return found + (self._options.base_path or "").strip("/") + ("/" if self._options.base_path else "")

    def serve_aside(self, server: CoroutineServer, chime: Callable[[], None] | None = None) -> None:
        """Tell metrics and health on their own sockets, in the loop of the server, which has just begun."""
        self._server = server
        if not self._admin_sockets and chime is None:
            return
        from nbmon.serve.aside import Aside

        self._aside = Aside(self._admin, self._admin_sockets, chime)
        self._aside.open(server)

    def reload(self) -> None:
        """Read certificates and passwords again, and let the access log be a new file. Raises nothing."""
        if self._access_log is not None:
            self._access_log.reopen()
        renew = getattr(self._server, "renew", None)
        if renew is not None:  # once its loop turns, when everything here is read again
            renew()
        if self._certificates is not None:
            self._certificates.reload()
        if self._auth is not None and self._options.auth is not None:
            try:
                self._auth.exchange(_passwords(self._options.auth))
            except ServiceError as error:
                print(f"{error}; the passwords in use go on", file=sys.stderr)

    def _remove_socket_files(self) -> None:
        for path, identity in self._socket_files:
            if identity is not None and _identity(path) == identity:
                os.unlink(path)  # noqa: PTH108 - pathlib would be one more import
        self._socket_files.clear()

    def close(self) -> None:
        """Write the last lines of the log, remove the files of Unix sockets."""
        self._remove_socket_files()
        if self._aside is not None:
            self._aside.close()
        if self._access_log is not None:
            self._access_log.close()


def _identity(path: str) -> tuple[int, int] | None:
    """Which file is at `path`: another server may have put its own there."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _passwords(path: str) -> Any:
    from nbmon.serve.wrappers import Passwords, WrongOption

    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path that a person wrote, absolute
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ServiceError(f"cannot read the passwords in {printable(path)}: {reason_of(error)}") from None
    if len(data) > LARGEST:
        raise ServiceError(f"{printable(path)} is larger than {LARGEST} bytes; it is no file of passwords")
    try:
        return Passwords.parse(data, path)
    except WrongOption as error:
        raise ServiceError(printable(str(error))) from None
