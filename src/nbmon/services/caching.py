"""What `nbmon sign` and `nbmon cache` do: sign an address; show, empty and fill the cache of pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from nbmon.services import places
from nbmon.services.errors import MisuseError, ServiceError, printable, reason_of

if TYPE_CHECKING:
    from nbmon.pictures.cache.bounds import Total

LONGEST_FOR = 100 * 366 * 86_400  # seconds
ACCEPT = "image/avif,image/webp,*/*"  # as browsers of today say it
AT_ONCE = 4  # requests of `warm`
PATIENCE = 120.0  # seconds for one picture


def sign(url: str, key: bytes, seconds: int | None, base: str = "") -> str:
    """`url` with a signature that holds for so many seconds, for ever if None. MisuseError."""
    from urllib.parse import unquote_to_bytes, urlsplit, urlunsplit

    from nbmon.pictures.processing.parsing import BadRecipe, parse
    from nbmon.pictures.processing.signing import signed, split

    parts = urlsplit(url)
    query = parts.query.encode()
    if split(query)[1] is not None:
        raise MisuseError(f"{printable(url)} is signed already; give it without its s=…", "url")
    try:
        names_preset = any(part.startswith(b"p=") for part in query.split(b"&"))
        asked = True if names_preset else parse(query)
    except BadRecipe as wrong:
        raise MisuseError(f"{printable(url)}: {wrong}".rstrip("."), "url") from None
    if not asked:
        raise MisuseError(f"{printable(url)} asks for nothing to be done; add as in ?w=320", "url")
    if seconds is not None:
        query += b"&expires=%d" % (time.time() + seconds)
    path = unquote_to_bytes(parts.path.removeprefix(base)).lstrip(b"/")
    return urlunsplit(parts._replace(query=signed(key, path, query).decode()))


class Shown(NamedTuple):
    """The cache as `cache show` tells of it."""

    path: str
    total: Total


def show() -> Shown:
    """What is in the cache of this user. ServiceError."""
    from nbmon.pictures.cache.bounds import total

    path = _path()
    return Shown(path, total(path))


def clear() -> Shown:
    """Empty the cache of this user; what was in it. ServiceError."""
    from nbmon.pictures.cache.bounds import clear as emptied

    path = _path()
    return Shown(path, emptied(path))


def _path() -> str:
    from nbmon.pictures.cache.store import FOLDER

    return f"{places.cache_folder()}/{FOLDER}"


class Warmed(NamedTuple):
    """What `warm` came to."""

    pictures: int
    failed: list[str]  # a line each


def warm(name: str, query: str, key: bytes | None, tell: Callable[[int, int], None]) -> Warmed:
    """Have every picture of the service `name` made as `query` asks; `tell(done, of)`. ServiceError."""
    from concurrent.futures import ThreadPoolExecutor

    from nbmon.pictures.processing.parsing import BadRecipe, parse

    try:
        if not query.startswith("p=") and parse(query.encode()) is None:
            raise MisuseError(f"{query!r} asks for nothing to be done; give parameters, as in w=320", "query")
    except BadRecipe as wrong:
        raise MisuseError(str(wrong).rstrip("."), "query") from None
    url, target = _running(name)
    asker = _Asker(url, query, key)
    names = list(_pictures(target))
    failed: list[str] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done, fault in enumerate(pool.map(asker.ask, names), 1):
            failed += [fault] if fault else []
            tell(done, len(names))
    return Warmed(len(names), failed)


def _running(name: str) -> tuple[str, str]:
    from nbmon.services import control

    known = control.find(name)
    view = control.view(known) if known is not None else None
    if view is None or not view.url or view.kind != "pictures" or not view.target:
        raise ServiceError(f"no picture server {printable(name)} runs; nbmon start FOLDER starts one")
    return view.url, view.target


def _pictures(target: str) -> Iterator[bytes]:
    """The paths of all pictures that others can be made of, from the folder on."""
    from nbmon.pictures import Folder, FolderError, NotHere, Unavailable
    from nbmon.pictures.kinds import BY_SUFFIX, suffix_of
    from nbmon.pictures.processing.readers import readable_kinds

    try:
        folder = Folder(target)
    except FolderError as error:
        raise ServiceError(str(error)) from None
    ahead: list[list[bytes]] = [[]]
    while ahead:
        where = ahead.pop()
        try:
            with folder.open(where) as entry:
                names = folder.names(entry, where)
        except (NotHere, Unavailable):
            continue
        ahead += [[*where, name] for name in names.folders]
        files = (name for name in sorted(names.files) if BY_SUFFIX.get(suffix_of(name)) in readable_kinds())
        yield from (b"/".join([*where, name]) for name in files)


class _Asker:
    """Asks the server for one picture after the other."""

    def __init__(self, url: str, query: str, key: bytes | None) -> None:
        self._url = url.rstrip("/")
        self._query = query.encode()
        self._key = key

    def ask(self, path: bytes) -> str:
        """Why it could not be had; empty if it could."""
        from urllib.error import HTTPError, URLError
        from urllib.parse import quote_from_bytes
        from urllib.request import Request, urlopen

        from nbmon.pictures.processing.signing import signed

        query = self._query if self._key is None else signed(self._key, path, self._query)
        address = f"{self._url}/{quote_from_bytes(path)}?{query.decode()}"
        request = Request(address, headers={"Accept": ACCEPT}, method="HEAD")  # noqa: S310 - of a running service
        shown = printable(os.fsdecode(path))
        while True:
            try:
                urlopen(request, timeout=PATIENCE).close()  # noqa: S310 - as above
                return ""
            except HTTPError as error:
                if error.code != 503:
                    return f"{shown}: {error.code} {error.reason}"
                time.sleep(float(error.headers.get("Retry-After") or 1))
            except (URLError, OSError) as error:
                reason = getattr(error, "reason", error)
                return f"{shown}: {reason_of(reason) if isinstance(reason, OSError) else reason}"
