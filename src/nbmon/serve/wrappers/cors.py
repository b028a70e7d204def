"""Which other sites' pages may read the pictures: the CORS protocol (fetch.spec.whatwg.org, section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nbmon.http import Answer, Request, Response
from nbmon.serve.wrappers.common import App, Field, Wrapper, WrongOption, changed, vary_on

ANY = "*"
EXAMPLE = "as in https://example.org, or * for every site"
PREFLIGHT_AGE = 7200  # seconds: the longest that browsers keep
EXPOSED = b"Accept-Ranges, Content-Length, Content-Range, Date, ETag"
ALLOWED = b"Authorization, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range"
METHODS = b"GET, HEAD"
_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class Cors(Wrapper):
    """Lets the pages of `origins` read the answers. Cookies are never asked for: this server has none."""

    def __init__(self, app: App, origins: Iterable[str]) -> None:
        super().__init__(app)
        self._origins = frozenset(origin.encode() for origin in origins)
        self._any = ANY.encode() in self._origins
        if not self._any:
            self.heeds = (*self.heeds, b"origin")

    def __call__(self, request: Request) -> Answer:
        """Answer `request`."""
        preflight = request.method == "OPTIONS" and request.mentions(b"access-control-request-method:")
        answer = Response(204) if preflight else self._app(request)
        fields = _PREFLIGHT if preflight else _PLAIN
        return changed(answer, lambda response: self._allow(request, response, fields))

    def _allow(self, request: Request, response: Response, fields: list[Field]) -> None:
        origin = b"*" if self._any else request.field(b"origin")
        if not self._any:
            vary_on(response, b"Origin")
        if self._any or origin in self._origins:
            assert origin is not None
            response.fields.append((b"Access-Control-Allow-Origin", origin))
            response.fields += fields

    @staticmethod
    def parse(text: str) -> str:
        """An origin, or `*`. Raises WrongOption."""
        if text != ANY and not _ORIGIN.fullmatch(text):
            raise WrongOption(
                f"cors {text!r} is no origin; accepted is http:// or https:// with a host in lower case and "
                f"perhaps a port, without a path, {EXAMPLE}"
            )
        return text


_PLAIN = [(b"Access-Control-Expose-Headers", EXPOSED)]
_PREFLIGHT = [
    (b"Access-Control-Allow-Methods", METHODS),
    (b"Access-Control-Allow-Headers", ALLOWED),
    (b"Access-Control-Max-Age", b"%d" % PREFLIGHT_AGE),
]
