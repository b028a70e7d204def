"""The page as an application: who is heard sees it, and presses its buttons. Must not know sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbmon.http import Request, Response, error_response
from nbmon.services.errors import ServiceError
from nbmon.services.watching.arranging import Action, question
from nbmon.services.watching.seen import Row, Seen, rows
from nbmon.services.watching.web import view
from nbmon.services.watching.web.guard import COOKIE, Secrets, Verdict, judge, query

if TYPE_CHECKING:
    from jinja2 import Template

LEAST_AGE = 0.9  # seconds: two browsers do not look twice
NOTICE_TIME = 20.0  # seconds for which it is said what was done
HTML = b"text/html; charset=utf-8"
KINDS = {
    "style.css": b"text/css; charset=utf-8",
    "live.js": b"text/javascript; charset=utf-8",
    "icon.svg": b"image/svg+xml",
}
POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFE: list[tuple[bytes, bytes]] = [
    (b"Content-Security-Policy", POLICY),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"same-origin"),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
]
REFUSALS = {
    Verdict.STRANGER: (403, "Open the address that nbmon web has printed: it holds the key to this page."),
    Verdict.MISLED: (421, "This page is for this machine alone, by the name of 127.0.0.1 or localhost."),
    Verdict.FORGED: (403, "That did not come from this page. Go back, reload it, and try again."),
    Verdict.NEITHER: (405, "This page is read, and has buttons; nothing else can be done with it."),
}
_HERE = Path(__file__).parent / "assets"


class Site:
    """An application (nbmon.serve.App). `look` looks at everything; `begin` does what a button is for."""

    def __init__(
        self,
        own: Secrets,
        look: Callable[[], Sequence[Seen]],
        begin: Callable[[Action], None],
        message: Callable[[], str],
    ) -> None:
        self._own = own
        self._look = look
        self._begin = begin
        self._message = message
        self._said, self._said_at = "", 0.0
        self._seen: Sequence[Seen] = ()
        self._at = 0.0
        self._rows: list[Row] = []

    def __call__(self, request: Request) -> Response:
        """Answer `request`."""
        verdict = judge(request, self._own)
        if verdict in REFUSALS:
            return error_response(*REFUSALS[verdict])
        if verdict is Verdict.WELCOME:
            return self._welcome()
        return self._known(request)

    def _known(self, request: Request) -> Response:
        name = request.path.decode("latin-1").removeprefix(self._own.path)
        if request.method == "POST":
            return self._do(request) if name == "do" else _missing()
        if name.startswith("-/"):
            return _asset(name.removeprefix("-/"))
        answers = {"": self._page, "rows": self._page, "ask": self._ask}
        return answers[name](request, name) if name in answers else _missing()

    def _welcome(self) -> Response:
        """The cookie, and on to the page by a step of our own: begun by another site, it would lack it."""
        cookie = f"{COOKIE}={self._own.cookie}; Path={self._own.path}; HttpOnly; SameSite=Strict"
        return _html("welcome.html", {}, [(b"Set-Cookie", cookie.encode())])

    def _page(self, request: Request, name: str) -> Response:
        fields = query(request)
        try:
            found, trouble = self._now(), ""
        except ServiceError as error:
            found, trouble = [], str(error)
        choice, every = view.choice_of(fields), view.every_of(fields)
        page = view.page_of(found, choice, every, trouble or self._notice())
        return _html("rows.html" if name else "page.html", page._asdict() | {"bare": bool(name)})

    def _ask(self, request: Request, _name: str) -> Response:
        fields = query(request)
        action = view.asked(fields, self._now())
        if action is None:
            return _gone()
        choice = view.kept(view.choice_of(fields), view.every_of(fields))
        done = view.link([*choice, *view.asking(action), ("csrf", self._own.csrf)], "do")
        return _html("ask.html", {"question": question(action), "do": done, "back": view.link(choice)})

    def _do(self, request: Request) -> Response:
        fields = query(request)
        action = view.asked(fields, self._now())
        if action is None:
            return _gone()
        self._begin(action)
        back = view.link(view.kept(view.choice_of(fields), view.every_of(fields)))
        return Response(303, [(b"Location", back.encode()), (b"Cache-Control", b"no-store")])

    def _now(self) -> list[Row]:
        """The rows, as they are or were a moment ago; what is spent is between two such looks."""
        if time.monotonic() - self._at >= LEAST_AGE:
            before, self._seen = self._seen, self._look()
            self._at = time.monotonic()
            self._rows = rows(before, self._seen)
        return self._rows

    def _notice(self) -> str:
        message = self._message()
        if message != self._said:
            self._said, self._said_at = message, time.monotonic()
        return message if time.monotonic() - self._said_at < NOTICE_TIME else ""


def _missing() -> Response:
    return error_response(404, "There is nothing here.")


def _gone() -> Response:
    return error_response(409, "That cannot be done any more; go back and look again.")


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        loader=FunctionLoader(lambda name: (_HERE / name).read_text("utf-8")),
    )  # fmt: skip
    return environment.get_template(name)


def _html(name: str, values: dict[str, Any], fields: Sequence[tuple[bytes, bytes]] = ()) -> Response:
    text = _template(name).render(values | {"asset": {stem: f"-/{key}" for key, stem in _names().items()}})
    own = [(b"Content-Type", HTML), (b"Cache-Control", b"no-store"), *SAFE, *fields]
    return Response(200, own, text.encode("utf-8", "replace"))


@cache
def _names() -> dict[str, str]:
    """Each asset by a name that changes with its content."""
    return {
        f"{blake2b((_HERE / name).read_bytes(), digest_size=6).hexdigest()}-{name}": name for name in KINDS
    }


def _asset(key: str) -> Response:
    name = _names().get(key)
    if name is None:
        return _missing()
    fields = [
        (b"Content-Type", KINDS[name]),
        (b"Cache-Control", b"private, max-age=31536000, immutable"),
        *SAFE,
    ]
    return Response(200, fields, (_HERE / name).read_bytes())
