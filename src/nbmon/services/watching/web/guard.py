"""Who may see the page, and who may press its buttons. Pure: a request in, a verdict out.

- A page of another site must not reach it through a name that resolves to 127.0.0.1 (DNS rebinding): only
  loopback names are heard, by the Host field.
- Another user of the machine must not see it: the address that is printed holds a token, compared in constant
  time. The token gives a cookie, which no script can read (HttpOnly) and no other site can use
  (SameSite=Strict). Cookies know no ports: so that a server on another port is not sent it, the cookie is
  for a path that nobody else has.
- A form of another site must not press a button: there is a second secret in ours, and the browser's own
  word on where a request comes from (Origin, Sec-Fetch-Site) must not speak against it.
"""

from __future__ import annotations

import secrets
from enum import Enum
from hmac import compare_digest
from typing import NamedTuple
from urllib.parse import parse_qsl

from nbmon.http import Request

COOKIE = "nbmon"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MOST_FIELDS = 128  # of a query
ENTROPY = 32  # bytes; 16 are enough against guessing


class Secrets(NamedTuple):
    """Of one run; `path` is no secret but unlike any other's."""

    path: str  # as /Ab3x/
    token: str
    cookie: str
    csrf: str

    @classmethod
    def fresh(cls) -> Secrets:
        """New ones, from the system's own source."""
        return cls(f"/{secrets.token_urlsafe(12)}/", *(secrets.token_urlsafe(ENTROPY) for _ in range(3)))


class Verdict(Enum):
    """What is thought of a request."""

    KNOWN = "it may see"
    WELCOME = "it has the token, and gets the cookie"
    STRANGER = "it has neither"
    MISLED = "it was sent to another host"
    FORGED = "it would press a button, and did not come from our page"
    NEITHER = "it would neither read nor press a button"


def judge(request: Request, own: Secrets) -> Verdict:
    """Whether `request` is heard."""
    if not _is_loopback(request.field(b"host")):
        return Verdict.MISLED
    if request.method not in ("GET", "HEAD", "POST"):
        return Verdict.NEITHER
    return _sender(request, own) if request.path.startswith(own.path.encode()) else Verdict.STRANGER


def _sender(request: Request, own: Secrets) -> Verdict:
    said = dict(query(request))
    if request.method != "POST" and _same(said.get("token"), own.token):
        return Verdict.WELCOME
    if not _same(_cookie(request.field(b"cookie")), own.cookie):
        return Verdict.STRANGER
    if request.method == "POST" and not (_same(said.get("csrf"), own.csrf) and _from_here(request)):
        return Verdict.FORGED
    return Verdict.KNOWN


def query(request: Request) -> list[tuple[str, str]]:
    """The fields of its query, in order; none of one that has too many."""
    try:
        text = (request.query or b"").decode("utf-8", "replace")
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return []


def _same(given: str | None, own: str) -> bool:
    return given is not None and compare_digest(given.encode("utf-8", "replace"), own.encode())


def _is_loopback(host: bytes | None) -> bool:
    """Any port: it may have been forwarded (ssh -L)."""
    text = (host or b"").decode("latin-1").lower()
    name, _, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not name:
        name, port = port, ""
    return name in LOOPBACK and (port == "" or port.isdigit())


def _cookie(field: bytes | None) -> str | None:
    """The value of ours in a Cookie field (RFC 6265 section 5.4)."""
    for pair in (field or b"").decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def _from_here(request: Request) -> bool:
    """Whether a browser that says where a request comes from says: from this very site."""
    origin, site = request.field(b"origin"), request.field(b"sec-fetch-site")
    host = request.field(b"host") or b""
    return (origin is None or origin.lower() == b"http://" + host.lower()) and site in (None, b"same-origin")
