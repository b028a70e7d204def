"""Fields of a person's own on every answer."""

from __future__ import annotations

import re
from collections.abc import Iterable

from nbmon.http import Answer, Request, Response
from nbmon.serve.wrappers.common import App, Field, Wrapper, WrongOption, changed, with_field

EXAMPLE = "as in 'Referrer-Policy: no-referrer'"
LONGEST = 4096  # bytes
# What frames the answer, or says what the content is: a wrong word there breaks it.
OURS = frozenset(
    b"connection content-encoding content-length content-range content-type date etag keep-alive"
    b" last-modified te trailer transfer-encoding upgrade accept-ranges allow location"
    b" www-authenticate".split()
)
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[!-~]([ \t!-~]*[!-~])?")


class Headers(Wrapper):
    """Adds fields. Each takes the place of one of its name, except policies, which hold all together."""

    def __init__(self, app: App, fields: Iterable[Field]) -> None:
        super().__init__(app)
        self._fields = tuple(fields)

    def __call__(self, request: Request) -> Answer:
        """Answer `request`."""
        return changed(self._app(request), self._add)

    def _add(self, response: Response) -> None:
        for name, value in self._fields:
            if name.lower() == b"content-security-policy":
                response.fields.append((name, value))
            else:
                with_field(response, name, value)

    @staticmethod
    def parse(text: str) -> Field:
        """`Name: value`. Raises WrongOption."""
        name, colon, value = text.partition(":")
        value = value.strip(" \t")
        if not colon or not _NAME.fullmatch(name):
            raise WrongOption(f"header {text!r} is no NAME: VALUE; write it {EXAMPLE}")
        if name.lower().encode() in OURS:
            raise WrongOption(f"header {name} is the server's own to say; others are accepted, {EXAMPLE}")
        if not _VALUE.fullmatch(value) or len(value) > LONGEST:
            raise WrongOption(
                f"header {name} has the value {value[:60]!r}; accepted are 1 to {LONGEST} printable "
                f"ASCII characters, {EXAMPLE}"
            )
        return name.encode(), value.encode()
