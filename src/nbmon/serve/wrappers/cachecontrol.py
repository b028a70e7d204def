"""Cache-Control by pattern: how long which pictures may be kept without asking again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from nbmon.http import Answer, Request, Response
from nbmon.serve.wrappers.common import App, Wrapper, WrongOption, changed, with_field

EXAMPLE = "as in '*.jpg=public, max-age=86400'"
_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = re.compile(rf'{_WORD}(=({_WORD}|"[ !#-\[\]-~]*"))?(, *{_WORD}(=({_WORD}|"[ !#-\[\]-~]*"))?)*')
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


class CacheControl(Wrapper):
    """Says `Cache-Control` by the first rule whose pattern matches the path, as the shell's `*`, `?`, `[…]`.

    A pattern with a slash is held against the whole path, one without against its last name.
    """

    def __init__(self, app: App, rules: Iterable[tuple[str, bytes]]) -> None:
        super().__init__(app)
        self._rules = [
            (re.compile(translate(pattern)).match, "/" in pattern, value) for pattern, value in rules
        ]

    def __call__(self, request: Request) -> Answer:
        """Answer `request`."""
        return changed(self._app(request), lambda response: self._rule(request, response))

    def _rule(self, request: Request, response: Response) -> None:
        if response.status in (200, 206, 304) and request.method in ("GET", "HEAD"):
            path = _decoded(request.path)
            for matches, whole, value in self._rules:
                if matches(path if whole else path.rpartition("/")[2]):
                    with_field(response, b"Cache-Control", value)
                    break

    @staticmethod
    def parse(text: str) -> tuple[str, bytes]:
        """`PATTERN=VALUE`. Raises WrongOption."""
        pattern, equals, value = text.partition("=")
        value = value.strip(" ")
        if not equals or not pattern:
            raise WrongOption(f"cache control {text!r} is no PATTERN=VALUE; write it {EXAMPLE}")
        if not _VALUE.fullmatch(value):
            raise WrongOption(
                f"cache control for {pattern[:60]!r} is {value[:60]!r}; accepted are directives with commas "
                f"between, {EXAMPLE}"
            )
        return pattern, value.encode()


def _decoded(path: bytes) -> str:
    plain = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), path)
    return plain.decode("utf-8", "surrogateescape")
