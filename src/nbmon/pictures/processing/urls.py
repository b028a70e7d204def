"""Links to processed pictures, for whoever writes a page. Pure.

>>> thumbnail("./a%20b.jpg", 320, fm="webp")
'./a%20b.jpg?w=320&fm=webp'
"""

from __future__ import annotations

import os
from hashlib import blake2b
from urllib.parse import quote, unquote_to_bytes

from nbmon.pictures.processing.signing import signed


class Links:
    """Makes links; with a `key`, signed ones, which need to know the folder that a page is of."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key

    def thumbnail(
        self, href: str, w: int, h: int | None = None, *, under: bytes = b"", **more: str | int | float
    ) -> str:
        """`href`, the relative reference of a picture, made `w` (and `h`) pixels large.

        `under` is the decoded path of the page's folder, as b"a/b/"; `more` are further parameters, with `_`
        for the `-` in their names. `v=version(status)` lets the browser keep it for ever.
        """
        given = {"w": w} | ({} if h is None else {"h": h}) | more
        query = "&".join(f"{key.replace('_', '-')}={_value(value)}" for key, value in given.items())
        if self._key is None:
            return f"{href}?{query}"
        path = under + unquote_to_bytes(href.removeprefix("./"))
        return f"{href}?{signed(self._key, path, query.encode()).decode()}"


def _value(value: str | int | float) -> str:
    return quote(f"{value:g}" if isinstance(value, float) else str(value), safe=",:")


def version(status: os.stat_result) -> str:
    """What changes with a file: as `v` of its links, it lets browsers keep them for ever."""
    seen = b"%d %d %d %d" % (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
    return blake2b(seen, digest_size=6).hexdigest()


thumbnail = Links().thumbnail
