"""Where to listen, as a person writes it: ADDR, ADDR:PORT, [ADDR]:PORT, unix:/path, systemd, systemd:NAME.

Must not know sockets.
"""

from __future__ import annotations

from typing import NamedTuple

UNIX = "unix:"
SYSTEMD = "systemd"
PORTS = 65_535
EXAMPLES = "as in 127.0.0.1:9086, [::1]:9086, *:80, unix:/run/pictures.sock or systemd"


class WrongAddress(ValueError):  # noqa: N818 - what it is
    """`str(error)` is a finished sentence."""


class Place(NamedTuple):
    """One place to listen at."""

    host: str  # an address, a name, "*", or `unix:/path`; "" for sockets handed over by systemd
    port: int | None = None  # None where nothing was said
    handed: str | None = None  # the name of a socket unit's FileDescriptorName=, "" for all of them


def parse(text: str) -> Place:
    """The place that `text` means. Raises WrongAddress."""
    if not text.isprintable() or " " in text or not text:
        raise _wrong(text, "is no address")
    if text.startswith(UNIX):
        if not text.startswith(UNIX + "/"):
            raise _wrong(text, "names no file by its whole path")
        return Place(text)
    if text == SYSTEMD or text.startswith(SYSTEMD + ":"):
        return Place("", None, text.partition(":")[2])
    return _of_network(text)


def _of_network(text: str) -> Place:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in host or (rest and not rest.startswith(":")):
            raise _wrong(text, "is no IPv6 address in brackets")
        return Place(host, _port(text, rest[1:]) if rest else None)
    if text.count(":") > 1:  # an IPv6 address without brackets, which cannot have a port
        return Place(text)
    host, colon, port = text.partition(":")
    if not host or (not colon and host.isdigit()):
        raise _wrong(text, "says no address")
    return Place(host, _port(text, port) if colon else None)


def _port(text: str, digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) <= PORTS):
        raise _wrong(text, f"has no port from 0 (any free one) to {PORTS}")
    return int(digits)


def _wrong(text: str, what: str) -> WrongAddress:
    return WrongAddress(f"{text!r} {what}; give an address, {EXAMPLES}")
