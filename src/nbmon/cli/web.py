"""`nbmon web`: the live table in a browser of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nbmon.cli import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from socket import socket

    from nbmon.serve import CoroutineServer
    from nbmon.services.watching.web import Secrets

HERE = "127.0.0.1"  # whoever wants it elsewhere forwards the port: ssh -L 9086:127.0.0.1:9086
CONNECTIONS = 64
DRAIN = 2.0  # seconds


@click.command()
@click.argument("names", metavar="[NAME…]", nargs=-1, shell_complete=words.complete_names)
@click.option("--port", type=words.Port(), default=0, help="Any free one by default.")
@words.debug
def web(names: tuple[str, ...], port: int) -> int:
    """Watch services and their workers in a browser.

    What nbmon top shows, on this machine alone, until Ctrl-C. Prints the address, which holds the key:
    whoever has it sees the table, and may restart and scale what is in it.
    """
    from nbmon.serve import ListenError, close_all, listen, url_of
    from nbmon.services.errors import ServiceError
    from nbmon.services.watching.web import Secrets

    try:
        sockets = listen(HERE, port, another=f"--port {port + 1 if port < 65535 else 0}")
    except ListenError as error:
        raise ServiceError(str(error)) from None
    own = Secrets.fresh()
    address = f"{url_of(sockets).rstrip('/')}{own.path}?token={own.token}"
    try:
        _serve(sockets, names, own, address)
    finally:
        close_all(sockets)
    return 0


def _serve(sockets: list[socket], names: Sequence[str], own: Secrets, address: str) -> None:
    from nbmon.serve import Bounds, CoroutineServer, Timeouts
    from nbmon.services.watching.doing import Doer
    from nbmon.services.watching.looking import Looker
    from nbmon.services.watching.web import Site

    looker, doer = Looker(names), Doer(lambda: None)
    site = Site(own, looker.look, doer.begin, lambda: doer.message)
    server = CoroutineServer(
        site,
        sockets,
        timeouts=Timeouts(drain=DRAIN),
        bounds=Bounds(connections=CONNECTIONS, memory_bytes=0),
        on_serving=lambda: click.echo(address),
    )
    _stop_on_signals(server)
    try:
        server.serve()
    finally:
        looker.close()


def _stop_on_signals(server: CoroutineServer) -> None:
    import signal

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: server.stop())
