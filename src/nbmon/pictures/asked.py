"""What is asked of a folder's page: which part of it, in which order, and what is looked for.

Pure, over the query of a URL. Nothing that a stranger writes there is an error: what makes no sense is as if
it were not there, and what two queries mean alike is equal, so that it is rendered once.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

SORTS = ("name", "-name", "-date", "date", "-size", "size")  # the first is the usual one; "-": downwards
MAX_PARTS = 2_000  # of a query that are looked at
MAX_SEARCH = 100  # characters
MAX_PAGE_DIGITS = 6
MAX_NAME = 4_096  # bytes, as PATH_MAX

_DATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")


class Asked(NamedTuple):
    """The meaning of a query; `since` and `until` are a year, a month or a day, both included."""

    page: int = 1
    sort: str = SORTS[0]
    search: str = ""
    since: str = ""
    until: str = ""
    view: bytes = b""  # the picture, by its path from the folder, whose own page is asked for

    @property
    def searches(self) -> bool:
        """Whether only some pictures are wanted, of this folder and of all within."""
        return bool(self.search or self.since or self.until)

    def list(self) -> Asked:
        """What the list of pictures depends on, and nothing else."""
        return self._replace(page=1, view=b"")

    def href(self, view: bytes = b"", **changes: object) -> str:
        """A relative reference to the same folder, asked so, but for `changes`."""
        asked = self._replace(view=view, **changes)  # type: ignore[arg-type]  # by names of this class
        parts = [f"page={asked.page}"] if asked.page > 1 else []
        parts += [f"sort={asked.sort}"] if asked.sort != SORTS[0] else []
        parts += [f"q={quote(asked.search, safe='', errors='replace')}"] if asked.search else []
        parts += [f"from={asked.since}"] if asked.since else []
        parts += [f"to={asked.until}"] if asked.until else []
        parts += [f"view={quote_from_bytes(asked.view)}"] if asked.view else []
        return "./?" + "&".join(parts) if parts else "./"


def values(query: bytes | None, key: bytes) -> list[bytes]:
    """The decoded values of `key` in the query, in order."""
    start, found = key + b"=", []
    for part in (query or b"").split(b"&", MAX_PARTS)[:MAX_PARTS]:
        if part.startswith(start):
            found.append(unquote_to_bytes(part[len(start) :].replace(b"+", b" ")))
    return found


def has(query: bytes | None, key: bytes) -> bool:
    """Whether the query names `key`, with a value or without."""
    parts = (query or b"").split(b"&", MAX_PARTS)[:MAX_PARTS]
    return any(part == key or part.startswith(key + b"=") for part in parts)


def page_number(query: bytes | None) -> int:
    """The N of `page=N` in the query, from 1; 1 where it says nothing sensible."""
    for part in (query or b"").split(b"&", MAX_PARTS):
        digits = part.removeprefix(b"page=")
        if digits != part and digits.isdigit() and len(digits) <= MAX_PAGE_DIGITS:
            return max(1, int(digits))
    return 1


def asked(query: bytes | None) -> Asked:
    """The meaning of `query`, as it came, without its question mark."""
    if not query:
        return Asked()
    sort = _text(query, b"sort")
    view = next(iter(values(query, b"view")), b"")
    return Asked(
        page_number(query),
        sort if sort in SORTS else SORTS[0],
        " ".join(_text(query, b"q").split())[:MAX_SEARCH].strip(),
        _date(_text(query, b"from")),
        _date(_text(query, b"to")),
        view if len(view) <= MAX_NAME and b"\0" not in view else b"",
    )


def _text(query: bytes, key: bytes) -> str:
    return next((value.decode("utf-8", "replace") for value in values(query, key)), "")


def _date(text: str) -> str:
    return text if _DATE.fullmatch(text) else ""
