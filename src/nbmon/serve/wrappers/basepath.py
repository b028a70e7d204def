"""An application under a path of its own, for a proxy that hands on whole paths."""

from __future__ import annotations

import copy
import re
from collections.abc import Hashable
from urllib.parse import quote

from nbmon.http import Answer, Request, error_response
from nbmon.serve.wrappers.common import App, Wrapper, WrongOption

EXAMPLE = "as in /photos"
_IN_A_QUERY = "".join(map(chr, range(0x21, 0x7F)))  # what stays as it came
_SEGMENT = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:@]+")


class BasePath(Wrapper):
    """Takes `base` off the path; what is not under it is not here."""

    def __init__(self, app: App, base: bytes) -> None:
        super().__init__(app)
        self._base = base

    def __call__(self, request: Request) -> Answer:
        """Answer `request`."""
        if request.path == b"*":
            return self._app(request)
        inner = self._inner(request)
        if inner is not None:
            return self._app(inner)
        if request.path != self._base:
            return error_response(404, "There is nothing here by that name.")
        response = error_response(308, "This is found with a slash at its end.")
        query = "" if request.query is None else "?" + quote(request.query, safe=_IN_A_QUERY)
        # Relative, of one name, and with a dot in front, lest a colon in it be read as a scheme's (RFC 3986
        # section 4.2): it cannot lead to another host.
        location = f"./{self._base.rpartition(b'/')[2].decode()}/{query}"
        response.fields.append((b"Location", location.encode()))
        return response

    def _inner(self, request: Request) -> Request | None:
        if not request.path.startswith(self._base + b"/"):
            return None
        inner = copy.copy(request)
        inner.path = request.path[len(self._base) :]
        return inner

    def _state_of(self, request: Request) -> Hashable:
        inner = self._inner(request)
        return None if inner is None else super()._state_of(inner)

    def _varies(self, target: bytes) -> bool:
        return target.startswith(self._base) and super()._varies(target[len(self._base) :])

    @staticmethod
    def parse(text: str) -> bytes:
        """`/photos` or `/a/b`, b"" for `/`. Raises WrongOption."""
        if text == "/":
            return b""
        path = text[:-1] if text.endswith("/") else text
        first, *segments = path.split("/")
        if first or not segments or not all(map(_SEGMENT.fullmatch, segments)):
            raise WrongOption(
                f"base path {text!r} is no path; accepted are names of letters, digits and - . _ ~ "
                f"behind slashes, {EXAMPLE}"
            )
        if "." in segments or ".." in segments:
            raise WrongOption(f"base path {text!r} has . or .. in it; write the path itself, {EXAMPLE}")
        return path.encode()
